"""How often an operation waits for the database: each time is a round trip, of 0.7 ms to another building."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Envelope
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from tests import postgres_server
from tests.round_trips import counted

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


@pytest.mark.parametrize(("people", "times"), [(1, 1), (5, 1), (8, 2)])  # of many, the plan asks once by itself
def test_a_delivery_waits_once_whatever_the_number_of_recipients(core, people, times):
    addresses = add_people(core, people)
    for number in range(2):
        assert len(deliver(core, addresses, number)) == times
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
    """What is sent to the server and waited for, as psycopg does it: by itself, or together in a pipeline."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
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
@pytest.mark.parametrize("people", [1, 5])
def test_a_delivery_is_three_round_trips_to_postgresql(on_a_server, monkeypatch, people):
    core = on_a_server
    addresses = add_people(core, people)
    deliver(core, addresses)
    found = [core.db.read(lambda tx, a=one: recipients.check_recipient(core, tx, a, None)) for one in addresses]
    trips = Trips(monkeypatch)
    asyncio.run(delivery.accept(core, Envelope("k@outside.example", tuple(addresses)), found, MESSAGE % 2, b""))
    assert [one.partition(";")[0] for one in trips.sent] == ["b'BEGIN", "a pipeline", "a pipeline"]
