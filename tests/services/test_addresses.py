"""N29: one person, several addresses: who may have which, and what becomes of them."""

import asyncio
import dataclasses

import pytest

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Affiliation, Envelope, Scope
from mailcore.errors import AccountExists, InvalidName, Moved, NotAllowed, OverQuota, UnknownRecipient
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts, addresses, closing, name_changes, user_names
from mailcore.services.accounts.addresses import Origin
from mailcore.services.credentials import login
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import out_of_office
from mailcore.services.webmail import address_book
from mailcore.services.webmail.address_book import WriterName
from mailcore.store.people import accounts as account_store
from mailcore.store.people import addresses as store
from mailcore.store.people import affiliations
from mailcore.store.queue.items import list_items, read_octets
from tests.services.conftest import SetClock
from tests.smtp_talk import PASSWORD, build, inbox

MESSAGE = b"From: a@b.example\r\nTo: %b\r\nSubject: hei\r\nDate: Mon, 1 Jun 2026 12:00:00 +0000\r\n\r\nhei\r\n"


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def core(tmp_path, clock):
    built = build(tmp_path, 'domains = ["old.example"]', names=(), clock=clock)
    for name, words, person in (
        ("kari", "Kari Lie Nordmann", "p1"),
        ("ola", "Ola Hansen", "p2"),
        ("agnes", "Agnes Agent", "p3"),
    ):
        accounts.add_account(
            built, name, display_name=words, person=person, password=PASSWORD, contact=f"{name}@elsewhere.example"
        )
    yield built
    cores.close(built)


def kari(core: Core) -> Account:
    return accounts.find_account(core, "kari")


def owner_of(core: Core, spec: str) -> AccountId | None:
    localpart, _, domain = spec.partition("@")
    return core.db.read(lambda tx: store.find_address_owner(tx, localpart, domain))


def receive(core: Core, to: str, sender: str = "a@b.example", octets: bytes = b"") -> None:
    recipient = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, None, sender=sender))
    asyncio.run(
        delivery.accept(core, Envelope(sender, (to,), "192.0.2.1"), [recipient], octets or MESSAGE % to.encode(), b"")
    )


def subjects(core: Core, name: str) -> list[str]:
    return [Message(octets).header.text("subject") for octets in inbox(core, name)]


# Which


def test_an_owner_chooses_two_that_their_name_allows_and_no_more(core):
    known = addresses.read_overview(core, kari(core).id)
    assert "kari.nordmann@alumni.example" in known.choices
    assert "kari.lie.nordmann@alumni.example" in known.choices
    assert (known.left, [one.spec for one in known.addresses]) == (2, ["kari@alumni.example"])
    assert (
        addresses.choose_address(core, kari(core).id, "Kari.Nordmann@Alumni.Example") == "kari.nordmann@alumni.example"
    )
    addresses.choose_address(core, kari(core).id, "k.nordmann")
    with pytest.raises(NotAllowed):
        addresses.choose_address(core, kari(core).id, "knordmann")
    assert addresses.read_overview(core, kari(core).id).left == 0
    addresses.remove_address(core, kari(core).id, "k.nordmann")  # who removes one gets no other for it
    with pytest.raises(NotAllowed):
        addresses.choose_address(core, kari(core).id, "knordmann")


@pytest.mark.parametrize(
    "wish",
    [
        "ola",
        "postmaster",
        "kari.hansen",
        "rektor",
        "k",
        "kari",
        "kari.nordmann@old.example",
        "KARI.NORDMANN@b.example",
        "",
    ],
)
def test_what_the_name_does_not_allow_is_not_chosen(core, wish):
    with pytest.raises((NotAllowed, InvalidName)):
        addresses.choose_address(core, kari(core).id, wish)
    assert len(addresses.list_own(core, kari(core).id)) == 1


def test_nobody_chooses_what_is_or_looks_like_another_persons(core):
    accounts.add_account(core, "kari2", display_name="Kari Nordmann", password=PASSWORD)
    other = accounts.find_account(core, "kari2").id
    addresses.choose_address(core, other, "kari.nordmann")
    allowed = addresses.read_overview(core, kari(core).id).choices
    for spec in ("kari.nordmann", "kari-nordmann", "karinordmann"):
        assert f"{spec}@alumni.example" not in allowed
    addresses.remove_address(core, other, "kari.nordmann")
    assert "kari.nordmann@alumni.example" not in addresses.read_overview(core, kari(core).id).choices


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("Kari Lie Nordmann", "kari.lie.nordmann"),
        ("Åse Bjørnsdóttir", "ase.bjornsdottir"),
        ("Anne-Marie Næss", "anne-marie.naess"),
        ("Anne-Marie Næss", "annemarie.naess"),
        ("  Ola   Nordmann ", "o.nordmann"),
    ],
)
def test_a_name_allows_what_one_would_write_for_it(name, spelling):
    assert spelling in user_names.list_spellings(name)


@pytest.mark.parametrize("name", ["", "Kari", "李 明", "@ %", "\x00 \n"])
def test_a_name_of_one_word_or_of_other_letters_allows_nothing(name):
    assert user_names.list_spellings(name) == []


# Asked of the desk


def test_the_desk_decides_on_other_addresses_and_the_owner_is_told(core):
    agnes = accounts.find_account(core, "agnes")
    asked = addresses.request_address(core, kari(core).id, "kari.fra.toten", "They know me so.")
    other = addresses.request_address(core, kari(core).id, "rektoren@old.example", "")
    assert [(one.spec, owner.name) for one, owner in addresses.list_requests(core)] == [
        ("kari.fra.toten@alumni.example", "kari"),
        ("rektoren@old.example", "kari"),
    ]
    addresses.approve_request(core, asked.id, agent=agnes)
    addresses.refuse_request(core, other.id, "Det er en tittel.", agent=agnes)
    assert owner_of(core, "kari.fra.toten@alumni.example") == kari(core).id
    assert owner_of(core, "rektoren@old.example") is None
    assert addresses.list_requests(core) == []
    assert "Det er en tittel." in inbox(core, "kari")[-1].decode()
    for number in (asked.id, 999):
        with pytest.raises(NotAllowed):
            addresses.approve_request(core, number, agent=agnes)


def test_no_agent_decides_on_their_own_request(core):
    agnes = accounts.find_account(core, "agnes")
    asked = addresses.request_address(core, agnes.id, "sjefen", "")
    for decide in (
        addresses.approve_request,
        lambda core, number, agent: addresses.refuse_request(core, number, "", agent=agent),
    ):
        with pytest.raises(NotAllowed):
            decide(core, asked.id, agent=agnes)
    assert owner_of(core, "sjefen@alumni.example") is None


def test_what_is_asked_for_is_held_for_who_asked_first(core):
    addresses.request_address(core, kari(core).id, "nordmann", "")
    ola = accounts.find_account(core, "ola").id
    with pytest.raises(NotAllowed):
        addresses.request_address(core, ola, "nordmann", "")
    with pytest.raises(AccountExists):
        core.db.read(lambda tx: user_names.check_name(core, tx, "nordmann"))


def test_requests_have_a_bound_and_must_be_addresses_of_ours(core):
    for wish in ("x@b.example", "a b", "-x-", "", "x" * 80):
        with pytest.raises(InvalidName):
            addresses.request_address(core, kari(core).id, wish, "")
    for wish in ("en", "to2", "tre"):
        addresses.request_address(core, kari(core).id, wish, "")
    with pytest.raises(NotAllowed):
        addresses.request_address(core, kari(core).id, "fire", "")


# A change of name


def read_directory(core: Core, **names: str) -> int:
    people = {"p1": "Kari Lie Nordmann", "p2": "Ola Hansen", "p3": "Agnes Agent", **names}

    def write(tx):
        affiliations.save_affiliations(
            tx, [Affiliation(person, person, ("student",), None, True) for person in people], 1
        )
        return name_changes.note_names(core, tx, people)

    return core.db.write(write)


def test_a_change_of_name_offers_the_new_one_and_keeps_the_old_for_ever(core):
    assert read_directory(core) == 0  # the first reading is no change
    assert read_directory(core, p1="Kari Lie Hansen") == 1
    assert read_directory(core, p1="Kari Lie Hansen") == 0
    offer = name_changes.find_offer(core, kari(core).id)
    assert offer is not None
    assert offer.name == "Kari Lie Hansen"
    assert "kari.hansen@alumni.example" in offer.choices
    changed = name_changes.accept_name(core, kari(core).id, "kari.hansen@alumni.example")
    assert (changed.display_name, changed.address("alumni.example")) == (
        "Kari Lie Hansen",
        "kari.hansen@alumni.example",
    )
    assert name_changes.find_offer(core, changed.id) is None
    assert addresses.read_overview(core, changed.id).left == 2  # it is none of the two
    for spec in ("kari@alumni.example", "kari.hansen@alumni.example"):
        assert owner_of(core, spec) == changed.id
        assert login.authenticate(core, spec, PASSWORD, peer="", scope=Scope.PORTAL).account.id == changed.id


def test_names_of_the_webmail_follow_the_change(core):
    own = kari(core)
    address_book.save_identity(
        core, own.id, WriterName(0, own.display_name, "kari@alumni.example", "Hilsen", first=True)
    )
    address_book.save_identity(core, own.id, WriterName(0, "Korleder", "kari@alumni.example"))
    read_directory(core)
    read_directory(core, p1="Kari Lie Hansen")
    name_changes.accept_name(core, own.id, "kari.hansen")
    names = address_book.identities(core, own.id, "Kari Lie Hansen", "kari.hansen@alumni.example")
    assert [(one.name, one.address) for one in names] == [
        ("Kari Lie Hansen", "kari.hansen@alumni.example"),
        ("Korleder", "kari.hansen@alumni.example"),
        ("Kari Lie Hansen", "kari@alumni.example"),
    ]


def test_who_declines_a_name_keeps_everything_and_is_not_asked_again(core):
    read_directory(core)
    read_directory(core, p1="Kari Lie Hansen")
    name_changes.decline_name(core, kari(core).id)
    assert read_directory(core, p1="Kari Lie Hansen") == 0
    assert name_changes.find_offer(core, kari(core).id) is None
    assert kari(core).display_name == "Kari Lie Nordmann"
    with pytest.raises(NotAllowed):
        name_changes.accept_name(core, kari(core).id)


@pytest.mark.parametrize("name", ["Nordmann, Kari Lie", "KARI LIE NORDMANN", "nordmann kari lie", ""])
def test_another_way_to_write_the_same_name_is_no_change(core, name):
    read_directory(core)
    assert read_directory(core, p1=name) == 0


def test_when_a_directory_writes_all_names_anew_nobody_is_asked(core):
    for number in range(6):
        accounts.add_account(core, f"user{number}", display_name=f"Ny Bruker{number}", person=f"q{number}")
    people = {f"q{number}": f"Ny Bruker{number}" for number in range(6)}
    read_directory(core, **people)
    assert read_directory(core, **{person: f"{name} (student)" for person, name in people.items()}) == 0
    assert (
        read_directory(core, **{person: f"{name} (student)" for person, name in people.items()}, p1="Kari Hansen") == 1
    )


@pytest.mark.parametrize("wish", ["ola", "kari.lie.hansen@old.example", "rektor"])
def test_a_new_name_gives_no_address_but_its_own(core, wish):
    read_directory(core)
    read_directory(core, p1="Kari Lie Hansen")
    with pytest.raises(NotAllowed):
        name_changes.accept_name(core, kari(core).id, wish)
    assert kari(core).display_name == "Kari Lie Nordmann"  # all or nothing


# Equal in every respect


@pytest.fixture
def both(core: Core) -> Core:
    """Kari has an address of a new name, which is the one that she writes under."""
    addresses.add_address(core, kari(core).id, "kari.hansen", actor="test", origin=Origin.NAME)
    addresses.set_main(core, kari(core).id, "kari.hansen")
    return core


ALL = ("kari@alumni.example", "kari.hansen@alumni.example", "kari+x@alumni.example", "Kari.Hansen+y@alumni.example")


@pytest.mark.parametrize("to", ALL)
def test_a_full_box_is_full_by_every_address(both, to):
    both.db.write(lambda tx: tx.run("UPDATE account SET quota=1, used=2 WHERE name='kari'"))
    with pytest.raises(OverQuota):
        both.db.read(lambda tx: recipients.check_recipient(both, tx, to, 100))


@pytest.mark.parametrize("to", ALL)
def test_mail_to_every_address_is_forwarded_once_and_not_back(both, to):
    forwarding.set_forwarding(both, kari(both).id, "kari@elsewhere.example", copy=True, confirmed=True)
    receive(both, to)
    forwarded = [item for item in both.db.read(list_items) if item.origin == "forward"]
    assert [item.recipient for item in forwarded] == ["kari@elsewhere.example"]
    assert forwarded[0].sender.endswith("@srs.alumni.example")
    back = both.db.read(lambda tx: read_octets(tx, both.blobs, forwarded[0]))
    other = ALL[0] if to != ALL[0] else ALL[1]
    receive(both, other, octets=back)  # the target forwards to another address of hers
    assert len([item for item in both.db.read(list_items) if item.origin == "forward"]) == 1


@pytest.mark.parametrize("to", ALL)
def test_an_out_of_office_answer_comes_from_the_address_that_was_written_to(both, to):
    out_of_office.save_away(
        both,
        kari(both).id,
        dataclasses.replace(
            out_of_office.read_away(both, kari(both).id), active=True, subject="Borte", text="Jeg er borte."
        ),
    )
    receive(both, to)
    [answer] = [item for item in both.db.read(list_items) if item.origin == "vacation"]
    text = both.db.read(lambda tx: read_octets(tx, both.blobs, answer)).decode()
    assert f"<{to.lower()}>" in text.lower() or f"from: {to.lower()}" in text.lower()


def test_notices_and_the_card_of_the_account_name_the_main_address(both):
    assert both.config.domain in kari(both).address(both.config.domain)
    assert kari(both).address(both.config.domain) == "kari.hansen@alumni.example"
    assert b"To: kari.hansen@alumni.example" in inbox(both, "kari")[-1]


# The end of an address


def test_a_removed_address_takes_no_mail_is_nobody_elses_and_may_be_taken_back(both):
    spec = addresses.remove_address(both, kari(both).id, "kari")
    with pytest.raises(UnknownRecipient):
        receive(both, spec)
    ola = accounts.find_account(both, "ola").id
    for take in (
        lambda: addresses.add_address(both, ola, spec, actor="test"),
        lambda: addresses.restore_address(both, ola, spec),
        lambda: addresses.request_address(both, ola, spec, ""),
        lambda: accounts.add_account(both, "kari"),
    ):
        with pytest.raises((AccountExists, NotAllowed)):
            take()
    addresses.restore_address(both, kari(both).id, spec)
    receive(both, spec)
    assert subjects(both, "kari")[-1] == "hei"


def test_the_address_that_is_written_under_is_not_removed(both):
    with pytest.raises(NotAllowed):
        addresses.remove_address(both, kari(both).id, "kari.hansen")
    for spec in ("ola", "nobody", "x@old.example"):
        with pytest.raises(NotAllowed):
            addresses.remove_address(both, kari(both).id, spec)
        with pytest.raises(NotAllowed):
            addresses.set_main(both, kari(both).id, spec)


def test_closing_makes_tombstones_of_all_and_undoing_brings_back_what_was_not_removed(both):
    addresses.add_address(both, kari(both).id, "kari.lie@old.example", actor="test")
    addresses.remove_address(both, kari(both).id, "kari.lie@old.example")
    account = kari(both).id
    closing.close_account(both, "kari")
    for spec in ("kari@alumni.example", "kari.hansen@alumni.example"):
        with pytest.raises(UnknownRecipient):
            receive(both, spec)
    closing.reopen_account(both, account)
    assert owner_of(both, "kari@alumni.example") == owner_of(both, "kari.hansen@alumni.example") == account
    assert owner_of(both, "kari.lie@old.example") is None


def test_whoever_writes_to_any_closed_address_is_told_the_new_one(both):
    both.db.write(
        lambda tx: both.mail.append(
            tx,
            kari(both).id,
            both.mail.mailbox(tx, kari(both).id, "Sent").id,
            both.blobs.prepare(b"From: kari@alumni.example\r\nTo: a@b.example\r\n\r\n.\r\n"),
            frozenset(),
            both.clock.now(),
        )
    )
    closing.close_account(both, "kari", new_address="kari@new.example")
    for spec in ("kari@alumni.example", "kari.hansen@alumni.example"):
        with pytest.raises(Moved):
            receive(both, spec)


def test_after_erasure_the_same_person_alone_gets_all_of_them_back(both, clock):
    closing.close_account(both, "kari")
    clock.forward(days=40)
    closing.erase_closed(both)
    with pytest.raises(AccountExists):
        accounts.add_account(both, "kari.hansen", person="p9")
    accounts.add_account(both, "kari", person="p1", password=PASSWORD)
    assert [one.spec for one in addresses.list_own(both, kari(both).id)] == [
        "kari@alumni.example",
        "kari.hansen@alumni.example",
    ]


def test_a_closed_account_is_given_nothing(both):
    account = kari(both).id
    closing.close_account(both, "kari")
    with pytest.raises(AccountExists):
        addresses.add_address(both, account, "kari.ny", actor="test")
    assert both.db.read(lambda tx: account_store.get_account(tx, account)).state == "closed"


def test_everybody_may_be_given_their_user_name_at_a_further_domain(both):
    addresses.add_address(both, accounts.find_account(both, "ola").id, "kari@old.example", actor="test")
    count, taken = addresses.fill_domain(both, "old.example", actor="test")
    assert taken == ["kari"]
    assert owner_of(both, "agnes@old.example") == accounts.find_account(both, "agnes").id
    assert addresses.fill_domain(both, "old.example", actor="test") == (0, ["kari"])
    with pytest.raises(InvalidName):
        addresses.fill_domain(both, "b.example", actor="test")
