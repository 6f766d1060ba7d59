"""FETCH and UID FETCH (RFC 9051 section 6.4.5): slices of ready octets, one write per slice.

With CHANGEDSINCE and VANISHED (RFC 7162 sections 3.1.4.1, 3.2.6) and PARTIAL (RFC 9394).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter

from mailcore.imap.context import Context
from mailcore.imap.esearch import bounds
from mailcore.imap.fetch_items import Batch, Items
from mailcore.imap.named_messages import cut_places, find_places, portions, to_ranges
from mailcore.imap.responses import Tagged, without_nul
from mailcore.imap.sections import Piece, Pieces, Source
from mailcore.imap.sequence import NumberSet, write_ranges
from mailcore.imap.view import View
from mailcore.mail.reading.octets import Octets
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import condstore, message_reader, save_dates
from mailcore.store.mail.flags import join_flags
from mailcore.store.mail.uidset import Ranges, places_in, ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem

SLICE = 2000  # messages a read gives at most
NARROW_SLICE = 20_000  # the same where nothing is asked but what stands in the message's own row
# octets that are written at once: below the border from which the allocator asks the system (process/malloc.py), whose
# pages have to be cleared, each time anew
CHUNK = 96 * 1024
LARGE = 2**20  # octets; a message above this is written from its file, in portions
BATCH = 2**22  # octets of whole messages held at once
WIDE = 2**28  # the same, for each item, where headers and what is made of them are asked for
_UID, _SIZE = itemgetter(message_reader.UID), itemgetter(message_reader.UID, message_reader.SIZE)
Answer = tuple[Pieces, frozenset[str]]  # what is sent, and flags that it names


async def fetch(context: Context, read: Reader) -> Tagged:
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    items = Items.parse(read, by_uid=context.by_uid and "UIDONLY" not in context.enabled)
    here = context.here
    places = find_places(context, numbers)
    if items.modseqs:
        context.use_modseqs()
    if items.partial is not None:
        places = cut_places(places, *bounds(items.partial, sum(map(len, places))))
    if items.changed_since is not None:
        places = await _changed(context, numbers, places, items, items.changed_since)
    for ranges in portions(here.view.uids, places, NARROW_SLICE if items.narrow else SLICE):
        if items.marks_seen and not here.read_only:
            await _mark_seen(context, ranges, items)
        await _send_in_batches(context, ranges, items)
    return context.ok()


async def _changed(context: Context, numbers: NumberSet, places: list[range], items: Items, since: int) -> list[range]:
    """Return those of `places` changed after `since`; with VANISHED, send the removed UIDs first, known or not."""
    here, vanished = context.here, items.vanished
    if vanished and not (context.by_uid and "QRESYNC" in context.enabled):
        raise SyntaxProblem("VANISHED is for UID FETCH after ENABLE QRESYNC")
    uids = here.view.uids
    ranges = to_ranges(uids, places)
    named = ranges_of(uids[place] for run in places for place in run) if numbers.saved else None
    asked = numbers.spans(max(here.view.top, 1)) if named is None else named

    def load(tx: Tx) -> tuple[list[int], Ranges]:
        gone = condstore.list_vanished(tx, here.mailbox, since, asked) if vanished else []
        return condstore.list_changed(tx, here.mailbox, ranges, since), gone

    changed, gone = await context.core.db.aread(load)
    if gone:
        context.wire.write(b"* VANISHED (EARLIER) " + write_ranges(gone) + b"\r\n")
    return places_in(uids, ranges_of(changed))


async def _mark_seen(context: Context, ranges: Ranges, items: Items) -> None:
    """Set \\Seen, as reading a body does; the client hears of it in the same answer."""
    here, core = context.here, context.core
    infos = await core.db.aread(lambda tx: core.mail.infos(tx, here.mailbox, ranges))
    unseen = ranges_of(info.uid for info in infos if "\\Seen" not in info.flags)
    if not unseen:
        return
    await context.change_flags(unseen, "add", frozenset({"\\Seen"}), with_infos=False)
    if not items.flags:
        items.add_simple("FLAGS")
    if context.response_style.modseq and not items.modseqs:
        items.add_simple("MODSEQ")


async def send_items(context: Context, places: list[range], items: Items) -> None:
    """Send the items of these messages, without marking anything as read."""
    for ranges in portions(context.here.view.uids, places, SLICE):
        await _send_in_batches(context, ranges, items)


async def _send_in_batches(context: Context, ranges: Ranges, items: Items) -> None:
    """Send the items, and hold no more in memory than it should, however large the messages and often the items."""
    if items.narrow:
        await _send(context, partial(_load, context, items, ranges))
        return
    most, large = (BATCH, LARGE) if items.whole else (WIDE // len(items.columns), WIDE)
    groups: list[list[int]] = []

    is_light = items.whole and message_reader.DERIVED.isdisjoint(items.parts)

    def load_first(tx: Tx) -> Answer:
        """Load sizes, and the first messages: mostly these are all."""
        if not is_light:
            octets, largest = context.core.mail.measure(tx, context.here.mailbox, ranges)
            if octets <= most and largest <= large:
                return _load(context, items, ranges, tx)
        rows = _read_rows(context, items, ranges, tx) if is_light else None
        sizes = context.core.mail.sizes(tx, context.here.mailbox, ranges) if rows is None else list(map(_SIZE, rows))
        groups[:] = batches(sizes, most, large)
        if not groups:
            return [], frozenset()
        some = ranges if len(groups) == 1 else ranges_of(groups[0])
        return _load(context, items, some, tx, rows and rows[: len(groups[0])])

    await _send_in_turn(context, load_first, items)
    for uids in groups[1:]:
        await _send_in_turn(context, partial(_load, context, items, ranges_of(uids)), items)


async def _send_in_turn(context: Context, load: Callable[[Tx], Answer], items: Items) -> None:
    """Send what `load` gives; whole messages in turn with other sessions, until the client has taken them."""
    if not items.whole:
        await _send(context, load)
        return
    async with context.reads.turn(context.owner):
        await _send(context, load)
        await context.wire.drain()


def batches(sizes: list[Row], most: int, large: int) -> Iterator[list[int]]:
    """Group messages (uid, octets) until they have about `most` octets; one above `large` stands alone."""
    few: list[int] = []
    held = 0
    for uid, octets in sizes:
        if few and (held + octets > most or octets > large):
            yield few
            few, held = [], 0
        few.append(uid)
        held += most if octets > large else octets
    if few:
        yield few


def _read_rows(context: Context, items: Items, ranges: Ranges, tx: Tx) -> list[Row]:
    return context.core.mail.rows(tx, context.here.mailbox, ranges, frozenset(items.parts), lean=True)


def _load(context: Context, items: Items, ranges: Ranges, tx: Tx, rows: list[Row] | None = None) -> Answer:
    """Load the octets in the reader's thread: the loop only hands them on.

    Args:
        rows: those of `ranges`, where they have been read.
    """
    here, only = context.here, "UIDONLY" in context.enabled
    form = b"* %%d UIDFETCH (%s)\r\n" if only else b"* %%d FETCH (%s)\r\n"
    if items.saved_at is not None:
        items.saved_at.update(save_dates.get_save_dates(tx, here.mailbox, ranges))
    numbers, rows = _match_rows(here.view, _read_rows(context, items, ranges, tx) if rows is None else rows)
    if not rows:
        return [], frozenset()
    octets = _load_octets(context, items, tx, rows) if items.whole else []
    sources = [Source(bytes(row[message_reader.PREFIX]), body) for row, body in zip(rows, octets, strict=False)]
    batch = Batch(rows, sources, here.recent)
    uids = [row[message_reader.UID] for row in rows] if only else numbers
    if items.whole and len(rows) == 1 and rows[0][message_reader.SIZE] > LARGE:
        pieces = items.write_pieces(uids[0], batch, form)
    else:
        pieces = items.write(uids, batch, form)
    return pieces, frozenset[str]().union(*(join_flags(bits, words) for bits, words in batch.flags))


def _load_octets(context: Context, items: Items, tx: Tx, rows: list[Row]) -> list[Octets]:
    """Load what stands behind the messages' own fields; of one message only the part that is needed."""
    blobs = context.core.blobs
    if items.window is None or len(rows) > 1:
        return blobs.mapped_many(tx, [row[message_reader.BLOB] for row in rows])
    start, stop = (octet - len(rows[0][message_reader.PREFIX]) for octet in items.window)
    return [blobs.mapped_range(tx, rows[0][message_reader.BLOB], start, stop)]


async def _send(context: Context, load: Callable[[Tx], Answer]) -> None:
    pieces, flags = await context.core.db.aread(load)
    context.announce_flags(frozenset({"\\Seen"}) | flags)
    for piece in join_pieces(pieces):
        if isinstance(piece, bytes):
            context.wire.write(piece)
            await context.wire.drain()
            continue
        for at in range(0, len(piece), CHUNK):  # of a mapped file: no more of it is read than the client takes
            context.wire.write(without_nul(piece[at : at + CHUNK].tobytes()))
            await context.wire.drain()


def join_pieces(pieces: Pieces) -> Iterator[Piece]:
    """Join what is small until it has about CHUNK octets; what is of a mapped file stays as it is."""
    few: list[bytes] = []
    octets = 0
    for piece in pieces:
        is_mapped = not isinstance(piece, bytes)
        if few and (is_mapped or octets + len(piece) > CHUNK):
            yield b"".join(few)
            few, octets = [], 0
        if isinstance(piece, bytes):
            few.append(piece)
            octets += len(piece)
        else:
            yield piece
    if few:
        yield b"".join(few)


def _match_rows(view: View, rows: list[Row]) -> tuple[Sequence[int], list[Row]]:
    """Return the sequence numbers of the rows that the client knows of, and those rows."""
    if not rows:
        return (), rows
    first = view.seq(rows[0][message_reader.UID])
    if first is not None and list(map(_UID, rows)) == view.uids[first - 1 : first - 1 + len(rows)].tolist():
        return range(first, first + len(rows)), rows
    met = [(seq, row) for row in rows if (seq := view.seq(row[message_reader.UID])) is not None]
    return [seq for seq, _ in met], [row for _, row in met]
