"""Search indexes are made for those who search, and brought up to date behind what answers people.

A search that met messages which the index does not know leaves a wish; the queue worker's process fulfils it, and
keeps the indexes that there are up with new mail.
"""

import asyncio
import time
from collections.abc import Iterator
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.mail.reading import text
from mailcore.mail.reading.octets import forget
from mailcore.mail.showing import searchable, text_marks
from mailcore.mail.showing.searchable import Searchable
from mailcore.store.engine.db import Tx
from mailcore.store.mail import search_wishes
from mailcore.store.mail import text_marks as store_marks

log = log_for(__name__)
LOOK_SECONDS = 1.0
KEEP_UP_LOOKS = 60  # every so many looks the indexes that there are are compared with the change log
BATCH_MESSAGES, BATCH_OCTETS = 200, 2**24
MARKING_SECONDS = 1.0  # of processor time in each turn: a tenth of a core at most
MARKED_AT_ONCE = 100
MOST_MARKED = 8 * 2**20  # octets of a message


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
    known = core.search.list_known(account)
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


def mark_texts(core: Core) -> int:
    """Mark the texts of messages that came since the last turn; a job.  Returns how many.

    A mark rules a message out for those who never searched before (mail/showing/text_marks.py).
    """
    until, count = time.thread_time() + MARKING_SECONDS, 0
    while time.thread_time() < until:
        blobs = core.db.read(lambda tx: store_marks.list_unmarked(tx, MARKED_AT_ONCE))
        if not blobs:
            break
        marks = [(blob, _find_mark(core, blob, size)) for blob, size in blobs]
        core.db.write(partial(store_marks.save_marks, marks=marks))
        count += len(marks)
    return count


def _find_mark(core: Core, blob: int, size: int) -> bytes:
    """Mark one message; one that is very large, or cannot be read now from wherever it is, is never ruled out."""
    if size > MOST_MARKED:
        return text_marks.ANYTHING
    try:
        return core.db.read(partial(_make_mark, core, blob=blob))
    except MailError:
        return text_marks.ANYTHING


def _make_mark(core: Core, tx: Tx, *, blob: int) -> bytes:
    octets = core.blobs.mapped(tx, blob)
    found = searchable.read(octets)
    forget(octets)
    return text_marks.make_mark(_header_text(core, tx, blob), found.fields, found.body)


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
            await core.threads.run_waiting(update_requested, core)
            looks += 1
            if looks % KEEP_UP_LOOKS == 0:
                await core.threads.run_waiting(keep_up.run, core)
        except MailError as problem:
            log.warning("search indexes wait: %s", problem)
        except Exception:  # an index is never worth more than the service
            log.exception("search indexes wait")
        await asyncio.sleep(LOOK_SECONDS)
