"""The tail: latency of each command at a steady load, of this server and of the peer in turn, as clients see it.

    python bench/soak.py [--peer] [--rate 50] [--seconds 20] [--turns 3] [--also FOLDER]

Messages come in at a steady rate.  Reading clients log in all at once and then do what people's programs do, one thing a
second (look at the newest, read one, flag, search, NOOP); others are in IDLE.  `told` is the time from the sender's MAIL
until the IDLE of the recipient tells of the message; `meanwhile` is the NOOP of a client that is there while the others log
in.  The peer is the one of bench/run.py, and runs already.  `client` is how late this program's own loop was, which is part of
every figure.  `--also` names the worktree of another version of this server, which takes its turn between ours and the peer's.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from load import Target, message
from run import ours

SENDERS = 20  # SMTP connections
HELD = 30  # messages in a mailbox before it begins
WORDS = ("Message", "nowhere", "Sender 7")
Samples = dict[str, list[float]]  # seconds, by command


@dataclass
class Turn:
    """One run against one server.

    Attributes:
        sent: when the octets of messages were sent that each user has not been told of.
    """

    target: Target
    samples: Samples = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    end: float = 0.0


class Client:
    """An IMAP connection."""

    def __init__(self, turn: Turn, user: str) -> None:
        self._turn, self.user, self._tag = turn, user, 0

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._turn.target.imap, limit=2**20)
        await self._reader.readline()

    async def command(self, text: str, label: str = "") -> list[bytes]:
        """Send a command and return its untagged lines; its time counts for `label`."""
        self._tag += 1
        tag = b"a%d " % self._tag
        began = time.perf_counter()
        self._writer.write(tag + text.encode() + b"\r\n")
        lines = []
        while not (line := await self._reader.readline()).startswith(tag):
            if not line:
                raise RuntimeError(f"{text}: connection closed")
            lines.append(line)
        self._turn.samples[label or text.split(" ")[0]].append(time.perf_counter() - began)
        if not line.startswith(tag + b"OK"):
            self._turn.errors.append(f"{text}: {line.decode('ascii', 'replace').strip()}")
        return lines

    async def start(self) -> int:
        """Log in and select; return the number of messages."""
        await self.command(f"LOGIN {self.user} {self._turn.target.password}")
        lines = await self.command("SELECT INBOX")
        return next(int(line.split()[1]) for line in lines if line.endswith(b"EXISTS\r\n"))

    async def idle(self, count: int) -> None:
        """Stay in IDLE, and note when each message is told."""
        self._writer.write(b"i IDLE\r\n")
        while line := await self._reader.readline():
            if line.endswith(b" EXISTS\r\n"):
                now, sent, before = time.perf_counter(), self._turn.sent[self.user], count
                count = int(line.split()[1])
                self._turn.samples["told"] += [now - at for at in sent[: count - before]]
                del sent[: count - before]

    def close(self) -> None:
        self._writer.transport.abort()


async def read_mail(client: Client, turn: Turn, count: int) -> None:
    """Do what a person does with a mail program, until the end."""
    await asyncio.sleep(random.random())
    while time.perf_counter() < turn.end:
        number, kind = random.randint(1, count), random.random()
        if kind < 0.25:
            await client.command("NOOP")
        elif kind < 0.5:
            await client.command(f"FETCH {max(1, count - 20)}:{count} (UID FLAGS ENVELOPE RFC822.SIZE)", "FETCH")
        elif kind < 0.7:
            await client.command(f"FETCH {number} (UID BODY.PEEK[])", "BODY")
        elif kind < 0.9:
            await client.command(f"STORE {number} {random.choice('+-')}FLAGS (\\Seen)", "STORE")
        else:
            await client.command(f'SEARCH UNSEEN SUBJECT "{random.choice(WORDS)}"', "SEARCH")
        await asyncio.sleep(random.expovariate(1.0))


async def ask_meanwhile(client: Client) -> None:
    """Send a NOOP fifty times a second while others log in, until cancelled."""
    while True:
        await client.command("NOOP", "meanwhile")
        await asyncio.sleep(0.02)


async def smtp_answers(reader: asyncio.StreamReader, count: int) -> None:
    for _ in range(count):
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if line[:1] not in (b"2", b"3"):
            raise RuntimeError(line.decode("ascii", "replace"))


class Sender:
    """An SMTP connection."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._turn.target.smtp)
        await smtp_answers(self._reader, 1)
        self._writer.write(b"EHLO bench.example\r\n")
        await smtp_answers(self._reader, 1)

    async def send(self, users: Iterable[str], octets: bytes) -> None:
        to = [b"RCPT TO:<%s@alumni.example>\r\n" % user.encode() for user in users]
        self._writer.write(b"MAIL FROM:<sender@outside.example>\r\n" + b"".join(to) + b"DATA\r\n")
        await smtp_answers(self._reader, len(to) + 2)
        self._writer.write(octets + b".\r\n")
        await smtp_answers(self._reader, 1)

    async def send_steadily(self, users: list[str], first: float, every: float) -> None:
        """Send one message `every` seconds to one of the users; who is late sends at once, until the end."""
        due = first
        while max(due, time.perf_counter()) < self._turn.end:
            await asyncio.sleep(due - time.perf_counter())
            user = random.choice(users)
            began = time.perf_counter()
            self._turn.sent[user].append(began)
            await self.send([user], message(4096, random.randrange(1000)))
            self._turn.samples["deliver"].append(time.perf_counter() - began)
            due += every

    def close(self) -> None:
        self._writer.transport.abort()


async def watch_own_loop(turn: Turn) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        turn.samples["client"].append(max(0.0, time.perf_counter() - began - 0.01))


async def fill(turn: Turn, users: list[str]) -> None:
    """Give each user messages, where there are none yet."""
    client = Client(turn, users[-1])
    await client.open()
    count = await client.start()
    if count < HELD:
        sender = Sender(turn)
        await sender.open()
        for number in range(HELD):
            for first in range(0, len(users), 100):
                await sender.send(users[first : first + 100], message(4096, number))
        sender.close()
        while True:
            await client.command("NOOP")  # a server need not look into the open mailbox for a STATUS
            [line] = [line for line in await client.command("STATUS INBOX (MESSAGES)") if b"MESSAGES" in line]
            if int(line.split()[-1].strip(b")")) >= HELD:
                break
            await asyncio.sleep(0.1)
    client.close()
    turn.samples.clear()


async def run_turn(target: Target, given: argparse.Namespace) -> Turn:
    turn = Turn(target)
    readers = [f"user{number}" for number in range(1, given.readers + 1)]
    idlers = [f"user{number}" for number in range(given.readers + 1, given.readers + given.idlers + 1)]
    await fill(turn, readers + idlers)
    quiet, clients = [Client(turn, user) for user in idlers], [Client(turn, user) for user in readers]
    known = []
    for client in quiet:
        await client.open()
        known.append(await client.start())
    other = Client(turn, idlers[0])
    await other.open()
    await other.start()
    turn.samples.clear()
    for client in clients:
        await client.open()
    meanwhile = asyncio.ensure_future(ask_meanwhile(other))
    counts = await asyncio.gather(*(client.start() for client in clients))
    meanwhile.cancel()
    other.close()
    senders = [Sender(turn) for _ in range(SENDERS)]
    for sender in senders:
        await sender.open()
    await asyncio.sleep(1)  # what the log-ins left behind is written
    began = time.perf_counter()
    turn.end = began + given.seconds
    behind = [asyncio.ensure_future(client.idle(count)) for client, count in zip(quiet, known, strict=True)]
    behind.append(asyncio.ensure_future(watch_own_loop(turn)))
    work: list[Awaitable[None]] = [
        read_mail(client, turn, count) for client, count in zip(clients, counts, strict=True)
    ]
    every = SENDERS / given.rate
    work += [
        sender.send_steadily(readers + idlers, began + number * every / SENDERS, every)
        for number, sender in enumerate(senders)
    ]
    await asyncio.gather(*work)
    await asyncio.sleep(0.5)
    for task in behind:
        task.cancel()
    for client in [*clients, *quiet]:
        client.close()
    for sender in senders:
        sender.close()
    return turn


def at(times: list[float], share: float) -> float:
    """Milliseconds of the quantile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000


def show(all_samples: dict[str, Samples]) -> None:
    print(f"{'':9} {'':5}" + "".join(f"{word:>9}" for word in ("count", "p50", "p95", "p99", "max")))
    for label in all_samples["ours"]:
        figures = {}
        for name, samples in all_samples.items():
            times = samples.get(label) or [0.0]
            figures[name] = [at(times, share) for share in (0.5, 0.95, 0.99, 1)]
            print(f"{label:9} {name:5}{len(times):9}" + "".join(f"{figure:9.1f}" for figure in figures[name]))
        if "peer" in figures and label != "client":
            pairs = zip(figures["ours"], figures["peer"], strict=True)
            ratios = [mine / theirs if theirs else 0 for mine, theirs in pairs]
            print(f"{'':9} {'ratio':5}{'':9}" + "".join(f"{ratio:9.1f}" for ratio in ratios), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="store_true", help="measure the peer too, which must be running")
    parser.add_argument("--peer-smtp", type=int, default=20025)
    parser.add_argument("--peer-imap", type=int, default=20143)
    parser.add_argument("--rate", type=float, default=50, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--idlers", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--also", type=Path, help="a worktree with its .venv, of another version")
    parser.add_argument("--data", type=Path, help="a folder to keep our accounts and their mail in for the next run")
    given = parser.parse_args()
    collected: dict[str, Samples] = {"ours": defaultdict(list)}
    if given.also:
        collected["also"] = defaultdict(list)
    if given.peer:
        collected["peer"] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="soak") as made:
        folder = given.data or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(given.turns):
            with ours(folder, given.workers, accounts=given.readers + given.idlers) as us:
                turns = [uvloop.run(run_turn(us, given))]
            if given.also:
                other = folder / "also"
                other.mkdir(exist_ok=True)
                with ours(
                    other,
                    given.workers,
                    accounts=given.readers + given.idlers,
                    name="also",
                    command=str(given.also / ".venv/bin/alumnimail"),
                ) as us:
                    turns.append(uvloop.run(run_turn(us, given)))
            if given.peer:
                peer = Target("peer", given.peer_smtp, given.peer_imap, "pass")
                turns.append(uvloop.run(run_turn(peer, given)))
            for turn in turns:
                for label, times in turn.samples.items():
                    collected[turn.target.name][label] += times
                for error in turn.errors[:5]:
                    print(f"{turn.target.name}: {error}")
    show(collected)


if __name__ == "__main__":
    main()
