"""Play every transcript in this folder against a session with a real store.  No sockets.

`C:` is sent (with CRLF), `S:` is expected; `S: ~ text` only asks that the line begins with the text.  A `C:` line that
ends in `{n+}` is followed by `C:` lines of the literal.  A line `T: name` begins a new session.
"""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import parse_config
from mailcore.imap.session import Session as ImapSession
from mailcore.managesieve.session import Session as SieveSession
from mailcore.services import accounts
from tests.protocol.wire import TestWire

SCRIPTS = sorted(Path(__file__).parent.glob("*/*.txt"))
SESSIONS = {"imap": ImapSession, "managesieve": SieveSession}
MESSAGE = (Path(__file__).parent / "message.eml").read_bytes().replace(b"\n", b"\r\n")


@pytest.fixture
def core(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    ola = accounts.add(built, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")
    prepared = built.blobs.prepare(MESSAGE)

    def fill(tx):
        box = built.mail.create(tx, ola.id, "Work")
        tx.run("UPDATE mailbox SET uidvalidity=77 WHERE id=?", box.id)
        for _ in range(4):
            built.mail.append(tx, ola.id, box.id, prepared, frozenset(), built.clock.now().replace(2026, 2, 3, 4, 5, 6))

    built.db.write(fill)
    yield built
    cores.close(built)


async def talk(session, wire, sent: bytes) -> list[str]:
    wire.framer.feed(sent)
    with contextlib.suppress(ConnectionResetError):
        await session.run(greet=False)
    return wire.heard().split("\r\n")[:-1]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_transcript(script: Path, core):
    wire = TestWire()
    session = SESSIONS[script.parent.name](core, wire)
    steps = re.findall(r"^(?:(C|S|T): ?)(.*)$", script.read_text(), re.MULTILINE)

    async def play() -> None:
        nonlocal wire, session
        heard: list[str] = []
        for number, (who, text) in enumerate(steps):
            if who == "T":
                wire = TestWire(secure=text != "plain")
                session = SESSIONS[script.parent.name](core, wire)
            elif who == "C":
                assert not heard, f"unexpected before {text!r}: {heard}"
                heard = await talk(session, wire, text.encode() + b"\r\n")
            else:
                assert heard, f"nothing more was said; expected {text!r} (step {number})"
                said = heard.pop(0)
                if text.startswith("~ "):
                    assert said.startswith(text[2:])
                else:
                    assert said == text
        assert not heard

    asyncio.run(play())
