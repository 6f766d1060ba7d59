"""The queue as operators see it: look, retry, hold."""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Attempt, QueueItem, QueueState
from mailcore.errors import NotQueued
from mailcore.store.engine.db import Tx
from mailcore.store.queue import destinations
from mailcore.store.queue.items import find_item, list_attempts, list_items, read_octets, retry_items, save_state

OLD_SECONDS = 7 * 86_400


def listing(core: Core, state: QueueState | None = None) -> list[QueueItem]:
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


def retry(core: Core, items: Sequence[int] | None) -> None:
    """Due now, whatever the back-off; None = everything that waits.  Raises NotQueued."""

    def store(tx: Tx) -> None:
        for item in items or ():
            find(tx, item)
        retry_items(tx, items, core.clock.seconds())

    core.db.write(store)


def hold(core: Core, items: Sequence[int]) -> None:
    """Raises NotQueued."""

    def store(tx: Tx) -> None:
        for item in items:
            find(tx, item)
            save_state(tx, item, QueueState.HELD)

    core.db.write(store)


def tidy_up(core: Core) -> None:
    """The job: what is known of other domains and of no use any more."""
    core.db.write(lambda tx: destinations.delete_old(tx, core.clock.seconds(), OLD_SECONDS))
