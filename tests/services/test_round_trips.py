"""How often an operation waits for the database: each time is a round trip, of 0.7 ms to another building."""

import asyncio
from collections.abc import Callable, Iterator

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Envelope
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.store.engine import db
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import enqueue_mail, find_item
from tests import postgres_server
from tests.protocol.test_transcripts import Player
from tests.round_trips import counted

LOGIN, SEEN = 'LOGIN ola "en lang hemmelighet"', frozenset({"\\Seen"})
MESSAGE = b"From: Kari <kari@outside.example>\r\nSubject: hei\r\nMessage-ID: <%d@outside.example>\r\n\r\nhei\r\n"


def add_people(core: Core, count: int) -> list[str]:
    for number in range(count):
        accounts.add_account(core, f"ola{number}")
    return [f"ola{number}@alumni.example" for number in range(count)]


def deliver(core: Core, addresses: list[str], number: int = 1) -> list[str]:
    """Deliver one message to all; give what was waited for between RCPT and `250`."""
    found = [core.db.read(lambda tx, a=one: recipients.check_recipient(core, tx, a, None)) for one in addresses]
    envelope = Envelope("kari@outside.example", tuple(addresses))
    with counted() as waited:
        done = asyncio.run(delivery.accept(core, envelope, found, MESSAGE % number, b"Received: x\r\n"))
    assert [one.outcome.value for one in done] == ["filed"] * len(addresses)
    return waited


def test_rcpt_waits_once(core):
    [address] = add_people(core, 1)
    with counted() as waited:
        core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))
    assert len(waited) == 1


@pytest.mark.once
@pytest.mark.parametrize("people", [1, 5, 40])
def test_a_delivery_waits_once_whatever_the_number_of_recipients(core, people):
    addresses = add_people(core, people)
    for number in range(2):
        assert len(deliver(core, addresses, number)) == 1
    boxes = core.db.read(lambda tx: tx.rows("SELECT DISTINCT uidnext-messages FROM mailbox WHERE name='INBOX'"))
    assert boxes == [(1,)]


@pytest.fixture
def on_a_server(tmp_path) -> Iterator[Core]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE one")
        core = cores.build(Config(data=str(tmp_path / "var"), database=url.replace("@/postgres?", "@/one?")))
        yield core
        cores.close(core)


class Trips:
    """Round trips to the server as psycopg makes them: single statements, or several in a pipeline."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        patch.setattr(db, "SLOW_SECONDS", float("inf"))
        execute, leave = psycopg.Cursor.execute, psycopg.Pipeline.__exit__

        def noted(cursor, query, *args, **more):
            if cursor.connection._pipeline is None:
                self.sent.append(str(query))
            return execute(cursor, query, *args, **more)

        def left(pipeline, *args):
            self.sent.append("a pipeline")
            leave(pipeline, *args)

        patch.setattr(psycopg.Cursor, "execute", noted)
        patch.setattr(psycopg.Pipeline, "__exit__", left)


@pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
@pytest.mark.once
@pytest.mark.parametrize("people", [1, 5, 40])
def test_a_delivery_is_three_round_trips_to_postgresql(on_a_server, monkeypatch, people):
    core = on_a_server
    addresses = add_people(core, people)
    deliver(core, addresses)
    found = [core.db.read(lambda tx, a=one: recipients.check_recipient(core, tx, a, None)) for one in addresses]
    trips = Trips(monkeypatch)
    asyncio.run(delivery.accept(core, Envelope("k@outside.example", tuple(addresses)), found, MESSAGE % 2, b""))
    assert [one.partition(";")[0] for one in trips.sent] == ["b'BEGIN", "a pipeline", "a pipeline"]


@pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
@pytest.mark.parametrize(("trip_seconds", "sent"), [(0.0007, ["a pipeline"]), (0.0001, ["BEGIN", "SELECT 1"])])
def test_a_read_is_one_round_trip_to_a_server_that_is_far(on_a_server, monkeypatch, trip_seconds, sent):
    on_a_server.db._trip_seconds = trip_seconds
    on_a_server.db.is_readable()
    trips = Trips(monkeypatch)
    assert on_a_server.db.is_readable()
    assert [one.partition(" ISOLATION")[0] for one in trips.sent] == sent


@pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
@pytest.mark.parametrize("trip_seconds", [0.0007, 0.0001])
def test_a_reader_whose_connection_was_ended_takes_another(on_a_server, trip_seconds):
    db = on_a_server.db
    db._trip_seconds = trip_seconds
    assert db.is_readable()
    with psycopg.connect(db.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid<>pg_backend_pid()")
    assert db.is_readable()


@pytest.fixture
def reader(core: Core) -> Iterator[Callable[[str], list[str]]]:
    """Ola's mail program, which has logged in before: gives what one command waits for."""
    ola = accounts.add_account(core, "ola", password="en lang hemmelighet")

    def fill(tx: Tx) -> None:
        box = core.mail.mailbox(tx, ola.id, "INBOX")
        for number in range(60):
            core.mail.append(tx, ola.id, box.id, core.blobs.prepare(MESSAGE % number), SEEN, core.clock.now())
        tx.run("UPDATE mailbox SET recent=uidnext WHERE id=?", box.id)

    core.db.write(fill)
    loop = asyncio.new_event_loop()
    players = [Player(core, "imap", loop=loop) for _ in range(2)]

    def ask(command: str, player: Player = players[1]) -> list[str]:
        core.db.write(lambda tx: None)  # behind notes for which nobody waits
        with counted() as waited:
            answer = loop.run_until_complete(player.said(f"a {command}\r\n".encode()))
        assert answer[-1].startswith("a OK"), answer
        return waited

    for player in players:
        loop.run_until_complete(player.said())
    ask(LOGIN, players[0])
    yield ask
    for player in players:
        player.stop()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ((), LOGIN),
        ((LOGIN,), "SELECT INBOX"),
        ((LOGIN, "SELECT INBOX"), "FETCH 1:50 (UID FLAGS BODY.PEEK[])"),
        ((LOGIN, "SELECT INBOX"), "FETCH 1:50 (UID FLAGS ENVELOPE)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_mail_program_asks_all_day_waits_twice(reader, before, command):
    for one in before:
        reader(one)
    assert len(reader(command)) <= 2


@pytest.mark.once
@pytest.mark.parametrize(
    ("command", "times"),
    [
        (r"STORE 1:50 +FLAGS (\Deleted)", 2),
        (r"STORE 1:5,7,9,11:20 FLAGS.SILENT (\Answered)", 2),
        ("STORE 1:50 +FLAGS ($Label)", 3),  # which keywords are there
        ("COPY 1:50 Archive", 1),
        ("COPY 1:5,7,9,11:20 Archive", 1),
        ("MOVE 1:5,7,9 Archive", 1),
        ("EXPUNGE", 1),
        ("CREATE New", 2),
        ("CREATE a/b/c/d", 2),
        ("DELETE Archive", 1),
        ("RENAME Archive Old", 1),
        ("RENAME Archive a/b/Old", 2),
        ("RENAME INBOX a/b/Old", 4),
        ("SUBSCRIBE Archive", 1),
        ("UNSUBSCRIBE Archive", 1),
        (f"APPEND Archive {{{len(MESSAGE) + 1}+}}\r\n{(MESSAGE % 777).decode()}", 1),
    ],
)
def test_a_change_waits_as_often_whatever_its_size(reader, command, times):
    """Beside the lock at its beginning and the commit."""
    for one in (LOGIN, "SELECT INBOX", r"STORE 1:50 +FLAGS (\Deleted)"):
        reader(one)
    waited = reader(command)
    news = [text for text in waited if "uidvalidity, purged" in text]  # a reading of its own, behind the change
    assert len(waited) - len(news) <= times, waited
    assert len(news) <= 1


@pytest.mark.parametrize("count", [1, 30])
def test_mail_is_queued_by_two_questions_whatever_the_number_of_recipients(core, count):
    prepared = core.blobs.prepare(MESSAGE % 1)
    recipients = [f"kari{number}@outside.example" for number in range(count)]

    def queue(tx: Tx) -> tuple[list[int], list[str]]:
        with counted() as waited:
            ids = enqueue_mail(
                tx, core.blobs, sender="ola@alumni.example", recipients=recipients, prepared=prepared, prefix=b"",
                account=None, origin="submission", now=core.clock.seconds(),
            )  # fmt: skip
        return ids, waited

    ids, waited = core.db.write(queue)
    assert len(waited) == 2
    items = core.db.read(lambda tx: [find_item(tx, item) for item in ids])
    assert [item.recipient for item in items if item] == recipients
