"""Capabilities that depend on the session: before log-in, after it, and without TLS."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.services.accounts import accounts
from tests.protocol.test_transcripts import Player

CHANGING = ("STARTTLS", "LOGINDISABLED", "AUTH=PLAIN", "COMPRESS=DEFLATE")
LOGIN = b"a LOGIN ola secret-enough\r\n"


@pytest.fixture
def core(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n'))
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password="secret-enough")
    yield built
    cores.close(built)


async def hear(core, protocol: str, *sent: bytes, secure: bool) -> str:
    player = Player(core, protocol, secure=secure)
    heard = await player.said()
    for line in sent:
        heard = await player.said(line)
    player.stop()
    return "\n".join(heard)


@pytest.mark.parametrize(("sent", "secure", "listed"), [
    ((), False, ("STARTTLS", "LOGINDISABLED")),
    ((), True, ("AUTH=PLAIN",)),
    ((LOGIN,), True, ("COMPRESS=DEFLATE",)),
    ((LOGIN, b"b COMPRESS DEFLATE\r\n", b"c CAPABILITY\r\n"), True, ()),
])  # fmt: skip
def test_imap_lists_what_is_offered_now(core, sent, secure, listed):
    heard = asyncio.run(hear(core, "imap", *sent, secure=secure))
    assert " IMAP4rev1 IMAP4rev2 LITERAL+ " in heard
    assert f" APPENDLIMIT={core.config.message_octets} MESSAGELIMIT=1000000 IMAPSIEVE=sieve://" in heard
    words = heard.replace("]", " ").split()
    assert tuple(name for name in CHANGING if name in words) == listed


@pytest.mark.parametrize(("sent", "secure", "lines"), [
    ((), False, ('"SASL" ""', '"STARTTLS"')),
    ((), True, ('"SASL" "PLAIN LOGIN"',)),
    ((b'AUTHENTICATE "PLAIN" "AG9sYQBzZWNyZXQtZW5vdWdo"\r\n', b"CAPABILITY\r\n"), True, ('"SASL" ""', '"OWNER" "ola"')),
])  # fmt: skip
def test_managesieve_lists_what_is_offered_now(core, sent, secure, lines):
    heard = asyncio.run(hear(core, "managesieve", *sent, secure=secure)).splitlines()
    assert tuple(line for line in heard if line.split()[0] in ('"SASL"', '"STARTTLS"', '"OWNER"')) == lines
    assert '"UNAUTHENTICATE"' in heard
