"""The job of newsletters: what is due is sent, or corrected, for a few seconds of each look."""

import time
from collections.abc import Iterator
from functools import partial

from mailcore.core import Core
from mailcore.domain import Newsletter
from mailcore.services.newsletters import corrections, sending
from mailcore.store.site import newsletters as store

LEASE_SECONDS = 60  # after which another node goes on with what one that has died began
TURN_SECONDS = 5  # of work, after which other jobs have their turn


def work_on_newsletters(core: Core) -> int:
    """Send or correct what is due; return how many copies were put into boxes."""
    now = core.clock.seconds()
    if not core.db.read(lambda tx: store.is_work_due(tx, now)):
        return 0
    claimed = core.db.write(lambda tx: store.claim_newsletter(tx, now, LEASE_SECONDS))
    return 0 if claimed is None else _work_on(core, claimed)


def _work_on(core: Core, claimed: Newsletter) -> int:
    ends, copies = time.monotonic() + TURN_SECONDS, 0
    for count in list_steps(core, claimed):
        copies += count
        if time.monotonic() >= ends:
            core.db.write(lambda tx: store.lease_newsletter(tx, claimed.id, 0))
            break
    return copies


def list_steps_alone(core: Core, newsletter: Newsletter) -> Iterator[int]:
    """The same for a command: whoever else works on it leaves it alone meanwhile, and for a minute afterwards at most."""
    for count in list_steps(core, newsletter):
        core.db.post(
            partial(store.lease_newsletter, newsletter=newsletter.id, until=core.clock.seconds() + LEASE_SECONDS)
        )
        yield count


def list_steps(core: Core, newsletter: Newsletter) -> Iterator[int]:
    """Do what a newsletter waits for, batch by batch; gives how many copies each had."""
    if newsletter.is_correcting:
        return corrections.correct_copies(core, newsletter.id)
    return sending.send_newsletter(core, newsletter.id)
