"""Three processes of eight threads write to a few accounts on one PostgreSQL.

No counter breaks, no UID comes twice, no change is lost, and all that was answered is there.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.store.site import rates
from tests import postgres_server
from tests.machine import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]

PROCESSES, THREADS, SECONDS, PEOPLE = 3, 8, 8, 4
ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    with postgres_server.serving(settings=("fsync=on", "max_connections=200")) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE hammered")
        yield Config(data=str(tmp_path / "var"), database=url.replace("@/postgres?", "@/hammered?"))


class Listener:
    """A session's view: it counts an account's changes each time that it is woken, and at no other time."""

    def __init__(self, core: Core, people: list[AccountId]) -> None:
        self.core = core
        self.told: dict[AccountId, int] = {}
        for account in people:
            core.feed.watch(account, lambda account=account: self.look(account))

    def look(self, account: AccountId) -> None:
        self.told[account] = count_changes(self.core, account)


def count_changes(core: Core, account: AccountId) -> int:
    [[count]] = core.db.read(lambda tx: tx.rows("SELECT count(*) FROM change WHERE account_id=?", account))
    return int(count)


def test_three_processes_of_eight_threads_break_nothing(config):
    core = cores.build(config)
    try:
        people = [accounts.add_account(core, f"user{number}").id for number in range(PEOPLE)]
        asyncio.run(hammer(core, people))
    finally:
        cores.close(core)


def run_writer(config: Config, seed: int) -> Any:  # Any: of JSON
    words = [sys.executable, "-m", "tests.services.hammer_writer", config.data, config.database]
    done = subprocess.run([*words, str(seed), str(THREADS), str(SECONDS)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def hammer(core: Core, people: list[AccountId]) -> None:
    listener = Listener(core, people)
    core.start_feed()
    answers = await asyncio.gather(*(asyncio.to_thread(run_writer, core.config, seed) for seed in range(PROCESSES)))

    assert [answer[1] for answer in answers] == [[]] * PROCESSES, "writes were refused"
    given = [tuple(pair) for answer in answers for pair in answer[0]]
    assert len(given) > 100
    assert not [pair for pair, times in Counter(given).items() if times > 1], "a UID was given twice"
    for account in people:
        for box in core.db.read(lambda tx, account=account: core.mail.mailboxes(tx, account)):
            numbers = sorted(uid for mailbox, uid in given if mailbox == box.id)
            first = 2 if box.name == "INBOX" else 1  # after the greeting
            assert numbers == list(range(first, box.uidnext)), f"{box.name}: UIDs are missing"
    ids = [one for answer in answers for one in answer[3]]
    assert len(ids) == len(set(ids))
    granted = sum(answer[2] for answer in answers)
    for _ in range(100):  # where the machine was slow
        granted += core.db.write(lambda tx: rates.count_if_allowed(tx, "all", 1, 60, 3600, 1000), of=())
    assert granted == 60, "a limit of all processes"
    assert health.check_installation(core, repair=False) == []

    assert await asyncio.to_thread(until, lambda: not missed(core, listener, people), 10), missed(
        core, listener, people
    )


def missed(core: Core, listener: Listener, people: list[AccountId]) -> dict[AccountId, tuple[int, int]]:
    counted = {account: count_changes(core, account) for account in people}
    return {a: (listener.told.get(a, 0), n) for a, n in counted.items() if listener.told.get(a, 0) != n}
