"""Three processes of eight threads write to a few accounts on one PostgreSQL: no counter breaks, no UID comes twice, no change
is lost, and all that was answered is there."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from tests import postgres_server
from tests.machine import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]

PROCESSES, THREADS, SECONDS, PEOPLE = 3, 8, 8, 4
BOXES = ("INBOX", "Archive", "Junk")
# writes for some seconds, and prints what it was answered: UIDs given, by mailbox, and what failed
WRITER = """
import json, random, sys, threading, time
from mailcore import core as cores
from mailcore.config import Config
from mailcore.errors import MailError
from mailcore.store.site import rates

data, database, seed, threads, seconds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
core = cores.build(Config(data=data, database=database))
people = core.db.read(lambda tx: [row[0] for row in tx.rows("SELECT id FROM account ORDER BY id")])
boxes = {a: core.db.read(lambda tx: core.mail.mailboxes(tx, a)) for a in people}
boxes = {a: [b.id for b in found if b.name in ("INBOX", "Archive", "Junk")] for a, found in boxes.items()}
octets = [core.blobs.prepare(b"Subject: %d\\r\\n\\r\\nhello\\r\\n" % n) for n in range(20)]
given, failed, granted, made = [], [], [], []
end = time.monotonic() + seconds

def work(source):
    while time.monotonic() < end:
        account = source.choice(people)
        box, other = source.sample(boxes[account], 2)
        first = source.randrange(1, 200)
        ranges = [(first, first + source.randrange(5))]
        kind = source.choice(["append"] * 5 + ["flags"] * 2 + ["expunge", "move", "copy", "rate", "create", "several"])
        try:
            if kind == "append":
                n = source.randrange(20)
                uid = core.db.write(lambda tx: core.mail.append(tx, account, box, octets[n], frozenset(), core.clock.now()), of=[account])
                given.append((box, uid))
            elif kind == "several":
                def deliver(tx):
                    return [(b[0], core.mail.append(tx, a, b[0], octets[0], frozenset(), core.clock.now())) for a, b in boxes.items()]
                given.extend(core.db.write(deliver, of=people[::source.choice((1, -1))]))
            elif kind == "flags":
                how = source.choice(["add", "remove", "replace"])
                core.db.write(lambda tx: core.mail.set_flags(tx, box, ranges, how, frozenset({"\\\\Seen"})), of=[account])
            elif kind == "expunge":
                core.db.write(lambda tx: core.mail.expunge(tx, box, ranges, only_deleted=False), of=[account])
            elif kind == "move":
                given.extend((other, uid) for uid in core.db.write(lambda tx: core.mail.move(tx, box, ranges, other), of=[account])[1])
            elif kind == "copy":
                given.extend((other, uid) for uid in core.db.write(lambda tx: core.mail.copy(tx, account, box, ranges, other), of=[account])[1])
            elif kind == "rate":
                if core.db.write(lambda tx: rates.count_if_allowed(tx, "all", 1, 60, 3600, 1000), of=()):
                    granted.append(1)
            else:
                made.append(core.db.write(lambda tx: core.mail.create(tx, account, f"N{seed}-{source.random()}"), of=[account]).id)
        except MailError as problem:
            failed.append(str(problem))

running = [threading.Thread(target=work, args=(random.Random(seed * 100 + n),)) for n in range(threads)]
print("ready", flush=True)
for one in running: one.start()
for one in running: one.join()
cores.close(core)
print(json.dumps([given, failed, len(granted), made]))
"""


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    with postgres_server.serving(settings=("fsync=on", "max_connections=200")) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE hammered")
        yield Config(data=str(tmp_path / "var"), database=url.replace("@/postgres?", "@/hammered?"))


class Listener:
    """A session's view: it counts an account's changes each time that it is woken, and at no other time."""

    def __init__(self, core: Core, people: list[int]) -> None:
        self.core = core
        self.told: dict[int, int] = {}
        for account in people:
            core.feed.watch(account, lambda account=account: self.look(account))

    def look(self, account: int) -> None:
        self.told[account] = count_changes(self.core, account)


def count_changes(core: Core, account: int) -> int:
    [[count]] = core.db.read(lambda tx: tx.rows("SELECT count(*) FROM change WHERE account_id=?", account))
    return int(count)


def test_three_processes_of_eight_threads_break_nothing(config):
    core = cores.build(config)
    try:
        people = [accounts.add_account(core, f"user{number}").id for number in range(PEOPLE)]
        asyncio.run(hammer(core, people))
    finally:
        cores.close(core)


async def hammer(core: Core, people: list[int]) -> None:
    listener = Listener(core, people)
    core.start_feed()
    words = [sys.executable, "-c", WRITER, core.config.data, core.config.database]
    writers = [
        subprocess.Popen([*words, str(seed), str(THREADS), str(SECONDS)], stdout=subprocess.PIPE, text=True)
        for seed in range(PROCESSES)
    ]
    outputs = [(await asyncio.to_thread(writer.communicate))[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES
    answers = [json.loads(output.splitlines()[-1]) for output in outputs]

    assert [answer[1] for answer in answers] == [[]] * PROCESSES, "writes were refused"
    given = [tuple(pair) for answer in answers for pair in answer[0]]
    print(f"{len(given)} UIDs given in {SECONDS} s")
    assert len(given) > 100
    assert not [pair for pair, times in Counter(given).items() if times > 1], "a UID was given twice"
    for account in people:
        for box in core.db.read(lambda tx, account=account: core.mail.mailboxes(tx, account)):
            numbers = sorted(uid for mailbox, uid in given if mailbox == box.id)
            first = 2 if box.name == "INBOX" else 1  # after the greeting
            assert numbers == list(range(first, box.uidnext)), f"{box.name}: UIDs are missing"
    ids = [one for answer in answers for one in answer[3]]
    assert len(ids) == len(set(ids))
    assert sum(answer[2] for answer in answers) == 60, "a limit of all processes"
    assert health.check_installation(core, repair=False) == []

    assert await asyncio.to_thread(until, lambda: not missed(core, listener, people), 10), missed(core, listener, people)


def missed(core: Core, listener: Listener, people: list[int]) -> dict[int, tuple[int, int]]:
    counted = {account: count_changes(core, account) for account in people}
    return {a: (listener.told.get(a, 0), n) for a, n in counted.items() if listener.told.get(a, 0) != n}
