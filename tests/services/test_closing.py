"""The end of an account: undone within thirty days, erased afterwards, its address nobody else's for ever (S10, N11, N12)."""

import pytest

from mailcore.core import Core
from mailcore.domain import Account, ForwardingState, Scope, Script
from mailcore.errors import (
    AccountExists,
    AccountNotFound,
    InvalidName,
    LinkExpired,
    Moved,
    UnknownRecipient,
    WrongPassword,
)
from mailcore.services.accounts import accounts, closing
from mailcore.services.credentials import contact_addresses, credentials, login
from mailcore.services.delivery import queue_admin, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import administration, health
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from mailcore.services.webmail import indexing
from mailcore.smtp.reply import reply_to
from mailcore.store.delivery.scripts import list_scripts, save_script
from mailcore.store.schema import erasure, tables
from tests.readers import text_of
from tests.services.conftest import SetClock

PASSWORD = "en god lang setning"


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", person="p1", password=PASSWORD, contact="ola@home.example")


def put(core: Core, account: Account, folder: str, octets: bytes) -> None:
    prepared = core.blobs.prepare(octets)

    def write(tx):
        box = core.mail.mailbox(tx, account.id, folder)
        core.mail.append(tx, account.id, box.id, prepared, frozenset(), core.clock.now())

    core.db.write(write)


def look(core: Core, address: str = "ola@alumni.example", sender: str = "friend@home.example"):
    return core.db.read(lambda tx: recipients.check_recipient(core, tx, address, 100, sender=sender))


def enter(core: Core) -> str:
    return login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP).source


def token(link: str) -> str:
    return link.rpartition("/")[2]


def test_s10_from_closing_on_nobody_logs_in_and_mail_is_refused(core: Core, ola: Account) -> None:
    opened = login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP)
    _, link = closing.close_account(core, "ola")
    with pytest.raises(WrongPassword):
        enter(core)
    with pytest.raises(UnknownRecipient) as refused:
        look(core)
    assert reply_to(refused.value).startswith("550 5.1.1 ")
    assert not core.db.read(lambda tx: login.is_still_valid(tx, opened))
    [item] = queue_admin.list_queue(core)
    assert item.recipient == "ola@home.example"
    assert link in text_of(queue_admin.octets(core, item.id))
    with pytest.raises(AccountNotFound):
        closing.close_account(core, "ola")


def test_s10_undo_brings_back_mail_scripts_and_settings_and_asks_the_forwarding_anew(core: Core, ola: Account) -> None:
    put(core, ola, "Archive", b"Subject: kept\r\n\r\nHei\r\n")
    core.db.write(lambda tx: save_script(tx, ola.id, Script("mine", "keep;", True)))
    forwarding.set_forwarding(core, ola.id, "ola@work.example", copy=True, confirmed=True)
    assert "redirect" in filters.read_generated(core, ola.id)
    _, link = closing.close_account(core, "ola")
    assert closing.find_closed_account(core, token(link)).name == "ola"
    closing.undo_closing(core, token(link))
    assert enter(core) == "alumni"
    assert look(core).account == ola.id
    boxes = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    assert boxes.messages == 1
    assert [script.name for script in core.db.read(lambda tx: list_scripts(tx, ola.id))] == ["mine"]
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED
    assert "ola@work.example" not in filters.read_generated(core, ola.id)
    with pytest.raises(LinkExpired):
        closing.undo_closing(core, token(link))


def test_s10_a_link_for_one_thing_does_no_other(core, ola) -> None:
    _, undoing = closing.close_account(core, "ola")
    with pytest.raises(LinkExpired):
        credentials.redeem_link(core, token(undoing), "ei heilt anna setning")
    choosing = core.db.write(lambda tx: credentials.create_link(core, tx, ola.id, 600))
    with pytest.raises(LinkExpired):
        closing.undo_closing(core, token(choosing))
    assert accounts.load_account(core, ola.id).state == "closed"


def test_s10_a_forwarding_that_was_off_stays_off(core: Core, ola: Account) -> None:
    _, link = closing.close_account(core, "ola")
    closing.undo_closing(core, token(link))
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_an_erased_account_stands_last_and_in_a_list_of_its_own(core: Core, ola: Account, clock: SetClock) -> None:
    accounts.add_account(core, "kari")
    closing.close_account(core, "ola")
    assert [line.account.name for line in administration.list_accounts(core, "closed")] == ["ola"]
    clock.forward(days=31)
    closing.erase_closed(core)
    assert [line.account.id for line in administration.list_accounts(core, "erased")] == [ola.id]
    assert administration.list_accounts(core, "closed") == []
    assert [account.id for account in accounts.list_accounts(core)][-1] == ola.id


@pytest.mark.sqlite
def test_s10_after_thirty_days_mail_and_data_are_erased(core: Core, ola: Account, clock: SetClock) -> None:
    for number in range(3):
        put(core, ola, "INBOX", b"Subject: secret %d\r\n\r\nhemmelig innhold\r\n" % number)
    contact_addresses.request_verification(core, ola.id, "other@home.example")
    indexing.update_index(core, ola.id)
    assert core.search.path(ola.id).exists()
    _, link = closing.close_account(core, "ola")
    clock.forward(days=29)
    assert closing.erase_closed(core) == 0
    clock.forward(days=2)
    with pytest.raises(LinkExpired):
        closing.undo_closing(core, token(link))
    assert closing.erase_closed(core) == 1
    assert closing.erase_closed(core) == 0
    assert not core.search.path(ola.id).exists()
    for _ in range(2):  # a blob that nothing names is marked, and gone a day later
        clock.forward(days=2)
        health.sweep_orphans(core)

    def everything(tx) -> str:
        tables = [row[0] for row in tx.rows("SELECT name FROM sqlite_master WHERE type='table' AND name<>'queue'")]
        return repr([tx.rows(f"SELECT * FROM {table}") for table in tables if "fts" not in table])

    left = core.db.read(everything)
    for word in ("hemmelig innhold", "Subject: secret", "$argon2id", "'p1'"):
        assert word not in left
    with pytest.raises(AccountNotFound):
        closing.reopen_account(core, ola.id)


def test_s10_every_table_that_tells_of_an_account_is_emptied(core: Core, ola: Account, clock: SetClock) -> None:
    """Whatever a feature brings: a row of the account's in each table, and after a month none."""

    def told(tx) -> set[str]:
        return {
            table
            for model in tables.all_models()
            for table in (model._meta.table_name,)
            for column in erasure.account_columns(model)
            if tx.row(f"SELECT 1 FROM {table} WHERE {column}=? LIMIT 1", ola.id)
        }

    accounts.create_password_link(core, "ola")
    login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP)
    forwarding.set_forwarding(core, ola.id, "ola@work.example", copy=True)
    before = core.db.read(told)
    assert {"credential", "token", "script", "audit", "forwarding", "login_event", "mailbox"} <= before
    closing.close_account(core, "ola")
    clock.forward(days=31)
    closing.erase_closed(core)
    assert core.db.read(told) <= {"address", "change", "closing", "queue"}


def test_n11_a_name_is_never_given_to_anybody_else(core: Core, ola: Account, clock: SetClock) -> None:
    closing.close_account(core, "ola")
    for days in (0, 31, 4000):
        clock.forward(days=days)
        closing.erase_closed(core)
        for person in (None, "p2"):
            with pytest.raises(AccountExists):
                accounts.add_account(core, "ola", person=person)
    accounts.add_account(core, "kari", person="p2")


def test_s07_the_same_person_may_order_again_and_gets_an_empty_box(core: Core, ola: Account, clock: SetClock) -> None:
    put(core, ola, "INBOX", b"Subject: old\r\n\r\nHei\r\n")
    closing.close_account(core, "ola")
    clock.forward(days=31)
    closing.erase_closed(core)
    again = accounts.add_account(core, "ola", person="p1", password=PASSWORD)
    assert core.db.read(lambda tx: core.mail.mailbox(tx, again.id, "INBOX")).messages == 1  # the welcome
    assert look(core).account == again.id
    assert again.id != ola.id


def test_n12_a_new_address_is_told_to_those_who_were_written_to_and_to_nobody_else(
    core: Core, ola: Account, clock: SetClock
) -> None:
    put(
        core,
        ola,
        "Sent",
        b"From: ola@alumni.example\r\nTo: Friend <Friend@Home.Example>\r\nSubject: Hei\r\n\r\nHei\r\n",
    )
    closing.close_account(core, "ola", new_address="ola@new.example")
    with pytest.raises(Moved) as moved:
        look(core)
    assert reply_to(moved.value).startswith("550 5.1.6 ")
    assert "ola@new.example" in reply_to(moved.value)
    for sender in ("stranger@spam.example", ""):
        with pytest.raises(UnknownRecipient) as refused:
            look(core, sender=sender)
        assert "ola@new.example" not in reply_to(refused.value)
    clock.forward(days=31)
    closing.erase_closed(core)
    with pytest.raises(Moved):
        look(core)
    clock.forward(days=340)
    closing.erase_closed(core)
    with pytest.raises(UnknownRecipient) as refused:
        look(core)
    assert reply_to(refused.value).startswith("550 5.1.1 ")
    assert "friend" not in repr(core.db.read(lambda tx: tx.rows("SELECT * FROM correspondent"))).lower()


def test_n12_without_a_wish_nobody_is_told_anything(core: Core, ola: Account) -> None:
    put(core, ola, "Sent", b"To: friend@home.example\r\n\r\nHei\r\n")
    closing.close_account(core, "ola")
    with pytest.raises(UnknownRecipient) as refused:
        look(core)
    assert reply_to(refused.value).startswith("550 5.1.1 ")


@pytest.mark.parametrize("address", ["me@alumni.example", "no address", "a@b.c, d@e.f"])
def test_n12_the_new_address_must_be_one_outside(core: Core, ola: Account, address: str) -> None:
    with pytest.raises(InvalidName):
        closing.close_account(core, "ola", new_address=address)
    assert enter(core) == "alumni"


def test_s10_closing_over_quota_with_an_open_forwarding_works(core: Core, ola: Account) -> None:
    put(core, ola, "INBOX", b"Subject: big\r\n\r\n" + b"x" * 5000)
    accounts.set_quota(core, "ola", 100)
    forwarding.set_forwarding(core, ola.id, "ola@work.example", copy=True)
    _, link = closing.close_account(core, "ola")
    closing.undo_closing(core, token(link))
    assert enter(core) == "alumni"


def test_s10_an_open_case_stays_the_desks_until_it_is_answered_and_tells_of_nobody_afterwards(
    core: Core, ola: Account, clock: SetClock
) -> None:
    ticket = core.db.write(
        lambda tx: tickets.open_ticket(
            core, tx, kind="other", subject="Hm", text="Hva nå?", reply_to="ola@home.example", account=ola.id
        )
    )
    _, link = closing.close_account(core, "ola")
    assert [one.id for one in tickets.list_tickets(core)] == [ticket.id]
    closing.undo_closing(core, token(link))
    assert tickets.get_owned_ticket(core, ola.id, ticket.id).state == "open"
    closing.close_account(core, "ola")
    clock.forward(days=31)
    closing.erase_closed(core)
    assert tickets.get_ticket(core, ticket.id).account is None
