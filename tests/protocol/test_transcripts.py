"""Play every transcript in this folder against a session with a real store.  No sockets.

`C:` is sent (with CRLF), `S:` is expected; `S: ~ text` only asks that the line begins with the text.  A `C:` line that
ends in `{n+}` is followed by `C:` lines of the literal.  A line `T: name` begins a new session; `Q: full` lets the
account's quota be what is used now.  `M: INBOX 5` lets the mailbox hold so many messages, all of them \\Recent, from
UID 1 on, under a UIDVALIDITY that is always the same.
"""

import asyncio
import re
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap.session import Session as ImapSession
from mailcore.managesieve.session import Session as SieveSession
from mailcore.services.accounts import accounts
from mailcore.store.people.accounts import find_account
from tests.protocol.wire import TestWire

SCRIPTS = sorted(Path(__file__).parent.glob("*/*.txt"))
SESSIONS = {"imap": ImapSession, "managesieve": SieveSession}
MESSAGE = (Path(__file__).parent / "message.eml").read_bytes().replace(b"\n", b"\r\n")


@pytest.fixture
def core(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    ola = accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")
    prepared = built.blobs.prepare(MESSAGE)

    def fill(tx):
        box = built.mail.create(tx, ola.id, "Work")
        tx.run("UPDATE mailbox SET uidvalidity=77 WHERE id=?", box.id)
        for _ in range(4):
            built.mail.append(tx, ola.id, box.id, prepared, frozenset(), built.clock.now().replace(2026, 2, 3, 4, 5, 6))

    built.db.write(fill)
    built.db.write(lambda tx: tx.run("UPDATE mailbox SET recent=uidnext"))  # what is new is for the scripts to say
    yield built
    cores.close(built)


def fill(core, tx, name: str, count: str) -> None:
    ola = find_account(tx, "ola").id
    boxes = {box.name: box for box in core.mail.mailboxes(tx, ola)}
    box = boxes.get(name) or core.mail.create(tx, ola, name)
    core.mail.expunge(tx, box.id, None, only_deleted=False)
    tx.run("UPDATE mailbox SET uidvalidity=?, uidnext=1, modseq=1, recent=1 WHERE id=?", 70 + len(name), box.id)
    for _ in range(int(count)):
        core.mail.append(
            tx, ola, box.id, core.blobs.prepare(MESSAGE), frozenset(), core.clock.now().replace(2026, 2, 3, 4, 5, 6)
        )


class Player:
    """Runs a session beside the test and says when it waits for the client again."""

    def __init__(
        self, core, protocol: str, *, secure: bool = True, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.wire = TestWire(secure=secure)
        self._task = asyncio.ensure_future(SESSIONS[protocol](core, self.wire).run(), loop=loop)

    async def said(self, sent: bytes = b"") -> list[str]:
        if sent:
            self.wire.send(sent)
        waits = asyncio.ensure_future(self.wire.waiting.wait())
        await asyncio.wait([waits, self._task], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
        return self.wire.heard().split("\r\n")[:-1]

    def stop(self) -> None:
        self._task.cancel()


def steps(script: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(?:(C|S|T|Q|M):) ?(.*)$", script.read_text(), re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_transcript(script: Path, core):
    async def play() -> None:
        player, heard = Player(core, script.parent.name), []
        await player.said()  # the greeting
        for who, text in steps(script):
            if who == "T":
                assert not heard
                player.stop()
                player = Player(core, script.parent.name, secure=text != "plain")
                heard = await player.said()
            elif who == "M":
                core.db.write(lambda tx, text=text: fill(core, tx, *text.split()))
            elif who == "Q":
                core.db.write(lambda tx: tx.run("UPDATE account SET quota=used WHERE name='ola'"))
            elif who == "C":
                assert not heard, f"unexpected before {text!r}"
                heard = await player.said(text.encode() + b"\r\n")
            else:
                assert heard, f"nothing more was said; expected {text!r}"
                said = heard.pop(0)
                fits = said.startswith(text[2:]) if text.startswith("~ ") else said == text
                assert fits, f"said {said!r}, expected {text!r}"
        assert not heard
        player.stop()

    asyncio.run(play())
