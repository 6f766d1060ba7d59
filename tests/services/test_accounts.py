"""Accounts: how they begin, which names they may have, how they are frozen and closed."""

from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.domain import Scope
from mailcore.errors import AccountExists, AccountNotFound, InvalidName, WrongPassword
from mailcore.services.accounts import accounts, addresses, closing, people_file
from mailcore.services.credentials import login
from mailcore.services.quota import quota
from mailcore.store.people.addresses import find_address_owner


def test_a_new_account_has_its_folders_and_one_welcome_message_in_the_inbox(core: Core) -> None:
    ola = accounts.add_account(core, "Ola", display_name="Ola Nordmann")
    found = {box.name: box for box in core.db.read(lambda tx: core.mail.mailboxes(tx, ola.id))}
    assert set(found) == {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}
    assert found["Sent"].special_use == "\\Sent"
    assert [box.messages for box in found.values() if box.messages] == [1]
    octets = core.db.read(lambda tx: core.mail.octets(tx, found["INBOX"].id, 1))
    assert b"Ola Nordmann" in octets
    assert b"2 GB plass" in octets


@pytest.mark.parametrize(
    ("language", "said"), [("nb", b"ubegrenset plass"), ("nn", b"uavgrensa plass"), ("en", b"unlimited space")]
)
def test_letters_name_an_unlimited_quota_in_words(core: Core, language: str, said: bytes) -> None:
    ola = accounts.add_account(core, "ola", language=language, quota=0)
    quota.change_quota(core, ola.id, 2**30, notify=True)
    quota.change_quota(core, ola.id, 0, notify=True)
    inbox = next(box.id for box in core.db.read(lambda tx: core.mail.mailboxes(tx, ola.id)) if box.name == "INBOX")
    letters = [core.db.read(lambda tx, uid=uid: core.mail.octets(tx, inbox, uid)) for uid in (1, 2, 3)]
    assert [said in letter for letter in letters] == [True, False, True]


def test_the_quota_is_two_gib_and_the_address_is_the_name_at_our_domain(core: Core) -> None:
    ola = accounts.add_account(core, "ola")
    assert ola.quota == 2_147_483_648
    assert accounts.list_addresses(core, ola.id) == ["ola@alumni.example"]
    assert core.db.read(lambda tx: find_address_owner(tx, "ola", "alumni.example")) == ola.id


@pytest.mark.parametrize("name", ["a", "o la", "ølav", "-ola", "ola.", "o..la", "x" * 33, "ola@alumni.example", ""])
def test_a_name_that_cannot_be_an_address_is_refused(core: Core, name: str) -> None:
    with pytest.raises(InvalidName):
        accounts.add_account(core, name)


def test_reserved_and_taken_names_and_a_second_account_of_one_person_are_refused(core: Core) -> None:
    accounts.add_account(core, "ola", person="42")
    for name, person in (("postmaster", None), ("OLA", None), ("kari", "42")):
        with pytest.raises(AccountExists):
            accounts.add_account(core, name, person=person)
    assert [account.name for account in accounts.list_accounts(core)] == ["ola"]


def test_a_closed_account_leaves_a_tombstone_and_nobody_gets_its_name(core: Core) -> None:
    accounts.add_account(core, "ola", password="x")
    assert closing.close_account(core, "ola")[0].state == "closed"
    assert core.db.read(lambda tx: find_address_owner(tx, "ola", "alumni.example")) is None
    with pytest.raises(AccountExists):
        accounts.add_account(core, "ola")
    with pytest.raises(AccountNotFound):
        accounts.create_password_link(core, "ola")


def test_a_file_of_accounts_is_read_with_passwords_and_hashes_as_they_are(core: Core, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "username,password,name,person,quota\nuser1,pass,Én,p1,1G\nuser2,{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=,,,\nuser3,,,,\n"
    )
    made = list(accounts.import_accounts(core, people_file.read_csv(file).accounts))
    assert [(a.name, a.person, a.quota) for a in made] == [
        ("user1", "p1", 2**30),
        ("user2", None, 2**31),
        ("user3", None, 2**31),
    ]
    for name in ("user1", "user2"):
        for _ in range(2):  # the old hash is replaced at the first log-in
            assert login.authenticate(core, name, "pass", peer="", scope=Scope.IMAP).account.name == name


@pytest.mark.parametrize(
    "old",
    [  # `doveadm pw`, and /etc/shadow of Debian 12
        "{SHA512-CRYPT}$6$PpEqcg9wb2vGJ1Wp$2YuP1I878YdF.uXiojniZiloEsFzIUgqf2meTxP9X7.6Q./vuv5qUU8bS94tw9KZit1cn1x3jO1j5BfSMF2ij.",
        "{BLF-CRYPT}$2y$05$amaJ1.28jkmluSMrlaMbh.2aNJgtu0YiFfEQfBq05zLxEOcXecfTC",
        "{CRYPT}$2y$05$DbuBAiUNa36wpf5L1eEKzOOPjcMnFskQo2THg/lQb4xP9VhxVipo6",
        "{SSHA512}AkCzqTcF68Nx+rZb2/FRoh216bbjkdy/j54wyvakvb+5Xomt7kNU9gvCtMOI2CUcClkH+nURUJDaKAuq+B0vSfvEeJs=",
        "$6$PpEqcg9wb2vGJ1Wp$2YuP1I878YdF.uXiojniZiloEsFzIUgqf2meTxP9X7.6Q./vuv5qUU8bS94tw9KZit1cn1x3jO1j5BfSMF2ij.",
        "$1$7CgtYRpl$P8v2y/XNGsYDnOPf90zS50",
    ],
)
def test_hashes_of_the_classic_stack_open_the_mailbox_and_are_replaced(core: Core, old: str) -> None:
    account = accounts.add_account(core, "ola", password=old)
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", "passpast", peer="", scope=Scope.IMAP)
    login.authenticate(core, "ola", "passpass", peer="", scope=Scope.IMAP)
    kept = core.db.read(lambda tx: tx.row("SELECT hash FROM credential WHERE account_id=?", account.id))
    assert kept is not None
    assert kept[0].startswith("$argon2id$")


def test_a_hash_of_an_unknown_kind_is_no_password(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username,password\nola,{PBKDF2}$1$abc\n")
    [fault] = people_file.read_csv(file).faults
    assert (fault.line, fault.text.partition(";")[0]) == (2, "a hash of the kind {PBKDF2} cannot be read")


def test_a_table_of_a_norwegian_spreadsheet_is_read_and_one_of_an_old_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("\ufeffusername;name\r\nola;Ola, Øystein\r\n".encode())
    assert [(one.name, one.display_name) for one in people_file.read_csv(file).accounts] == [("ola", "Ola, Øystein")]
    file.write_bytes("username;name\r\nola;Øystein\r\n".encode("latin-1"))
    with pytest.raises(InvalidName, match="not text in UTF-8"):
        people_file.read_csv(file)


DOMAINS = ("alumni.example", "old.example")


def test_without_a_column_of_addresses_everybody_has_the_user_name_and_with_it_what_stands_there(
    core: Core, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username\nola\n")
    file_with = tmp_path / "more.csv"
    file_with.write_text("username;addresses\nkari;Kari.Nordmann kn@old.example kari@alumni.example\nper;\n")
    for one in (file, file_with):
        list(accounts.import_accounts(core, people_file.read_csv(one, DOMAINS).accounts))

    def own(name: str) -> list[str]:
        return accounts.list_addresses(core, accounts.find_account(core, name).id)

    assert own("ola") == ["ola@alumni.example"]
    assert own("per") == ["per@alumni.example"]
    assert sorted(own("kari")) == ["kari.nordmann@alumni.example", "kari@alumni.example", "kn@old.example"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("kari,k@elsewhere.example", "is not at a domain of ours"),
        ("kari,k@@old.example", "cannot be a user name"),
        ("kari,@old.example", "cannot be a user name"),
        ("kari,root", "is reserved"),
        ("kari,ola", "stands in the file twice"),
    ],
)
def test_an_address_that_cannot_be_is_named_with_its_line(line: str, fault: str) -> None:
    people = people_file.parse_people(f"username,addresses\nola,\n{line}\n", DOMAINS)
    assert [account.name for account in people.accounts] == ["ola"]
    assert [(one.line, fault in one.text) for one in people.faults] == [(3, True)]


def test_an_address_that_was_somebody_s_is_given_to_nobody_by_a_file(core: Core) -> None:
    ola = accounts.add_account(core, "ola")
    addresses.add_address(core, ola.id, "ola.nordmann", actor="test")
    addresses.remove_address(core, ola.id, "ola.nordmann", actor="test")
    people = people_file.parse_people("username,addresses\nkari,ola.nordmann\n", DOMAINS)
    assert people_file.leave_out_taken(core, people).accounts == ()
    with pytest.raises(AccountExists):
        list(accounts.import_accounts(core, people.accounts))


def test_a_file_with_a_bad_line_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username\nola\nk ari\n")
    assert [fault.line for fault in people_file.read_csv(file).faults] == [3]


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        (
            'imaps = "0.0.0.0:10993"\nsubmissions = ""\nsubmission = ":10587"\n',
            "IMAP: mx.alumni.example, port 10993 (TLS).\nSMTP: mx.alumni.example, port 10587 (STARTTLS).\n",
        ),
        (
            'imaps = ""\nimap = ":143"\nsubmissions = ":465"\n',
            "IMAP: mx.alumni.example, port 143 (STARTTLS).\nSMTP: mx.alumni.example, port 465 (TLS).\n",
        ),
        ('imaps = ""\nimap = ""\nsubmissions = ""\nsubmission = ""\n', "/clients\n"),
    ],
)
def test_the_welcome_letter_names_the_servers_that_listen(tmp_path: Path, listen: str, said: str) -> None:
    core = cores.build(parse_config(f'data = "{tmp_path}"\n[listen]\n{listen}[outbound]\nmode = "capture"\n'))
    for name, language in (("ola", "nb"), ("kari", "nn"), ("ann", "en")):
        account = accounts.add_account(core, name, language=language)
        inbox = core.db.read(lambda tx, of=account.id: core.mail.mailbox(tx, of, "INBOX"))
        octets = core.db.read(lambda tx, box=inbox.id: core.mail.octets(tx, box, 1))
        body = octets.replace(b"\r\n", b"\n").decode()
        assert said in body
        assert "$" not in body
    cores.close(core)
