"""A client that was away and comes back by QRESYNC knows exactly what is there (RFC 7162 section 3.2.5).

Whatever happened meanwhile, and however often the change log was cut.
"""

import asyncio
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap.session import Session
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.store.mail import condstore
from tests.protocol.wire import TestWire

deeds = st.lists(
    st.tuples(st.sampled_from(["append", "flag", "unflag", "remove", "move", "keyword", "cut"]), st.integers(0, 30)),
    max_size=12,
)


class Away:
    """State that the client remembers: flags by UID, and the modseq up to which it knows all changes."""

    def __init__(self, uidvalidity: int) -> None:
        self.uidvalidity, self.modseq = uidvalidity, 1
        self.flags: dict[int, frozenset[bytes]] = {}

    async def come_back(self, core) -> None:
        wire = TestWire()
        task = asyncio.ensure_future(Session(core, wire).run())
        heard = b""
        fresh = max(self.flags, default=0) + 1  # of what is outside the known set the client asks itself
        for command in (
            b'a LOGIN ola "en lang hemmelighet"',
            b"a ENABLE QRESYNC",
            b"a SELECT Shared (QRESYNC (%d %d%s))" % (self.uidvalidity, self.modseq, self._known()),
            b"a UID FETCH %d:* (FLAGS MODSEQ)" % fresh,
        ):
            wire.said.clear()
            wire.send(command + b"\r\n")
            await asyncio.wait_for(wire.waiting.wait(), 60)
            heard += bytes(wire.said)
        for line in heard.split(b"\r\n"):
            if found := re.match(rb"\* VANISHED \(EARLIER\) (\S+)", line):
                for part in found[1].split(b","):
                    first, _, last = part.partition(b":")
                    for uid in range(int(first), int(last or first) + 1):
                        self.flags.pop(uid, None)
            elif found := re.match(rb"\* \d+ FETCH \(UID (\d+) FLAGS \((.*?)\) MODSEQ", line):
                self.flags[int(found[1])] = frozenset(found[2].split()) - {b"\\Recent"}
            elif found := re.match(rb"\* OK \[HIGHESTMODSEQ (\d+)", line):
                self.modseq = int(found[1])
        assert b"a OK [READ-WRITE]" in heard
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _known(self) -> bytes:
        """Sometimes the client says what it knows, so that less is told."""
        return b" 1:%d" % max(self.flags) if self.flags and self.modseq % 2 else b""


@pytest.fixture
def core(tmp_path, monkeypatch):
    monkeypatch.setattr(condstore, "KEEP", 2)
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    accounts.add_account(built, "ola", quota=2**30, password="en lang hemmelighet")
    yield built
    cores.close(built)


@pytest.mark.slow
def test_a_client_that_comes_back_is_in_step(core):
    ola = accounts.find_account(core, "ola").id
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\n")

    def do(tx, box, what: str, n: int) -> None:
        uids = core.mail.uids(tx, box)
        if what == "append":
            core.mail.append(tx, ola, box, prepared, frozenset(), core.clock.now())
        elif uids and what != "cut":
            one = [(uids[n % len(uids)],) * 2]
            if what == "move":
                core.mail.move(tx, box, one, core.mail.mailbox(tx, ola, "Archive").id)
            elif what == "remove":
                core.mail.expunge(tx, box, one, only_deleted=False)
            else:
                flag = "$Work" if what == "keyword" else "\\Flagged"
                core.mail.set_flags(tx, box, one, "remove" if what == "unflag" else "add", frozenset({flag}))

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(deeds, min_size=1, max_size=4))
    def check(absences) -> None:
        def fresh(tx):
            if any(box.name == "Shared" for box in core.mail.mailboxes(tx, ola)):
                core.mail.delete(tx, ola, "Shared")
            return core.mail.create(tx, ola, "Shared")

        box = core.db.write(fresh)
        client = Away(box.uidvalidity)
        for absence in absences:
            for what, n in absence:
                if what == "cut":
                    health.cut_change_logs(core)
                core.db.write(lambda tx, what=what, n=n: do(tx, box.id, what, n))
            asyncio.run(client.come_back(core))
            infos = core.db.read(lambda tx: core.mail.infos(tx, box.id, [(1, 2**32 - 1)]))
            assert client.flags == {info.uid: frozenset(flag.encode() for flag in info.flags) for info in infos}

    check()
