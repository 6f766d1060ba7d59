"""A database of the first version, and one of release 0.1.0, is brought up to date when it is opened; nothing in it is lost."""

from pathlib import Path

import apsw
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId, Scope
from mailcore.mail.asking.criteria import Field, Summed
from mailcore.mail.reading.text import fold
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import health, rereading
from mailcore.services.tickets import tickets
from mailcore.services.webmail import address_book
from mailcore.store.mail import query

pytestmark = pytest.mark.sqlite  # earlier versions had no other database
OLA = AccountId(1)


def opened(folder: Path, dump: str) -> Core:
    database = apsw.Connection(str(folder / "alumnimail.db"))
    for _ in database.execute(Path(__file__).with_name(dump).read_text()):
        pass
    database.close()
    return cores.build(Config(data=str(folder)))


@pytest.fixture
def old(tmp_path: Path):
    core = opened(tmp_path, "first_schema.sql")
    yield core
    cores.close(core)


@pytest.fixture
def released(tmp_path: Path):
    core = opened(tmp_path, "release_0_1_0.sql")
    yield core
    cores.close(core)


def test_its_mail_is_there_and_can_be_searched(old: Core):
    box = old.db.read(lambda tx: old.mail.mailbox(tx, OLA, "INBOX"))
    assert (box.messages, box.keywords) == (2, frozenset({"$x"}))
    plan = query.plan(Field(Summed.SUBJECT, fold("hei")))
    assert [row[query.UID] for row in old.db.read(lambda tx: plan.narrow(tx, box.id))] == [2]
    assert old.db.read(lambda tx: old.mail.octets(tx, box.id, 2)).endswith(b"\r\n\r\nhei\r\n")


def test_its_password_opens_the_account(old: Core):
    assert login.authenticate(old, "ola", "en lang hemmelighet", peer="127.0.0.1", scope=Scope.IMAP).account.id == OLA


def test_all_is_well(old: Core):
    assert health.check_installation(old, repair=False) == []


def test_a_second_opening_changes_nothing(old: Core, tmp_path: Path):
    again = cores.build(Config(data=str(tmp_path)))
    try:
        assert accounts.find_account(again, "ola") == accounts.find_account(old, "ola")
    finally:
        cores.close(again)


def test_of_the_release_all_is_well(released: Core):
    assert health.check_installation(released, repair=False) == []


def test_of_the_release_people_and_their_mail_are_there(released: Core):
    assert [account.name for account in accounts.list_accounts(released)] == ["kari", "ola", "postmaster"]
    ola = login.authenticate(released, "ola", "en lang hemmelighet", peer="127.0.0.1", scope=Scope.IMAP).account
    box = released.db.read(lambda tx: released.mail.mailbox(tx, ola.id, "INBOX"))
    assert (box.messages, box.unseen, box.keywords, box.recent) == (3, 2, frozenset({"$work"}), box.uidnext)
    plan = query.plan(Field(Summed.SUBJECT, fold("BLÅBÆR")))
    assert [row[query.UID] for row in released.db.read(lambda tx: plan.narrow(tx, box.id))] == [2, 3]
    assert [(one.address, one.name) for one in address_book.list_contacts(released, ola.id)] == [
        ("tante@home.example", "Tante")
    ]
    assert (
        forwarding.read_forwarding(released, accounts.find_account(released, "kari").id).target == "kari@home.example"
    )


def test_of_the_release_help_cases_go_on(released: Core):
    assert [tickets.get_ticket(released, number).subject for number in (1, 2)] == ["I cannot log in", "Innlogging"]
    assert tickets.list_messages(released, tickets.get_ticket(released, 1), notes=True)[0].text == "What shall I do?"


def test_of_the_release_mail_is_read_anew(released: Core):
    [blobs] = released.db.read(lambda tx: tx.row("SELECT MAX(id) FROM blob"))
    assert released.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='reread'")) == (f"0/{blobs}",)
    while rereading.reread_blobs(released):
        pass
    assert health.check_installation(released, repair=False) == []


def test_of_the_release_new_mail_comes_in(released: Core):
    ola = accounts.find_account(released, "ola")
    released.db.write(
        lambda tx: released.mail.append(
            tx,
            ola.id,
            released.mail.mailbox(tx, ola.id, "INBOX").id,
            released.blobs.prepare(b"Subject: new\r\n\r\nnew\r\n"),
            frozenset(),
            released.clock.now(),
        )
    )
    assert released.db.read(lambda tx: released.mail.mailbox(tx, ola.id, "INBOX")).messages == 4
    assert health.check_installation(released, repair=False) == []
