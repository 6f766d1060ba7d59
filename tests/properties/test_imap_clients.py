"""Several clients at one mailbox, two of them in another process: no sequence number ever lies (RFC 9051 section 7.5.1).

Each client believes only what it is told.  Whatever the interleaving of commands, IDLE and silence: EXPUNGE is told
only where it may be, every FETCH names the message that the client believes to stand there, and in the end all agree
with the store.
"""

import asyncio
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap.session import Session
from mailcore.services.accounts import accounts
from tests.protocol.wire import TestWire

CLIENTS = 4
HELD = (b"FETCH", b"STORE", b"SEARCH")  # no EXPUNGE with these

commands = st.one_of(
    st.tuples(st.just("append"), st.just(0)),
    st.tuples(st.sampled_from(["fetch", "store", "delete", "remove", "move", "uid"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["noop", "search", "expunge", "idle", "done", "select"]), st.just(0)),
)
histories = st.lists(st.tuples(st.integers(0, CLIENTS - 1), commands), max_size=40)


class Client:
    """A client that believes what it hears: `uids` by sequence number, None where it does not know yet."""

    def __init__(self, core, name: str) -> None:
        self.wire = TestWire()
        self.uids: list[int | None] = []
        self.idling = self.quick = False
        self.task = asyncio.ensure_future(Session(core, self.wire).run())
        self.name, self.tags = name, 0

    async def hear(self, sent: bytes, command: bytes = b"") -> list[bytes]:
        self.wire.send(sent)
        await asyncio.wait_for(self.wire.waiting.wait(), 60)
        return self.believe(command)

    def believe(self, command: bytes = b"") -> list[bytes]:
        said, self.wire.said = bytes(self.wire.said), bytearray()
        lines = re.sub(rb"\{\d+\}\r\n", b"", said).split(b"\r\n")[:-1]
        for line in lines:
            if found := re.match(rb"\* (\d+) EXISTS", line):
                self.uids += [None] * (int(found[1]) - len(self.uids))
                assert len(self.uids) == int(found[1])
            elif found := re.match(rb"\* (\d+) EXPUNGE", line):
                assert command not in HELD, (command, line)
                del self.uids[int(found[1]) - 1]
            elif found := re.match(rb"\* VANISHED (\S+)", line):
                assert command not in HELD, (command, line)
                for part in found[1].split(b","):
                    first, _, last = part.partition(b":")
                    for uid in range(int(first), int(last or first) + 1):
                        self.uids.remove(uid if uid in self.uids else None)
            elif found := re.match(rb"\* (\d+) FETCH \(UID (\d+)", line):
                seq, uid = int(found[1]), int(found[2])
                assert self.uids[seq - 1] in (None, uid), line
                self.uids[seq - 1] = uid
            assert not line.startswith(b"* BYE")
        return lines

    async def command(self, text: bytes, command: bytes = b"") -> list[bytes]:
        self.tags += 1
        tag = b"%s%d" % (self.name.encode(), self.tags)
        lines = await self.hear(tag + b" " + text + b"\r\n", command)
        assert lines[-1].startswith(tag + b" "), lines
        return lines

    async def learn(self) -> None:
        """A QRESYNC client must know which UIDs it is told of."""
        if None in self.uids:
            await self.command(b"FETCH 1:* UID", b"FETCH")

    async def do(self, what: str, n: int) -> None:
        if self.idling and what != "done":
            self.believe()  # it has heard what came until now
            return
        count = len(self.uids)
        seq = b"%d" % (n % count + 1) if count else b""
        if what == "idle":
            await self.hear(b"i IDLE\r\n")
            self.idling = True
        elif what == "done":
            if self.idling:
                await self.hear(b"DONE\r\n")
                self.idling = False
        elif what == "append":
            await self.command(b"APPEND Shared {12+}\r\nSubject: x\r\n")
        elif what == "noop":
            await self.command(b"NOOP")
        elif what == "search":
            heard = await self.command(b"SEARCH ALL", b"SEARCH")
            assert {int(seq) for seq in heard[0].split()[2:]} <= set(range(1, count + 1))
        elif what == "expunge":
            await self.command(b"EXPUNGE")
        elif what == "select":
            self.uids = []
            await self.command(b"SELECT Shared")
        elif not count:
            return
        elif what == "fetch":
            await self.command(b"FETCH " + seq + b":* (UID FLAGS)", b"FETCH")
        elif what == "store":
            await self.command(b"STORE " + seq + b" FLAGS (\\Seen)", b"STORE")
        elif what == "delete":
            await self.command(b"STORE " + seq + b" +FLAGS.SILENT (\\Deleted)", b"STORE")
        elif what == "remove":
            await self.command(b"STORE " + seq + b" +FLAGS.SILENT (\\Deleted)", b"STORE")
            await self.command(b"EXPUNGE")
        elif what == "move":
            await self.command(b"MOVE " + seq + b" Away")
        elif what == "uid":
            await self.command(b"UID FETCH %d:* FLAGS" % (n + 1))
        if self.quick and not self.idling:
            await self.learn()


@pytest.mark.slow
def test_what_clients_believe_is_true_whatever_the_interleaving():
    with tempfile.TemporaryDirectory() as folder:
        config = parse_config(f'data = "{folder}"\n[outbound]\nmode = "capture"\n')
        here, elsewhere = cores.build(config), cores.build(config)
        ola = accounts.add_account(here, "ola", quota=2**30, password="en lang hemmelighet").id
        here.db.write(lambda tx: here.mail.create(tx, ola, "Away"))
        try:
            _play(here, elsewhere, ola)
        finally:
            cores.close(elsewhere)
            cores.close(here)
    assert not Path(folder).exists()


def _play(here, elsewhere, ola) -> None:
    def prepare(tx):
        for box in here.mail.mailboxes(tx, ola):
            if box.name == "Shared":
                here.mail.delete(tx, ola, "Shared")
        made = here.mail.create(tx, ola, "Shared")
        for _ in range(4):
            here.mail.append(tx, ola, made.id, here.blobs.prepare(b"Subject: y\r\n\r\n"), frozenset(), here.clock.now())
        return made.id

    async def session(history) -> None:
        box = here.db.write(prepare)
        here.start_feed()
        elsewhere.start_feed()
        clients = [Client(core, name) for core, name in zip([here, here, elsewhere, elsewhere], "abcd", strict=True)]
        try:
            for number, client in enumerate(clients):
                await client.command(b'LOGIN ola "en lang hemmelighet"')
                if number in (1, 3):
                    client.quick = True
                    await client.command(b"ENABLE QRESYNC")
                await client.command(b"SELECT Shared")
                await client.learn()
            for number, (what, n) in history:
                await clients[number].do(what, n)
            truth = here.db.read(lambda tx: here.mail.uids(tx, box))
            for client in clients:
                await client.do("done", 0)
                for _ in range(100):  # the poll of another process may be still to come
                    await client.command(b"NOOP")
                    if client.uids:
                        await client.command(b"FETCH 1:* UID", b"FETCH")
                    if client.uids == truth:
                        break
                    await asyncio.sleep(0.05)
                assert client.uids == truth
        finally:
            for client in clients:
                client.task.cancel()
            await asyncio.gather(*(client.task for client in clients), return_exceptions=True)
            here.feed.stop()
            elsewhere.feed.stop()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(histories)
    def check(history) -> None:
        asyncio.run(session(history))

    check()
