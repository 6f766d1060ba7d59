"""Claims of the queue read what is due, however much waits for later; and what a wrong clock has put off is made due."""

import asyncio
import re

import pytest

from mailcore.queue.worker import Worker
from mailcore.services.delivery import queue_admin
from mailcore.services.operations import jobs
from mailcore.store.queue import destinations
from mailcore.store.queue.destinations import Rest
from mailcore.store.queue.items import (
    MOST_AHEAD,
    claim_items,
    is_mail_due,
    is_mail_far_off,
    put_off_items,
)
from tests.queueing import enqueue

BACKLOG = 3000
DAY = 86_400


def claim(core, most: int = 9) -> list[int]:
    return [item.id for item in core.db.write(lambda tx: claim_items(tx, core.clock.seconds(), most, 900))]


class Asked:
    """A transaction that remembers the questions."""

    def __init__(self, tx) -> None:
        self._tx, self.asked = tx, []

    def rows(self, sql, *params):
        self.asked.append((sql, params))
        return self._tx.rows(sql, *params)

    def row(self, sql, *params):
        self.asked.append((sql, params))
        return self._tx.row(sql, *params)


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx, now: is_mail_due(tx, now, ["b.example"]),
        lambda tx, now: is_mail_far_off(tx, now),
        lambda tx, now: claim_items(tx, now, 200, 900, full=["b.example"]),
    ],
    ids=["is any due", "is any far off", "claim"],
)
def test_a_backlog_that_waits_for_later_is_not_walked_through(core, ask):
    now, on_server = core.clock.seconds(), core.config.database.startswith("postgres")
    later = enqueue(core, *(f"x{number}@away.example" for number in range(BACKLOG)))
    core.db.write(lambda tx: put_off_items(tx, later, now + 600, "450 later"))
    enqueue(core, "a@a.example")

    def explain(tx) -> str:
        """By time within the state: the entries of the index that a look passes are those that are due."""
        if on_server:
            tx.run("ANALYZE queue")
        asked = Asked(tx)
        ask(asked, now)
        [(sql, params)] = asked.asked
        word = "EXPLAIN" if on_server else "EXPLAIN QUERY PLAN"
        return "\n".join(str(row[-1]) for row in tx.rows(f"{word} {sql}", *params))

    plan = core.db.write(explain)
    bounds = [line for line in plan.splitlines() if "INDEX queueitem_state_next_at" in line or "Index Cond" in line]
    assert any(re.search(r"next_at ?[<>]", line) for line in bounds), plan


def test_a_clock_that_jumps_back_keeps_no_mail_waiting(core, clock):
    """Items that were delayed or leased while the clock was ahead would wait for as long as it was ahead."""
    clock.forward(days=400)
    tried, rested = enqueue(core, "a@a.example", "b@b.example")
    core.db.write(lambda tx: put_off_items(tx, [tried], clock.seconds() + 600, "450 later"))
    core.db.write(lambda tx: destinations.save_rest(tx, "b.example", Rest(3, clock.seconds() + 240, "no answer")))
    clock.forward(days=-400)
    late = enqueue(core, "c@c.example")
    core.db.write(lambda tx: put_off_items(tx, late, clock.seconds() + MOST_AHEAD, "450 later"))
    assert claim(core) == []
    assert queue_admin.mend_times(core) == 2
    assert queue_admin.mend_times(core) == 0
    assert sorted(claim(core)) == [tried, rested]
    [rest] = core.db.read(lambda tx: destinations.find_rests(tx, ["b.example"])).values()
    assert rest.until <= clock.seconds()
    clock.forward(seconds=MOST_AHEAD)
    assert late[0] in claim(core)


def test_a_job_mends_it_while_the_service_runs(core, clock):
    [job] = [one for one in jobs.list_jobs(core) if one.run is queue_admin.mend_times]
    clock.forward(days=1)
    assert jobs.run_due(core, job)
    items = enqueue(core, "a@a.example")
    clock.forward(days=-1)
    assert claim(core) == []
    assert jobs.run_due(core, job)
    assert claim(core) == items


def test_a_worker_that_starts_frees_leases_that_end_too_late(core, clock):
    """Those of a process on another machine: nobody here can tell if it lives."""
    clock.forward(days=1)
    items = enqueue(core, "a@a.example")
    core.db.write(lambda tx: claim_items(tx, clock.seconds(), 9, 900, by="another-machine/1/1"))
    clock.forward(days=-1)

    async def start_and_stop() -> None:
        worker = Worker(core)
        worker.stop()
        await worker.run()

    asyncio.run(start_and_stop())
    assert claim(core) == items
