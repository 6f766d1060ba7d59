"""Search indexes are made for those who search, and brought up to date behind what answers people.

A search that met messages which the index does not know leaves a wish; the queue worker's process fulfils it, and
keeps the indexes that there are up with new mail.
"""

import asyncio
from collections.abc import Iterator
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.log import log_for
from mailcore.mail.reading import text
from mailcore.mail.showing import searchable
from mailcore.mail.showing.searchable import Searchable
from mailcore.store.engine.db import Tx
from mailcore.store.mail import search_wishes

log = log_for(__name__)
LOOK_SECONDS = 1.0
KEEP_UP_LOOKS = 60  # every so many looks the indexes that there are are compared with the change log
BATCH_MESSAGES, BATCH_OCTETS = 200, 2**24


def request_index(core: Core, account: AccountId) -> None:
    """Ask for the account's index to be created or brought up to date."""
    now = core.clock.seconds()
    core.db.write(lambda tx: search_wishes.add_wish(tx, account, now))


def update_index(core: Core, account: AccountId) -> int:
    """Bring one index up to date; gives the number of blobs that were new to it.  Blocking, in short transactions."""
    held = core.db.read(lambda tx: search_wishes.get_blob_sizes(tx, account))
    if not held:
        core.search.forget(account)
        return 0
    known = core.search.known(account)
    if gone := known - held.keys():
        core.search.remove(account, gone)
    missing = sorted(held.keys() - known)
    for batch in _batches(missing, held):
        core.search.add(account, core.db.read(partial(_read_batch, core, batch=batch)))
    return len(missing)


def _batches(blobs: list[int], held: dict[int, int]) -> Iterator[list[int]]:
    batch: list[int] = []
    octets = 0
    for blob in blobs:
        batch.append(blob)
        octets += held[blob]
        if len(batch) == BATCH_MESSAGES or octets > BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def _read_batch(core: Core, tx: Tx, *, batch: list[int]) -> list[tuple[int, str, Searchable]]:
    bodies = zip(batch, core.blobs.mapped_many(tx, batch), strict=True)
    return [(blob, _header_text(core, tx, blob), searchable.read(octets)) for blob, octets in bodies]


def _header_text(core: Core, tx: Tx, blob: int) -> str:
    return text.fold(text.header_text(core.blobs.header(tx, blob)))


def update_requested(core: Core) -> int:
    """Fulfil the wishes there are; gives their number."""
    wishes = core.db.read(search_wishes.list_wishes)
    for account, at in wishes:
        update_index(core, account)
        core.db.write(partial(search_wishes.delete_wish, account=account, at=at))
    return len(wishes)


class KeepUp:
    """Updates of the existing indexes that have not seen the newest mail."""

    def __init__(self) -> None:
        self._seen: dict[AccountId, int] = {}

    def run(self, core: Core) -> None:
        for account in core.search.accounts():
            newest = core.db.read(partial(search_wishes.find_newest_change, account=account))
            if self._seen.get(account) != newest:
                update_index(core, account)
                self._seen[account] = newest


async def run_forever(core: Core) -> None:
    """Until cancelled."""
    keep_up, looks = KeepUp(), 0
    while True:
        try:
            await core.threads.wait(update_requested, core)
            looks += 1
            if looks % KEEP_UP_LOOKS == 0:
                await core.threads.wait(keep_up.run, core)
        except Exception:  # an index is never worth more than the service
            log.exception("search indexes wait")
        await asyncio.sleep(LOOK_SECONDS)
