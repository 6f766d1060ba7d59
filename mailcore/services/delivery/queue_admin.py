"""The queue as operators see it: look, retry, hold, give up."""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Attempt, QueueItem, QueueState
from mailcore.errors import NotQueued
from mailcore.log import log_for
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.queue import destinations
from mailcore.store.queue.items import (
    QueuedDestination,
    domain_of,
    end_far_waits,
    find_item,
    is_mail_far_off,
    list_attempts,
    list_items,
    list_items_to,
    read_octets,
    retry_items,
    save_state,
)
from mailcore.store.queue.items import list_destinations as store_destinations

log = log_for(__name__)
OLD_SECONDS = 7 * 86_400
MOST = 50  # items on one page
_LISTED = 20  # numbers in one entry of the log


def list_queue(core: Core, state: QueueState | None = None) -> list[QueueItem]:
    return core.db.read(lambda tx: list_items(tx, state))


def find(tx: Tx, item: int) -> QueueItem:
    """Raises NotQueued."""
    found = find_item(tx, item)
    if found is None:
        raise NotQueued(f"there is no item {item} in the queue")
    return found


def show(core: Core, item: int) -> tuple[QueueItem, Sequence[Attempt]]:
    """Raises NotQueued."""
    return core.db.read(lambda tx: (find(tx, item), list_attempts(tx, item)))


def octets(core: Core, item: int) -> bytes:
    """The whole message.  Raises NotQueued."""
    return core.db.read(lambda tx: read_octets(tx, core.blobs, find(tx, item)))


def retry(core: Core, items: Sequence[int] | None, *, actor: str) -> None:
    """Due now, whatever the back-off; None = everything that waits.  Raises NotQueued."""

    def store(tx: Tx) -> None:
        _note(core, tx, Event.QUEUE_RETRIED, [find(tx, item) for item in items or ()], actor)
        retry_items(tx, items, core.clock.seconds())

    core.db.write(store)


def hold(core: Core, items: Sequence[int], *, actor: str) -> None:
    """Raises NotQueued."""

    def store(tx: Tx) -> None:
        _note(core, tx, Event.QUEUE_HELD, [find(tx, item) for item in items], actor)
        for item in items:
            save_state(tx, item, QueueState.HELD)

    core.db.write(store)


def request_bounce(core: Core, items: Sequence[int], *, actor: str) -> None:
    """Give items up: the queue's worker sends the reports to their senders, within a few seconds.  Raises NotQueued."""

    def store(tx: Tx) -> None:
        _note(core, tx, Event.QUEUE_BOUNCED, [find(tx, item) for item in items], actor)
        for item in items:
            save_state(tx, item, QueueState.GIVEN_UP)

    core.db.write(store)


def note_bounce(core: Core, tx: Tx, items: Sequence[QueueItem], *, actor: str) -> None:
    """Record that items are given up, in the transaction that does it."""
    _note(core, tx, Event.QUEUE_BOUNCED, items, actor)


def _note(core: Core, tx: Tx, event: Event, items: Sequence[QueueItem], actor: str) -> None:
    """Record one entry for each destination and state before: numbers and domains, no addresses."""
    groups: dict[tuple[str, str], list[int]] = {}
    for item in items:
        groups.setdefault((domain_of(item.recipient), item.state), []).append(item.id)
    for (domain, state), numbers in groups.items():
        listed = ", ".join(map(str, numbers[:_LISTED])) + (" ..." if len(numbers) > _LISTED else "")
        audit.note(core, tx, None, event, actor=actor, detail=f"{len(numbers)} to {domain}, before {state}: {listed}")
    if not items:
        audit.note(core, tx, None, event, actor=actor, detail="all that waited")


def list_destinations(core: Core) -> list[QueuedDestination]:
    """List where mail waits to go, the domain with the oldest first."""
    return core.db.read(store_destinations)


def list_of_destination(core: Core, domain: str, after: int = 0) -> list[QueueItem]:
    """List the items to a domain, `MOST` from `after` on."""
    return core.db.read(lambda tx: list_items_to(tx, domain.lower(), after, MOST))


def mend_times(core: Core) -> int:
    """Make due what a clock that was ahead has put off beyond all measure; a job, and the worker's beginning.

    What is claimed is looked for up to now alone, so that each look reads what is due and not the whole backlog.
    """
    if not core.db.read(lambda tx: is_mail_far_off(tx, core.clock.seconds())):
        return 0
    mended = core.db.write(lambda tx: end_far_waits(tx, core.clock.seconds()))
    log.warning("%d items waited for a time that a clock which was ahead has set; they are due now", mended)
    return mended


def tidy_up(core: Core) -> None:
    """The job: what is known of other domains and of no use any more."""
    core.db.write(lambda tx: destinations.delete_old(tx, core.clock.seconds(), OLD_SECONDS))
