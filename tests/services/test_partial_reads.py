"""A part of a large message in a bucket (BODY[]<0.1000>): it alone is fetched, and the whole for who reads on."""

import asyncio
import os
from collections.abc import Callable, Iterator

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.store.objects.s3 import S3Objects
from tests import s3_server
from tests.protocol.test_transcripts import Player
from tests.services.test_objects import forget, settings_of

Ask = Callable[[str], str]
MESSAGE = b"From: Kari <kari@outside.example>\r\nSubject: hei\r\n\r\n" + os.urandom(3_000_000).hex().encode() + b"\r\n"
PREFIX = b"Received: x\r\n"


@pytest.fixture(scope="module")
def server():
    with s3_server.serving() as running:
        yield running


@pytest.fixture
def core(server, tmp_path) -> Iterator[Core]:
    bucket = server.new_place()
    where = f"s3://{bucket.name}/{bucket.prefix}"
    made = cores.build(Config(data=str(tmp_path / "var"), blobs=where, s3=settings_of(server.endpoint)))
    ola = accounts.add_account(made, "ola", password="en lang hemmelighet")
    prepared = made.blobs.prepare(MESSAGE)

    def fill(tx) -> None:
        inbox = made.mail.mailbox(tx, ola.id, "INBOX")
        for _ in range(2):
            made.mail.append(tx, ola.id, inbox.id, prepared, frozenset(), made.clock.now(), prefix=PREFIX)

    made.db.write(fill)
    forget(made.blobs.objects)
    yield made
    cores.close(made)


@pytest.fixture
def ask(core) -> Iterator[Ask]:
    loop = asyncio.new_event_loop()
    player = Player(core, "imap", loop=loop)

    def say(command: str) -> str:
        answer = loop.run_until_complete(player.said(f"a {command}\r\n".encode()))
        assert answer[-1].startswith("a OK"), answer[-1]
        return "\r\n".join(answer)

    loop.run_until_complete(player.said())
    for command in ('LOGIN ola "en lang hemmelighet"', "EXAMINE INBOX"):
        say(command)
    yield say
    player.stop()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.fixture
def read(core, monkeypatch) -> list[int]:
    """Octets of each request for a part or a whole."""
    assert isinstance(core.blobs.objects, S3Objects)
    sizes: list[int] = []
    ranged = core.blobs.objects._range

    def noted(name: bytes, start: int, stop: int) -> tuple[bytes, int]:
        octets, size = ranged(name, start, stop)
        sizes.append(len(octets))
        return octets, size

    monkeypatch.setattr(core.blobs.objects, "_range", noted)
    return sizes


def test_a_part_is_all_that_is_fetched(ask, read):
    whole = PREFIX + MESSAGE
    assert whole[:1000].decode() in ask("FETCH 2 (BODY.PEEK[]<0.1000>)")
    assert read == [1000 - len(PREFIX)]
    # who reads on gets the whole, once
    assert whole[1000:2000].decode() in ask("FETCH 2 (BODY.PEEK[]<1000.1000>)")
    assert whole[5_000_000:5_000_900].decode() in ask("FETCH 2 (BODY.PEEK[]<5000000.900>)")
    assert read[1:] == [len(MESSAGE)]


def test_parts_of_one_command_are_one(ask, read):
    whole = PREFIX + MESSAGE
    answer = ask("FETCH 2 (BODY.PEEK[]<100.50> UID BODY.PEEK[]<4000.70>)")
    assert f"BODY[]<100> {{50}}\r\n{whole[100:150].decode()}" in answer
    assert f"BODY[]<4000> {{70}}\r\n{whole[4000:4070].decode()}" in answer
    assert read == [3970]


@pytest.mark.parametrize(
    "items", ["BODY.PEEK[]<0.9> BODY.PEEK[TEXT]<0.9>", "BODY.PEEK[]<0.2000000>", "BINARY.PEEK[]<0.9>"]
)
def test_what_a_part_does_not_tell_is_read_from_the_whole(ask, read, items):
    ask(f"FETCH 2 ({items})")
    assert sum(read) == len(MESSAGE)


def test_a_part_behind_the_end_is_empty(ask, read):
    assert "BODY[]<9000000> {0}" in ask("FETCH 2 (BODY.PEEK[]<9000000.1000>)")
    assert read == []


def test_a_part_of_what_stands_in_the_database_is_read_there_whatever_the_setting_is_now(core, ask, read):
    octets = b"Subject: small\r\n\r\n" + b"a line\r\n" * 1000

    def fill(tx) -> None:
        inbox = core.mail.mailbox(tx, accounts.find_account(core, "ola").id, "INBOX")
        core.mail.append(tx, inbox.account, inbox.id, core.blobs.prepare(octets), frozenset(), core.clock.now())

    core.db.write(fill)
    core.blobs.inside = 1000
    ask("EXAMINE INBOX")
    assert octets[:500].decode() in ask("FETCH * (BODY.PEEK[]<0.500>)")
    assert read == []
