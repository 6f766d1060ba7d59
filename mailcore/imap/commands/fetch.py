"""FETCH and UID FETCH (RFC 9051 section 6.4.5): slices of ready octets, one write per slice."""

from collections.abc import Iterator

from mailcore.domain import MessageInfo
from mailcore.imap.commands.anytime import ok
from mailcore.imap.context import Context
from mailcore.imap.fetch_items import Items, Source
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import NumberSet, Ranges, ranges_of
from mailcore.store import mail
from mailcore.store.db import Tx
from mailcore.store.flags import join
from mailcore.wire.reader import Reader

SLICE = 2000  # messages a read gives at most
BATCH = 2**22  # octets of whole messages held at once, unless one alone is larger


async def fetch(context: Context, read: Reader) -> Tagged:
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    items = Items.parse(read, by_uid=context.by_uid)
    here = context.here
    ranges = context.ranges(numbers)
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


async def _tell(context: Context, ranges: Ranges, items: Items) -> None:
    here, core, parts = context.here, context.core, frozenset(items.parts)
    seq_of, writers, whole = here.view.seq, items.writers, items.whole
    used: set[tuple[int, str]] = set()

    def load(tx: Tx) -> bytes:
        """In the reader's thread: the loop only hands the octets on."""
        told: list[bytes] = []
        for row in core.mail.rows(tx, here.mailbox, ranges, parts):
            seq = seq_of(row[mail.UID])
            if seq is None:
                continue
            source = Source(core.mail.octets(tx, here.mailbox, row[mail.UID])) if whole else None
            if source is not None and not source.octets:
                continue  # expunged by somebody else meanwhile
            told.append(b"* %d FETCH (%s)\r\n" % (seq, b" ".join([write(row, source) for write in writers])))
            if items.flags:
                used.add((row[mail.FLAGS], row[mail.KEYWORDS]))
        return b"".join(told)

    octets = await core.db.aread(load)
    context.show_flags(frozenset({"\\Seen"}).union(*(join(bits, words) for bits, words in used)))
    context.wire.write(octets)
    await context.wire.drain()
