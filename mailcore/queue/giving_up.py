"""Giving up items of the queue on behalf of staff: removed undelivered, with the report that their senders are owed."""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.errors import NotQueued
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services.delivery import queue_admin
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import find_item


def give_up_items(core: Core, numbers: Sequence[int], *, actor: str = "") -> None:
    """Give items up in one transaction; those that are gone by then are left out.

    Args:
        actor: recorded in the log; "" where the wish is recorded already (`queue_admin.request_bounce`).

    Raises:
        NotQueued: with an actor, one of them is not in the queue.
    """
    answer, now = Answer(core.config.host, 550, "5.0.0 the postmaster gave up on it"), core.clock.now()

    def write_sequels(tx: Tx) -> dict[int, outcome.Sequel]:
        items = [item for number in numbers if (item := find_item(tx, number)) is not None]
        if actor and len(items) < len(numbers):
            raise NotQueued(f"there is no item {next(n for n in numbers if find_item(tx, n) is None)} in the queue")
        return {item.id: outcome.write_sequel(core, tx, item, answer, now) for item in items}

    def give_up(tx: Tx) -> None:
        items = [item for number in sequels if (item := find_item(tx, number)) is not None]
        if actor:
            queue_admin.note_bounce(core, tx, items, actor=actor)
        for item in items:
            outcome.give_up(core, tx, item, answer, now, sequels[item.id])

    sequels = core.db.read(write_sequels)
    core.db.write(give_up)
