"""FETCH and UID FETCH (RFC 9051 section 6.4.5): slices of ready octets, one write per slice.

With CHANGEDSINCE and VANISHED (RFC 7162 sections 3.1.4.1, 3.2.6) and PARTIAL (RFC 9394).
"""

from collections.abc import Iterator

from mailcore.domain import MessageInfo
from mailcore.imap.commands.anytime import ok
from mailcore.imap.context import Context
from mailcore.imap.esearch import cut
from mailcore.imap.fetch_items import Items
from mailcore.imap.responses import Tagged
from mailcore.imap.sections import Source
from mailcore.imap.sequence import NumberSet, Ranges, ranges_of, spans_written
from mailcore.store import condstore, mail, saved
from mailcore.store.db import Tx
from mailcore.store.flags import join
from mailcore.wire.reader import Reader, SyntaxProblem

SLICE = 2000  # messages a read gives at most
BATCH = 2**22  # octets of whole messages held at once, unless one alone is larger


async def fetch(context: Context, read: Reader) -> Tagged:
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    items = Items.parse(read, by_uid=context.by_uid and "UIDONLY" not in context.enabled)
    here = context.here
    ranges = context.ranges(numbers)
    if items.modseqs:
        context.use_modseqs()
    if items.partial is not None:
        ranges = _places(context, ranges, items.partial)
    if items.changed_since is not None:
        ranges = await _changed(context, numbers, ranges, items, items.changed_since)
    for part in slices(context, ranges):
        if items.marks_seen and not here.read_only:
            await _mark(context, part, items)
        for few in await _batches(context, part) if items.whole else [part]:
            await _tell(context, few, items)
    return ok(context)


def slices(context: Context, ranges: Ranges) -> Iterator[Ranges]:
    """The same ranges, in portions of about SLICE known messages."""
    uids = context.here.view.uids
    within = NumberSet(tuple(ranges)).within(uids) if ranges else []
    portion: Ranges = []
    room = SLICE
    for start, end in within:
        at = start
        while at < end:
            upto = min(end, at + room)
            portion.append((uids[at], uids[upto - 1]))
            room -= upto - at
            at = upto
            if room == 0:
                yield portion
                portion, room = [], SLICE
    if portion:
        yield portion


def _places(context: Context, ranges: Ranges, partial: tuple[int, int]) -> Ranges:
    uids = context.here.view.uids
    return ranges_of(cut([uid for a, b in NumberSet(tuple(ranges)).within(uids) for uid in uids[a:b]], partial))


async def _changed(context: Context, numbers: NumberSet, ranges: Ranges, items: Items, since: int) -> Ranges:
    """What of `ranges` changed after `since`; what vanished is told, also of UIDs that are not here any more."""
    here, vanished = context.here, items.vanished
    if vanished and not (context.by_uid and "QRESYNC" in context.enabled):
        raise SyntaxProblem("VANISHED is for UID FETCH after ENABLE QRESYNC")
    asked = ranges if numbers.saved else numbers.spans(max(here.view.uids[-1] if len(here.view.uids) else 1, 1))

    def load(tx: Tx) -> tuple[list[int], Ranges]:
        gone = condstore.vanished(tx, here.mailbox, since, asked) if vanished else []
        return condstore.changed(tx, here.mailbox, ranges, since), gone

    changed, gone = await context.core.db.aread(load)
    if gone:
        context.wire.write(b"* VANISHED (EARLIER) " + spans_written(gone) + b"\r\n")
    return ranges_of(changed)


async def _mark(context: Context, ranges: Ranges, items: Items) -> None:
    """Reading a body sets \\Seen, and the client hears of it in the same answer."""
    here, core = context.here, context.core
    infos = await core.db.aread(lambda tx: core.mail.infos(tx, here.mailbox, ranges))
    unseen = ranges_of(info.uid for info in infos if "\\Seen" not in info.flags)
    if not unseen:
        return
    await context.change_flags(unseen, "add", frozenset({"\\Seen"}), tell=False)
    if not items.flags:
        items.simple("FLAGS")
    if context.manner.modseq and not items.modseqs:
        items.simple("MODSEQ")


async def _batches(context: Context, ranges: Ranges) -> list[Ranges]:
    """Portions whose messages together are about BATCH octets."""
    here, core = context.here, context.core
    infos = await core.db.aread(lambda tx: core.mail.infos(tx, here.mailbox, ranges))
    return [ranges_of(info.uid for info in few) for few in by_size(infos)]


def by_size(infos: list[MessageInfo]) -> Iterator[list[MessageInfo]]:
    few: list[MessageInfo] = []
    octets = 0
    for info in infos:
        if few and octets + info.size > BATCH:
            yield few
            few, octets = [], 0
        few.append(info)
        octets += info.size
    if few:
        yield few


async def tell(context: Context, ranges: Ranges, items: Items) -> None:
    """The items of these messages, without marking anything as read."""
    for part in slices(context, ranges):
        for few in await _batches(context, part) if items.whole else [part]:
            await _tell(context, few, items)


async def _tell(context: Context, ranges: Ranges, items: Items) -> None:
    here, core, parts = context.here, context.core, frozenset(items.parts)
    seq_of, whole = here.view.seq, items.whole
    used: set[tuple[int, str]] = set()
    only = "UIDONLY" in context.enabled
    form = b"* %d UIDFETCH (%s)\r\n" if only else b"* %d FETCH (%s)\r\n"

    def load(tx: Tx) -> bytes:
        """In the reader's thread: the loop only hands the octets on."""
        if items.saved_at is not None:
            items.saved_at.update(saved.dates(tx, here.mailbox, ranges))
        told: list[bytes] = []
        for row in core.mail.rows(tx, here.mailbox, ranges, parts):
            seq = seq_of(row[mail.UID])
            if seq is None:
                continue
            source = Source(core.mail.octets(tx, here.mailbox, row[mail.UID])) if whole else None
            if source is not None and not source.octets:
                continue  # expunged by somebody else meanwhile
            told.append(form % (row[mail.UID] if only else seq, items.written(row, source)))
            if items.flags:
                used.add((row[mail.FLAGS], row[mail.KEYWORDS]))
        return b"".join(told)

    octets = await core.db.aread(load)
    context.show_flags(frozenset({"\\Seen"}).union(*(join(bits, words) for bits, words in used)))
    context.wire.write(octets)
    await context.wire.drain()
