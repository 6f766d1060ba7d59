"""The messages that a command names, as far as the client knows them.  No I/O.

They are places in the client's view, runs counted from 0: its sequence numbers are these plus one, and its UIDs stand
there.  What asks the database wants ranges of UIDs.
"""

from collections.abc import Iterator, Sequence

from mailcore.imap.context import Context
from mailcore.imap.sequence import NumberSet
from mailcore.imap.status import UidRequired
from mailcore.store.mail.uidset import Ranges, places_in, ranges_of
from mailcore.wire.reader import SyntaxProblem

MESSAGE_LIMIT = 1_000_000  # messages that one command works on (RFC 9738)


def find_places(context: Context, numbers: NumberSet) -> list[range]:
    """Find the messages of a sequence-set, those with the highest UIDs up to the limit."""
    return _limit(context, _find_all(context, numbers))


def find_ranges(context: Context, numbers: NumberSet) -> Ranges:
    """Find the same messages as ranges of UIDs."""
    return to_ranges(context.here.view.uids, find_places(context, numbers))


def find_known(context: Context) -> Ranges:
    """Find every message that the client knows of, up to the limit."""
    uids = context.here.view.uids
    return to_ranges(uids, _limit(context, [range(len(uids))] if uids else []))


def to_ranges(uids: Sequence[int], places: Sequence[range]) -> Ranges:
    return [(uids[run[0]], uids[run[-1]]) for run in places]


def cut_places(places: Sequence[range], start: int, end: int) -> list[range]:
    """Cut out those from the `start`th to before the `end`th, as a slice does."""
    cut: list[range] = []
    for run in places:
        if part := run[max(start, 0) : max(end, 0)]:
            cut.append(part)
        start, end = start - len(run), end - len(run)
    return cut


def portions(uids: Sequence[int], places: Sequence[range], size: int) -> Iterator[Ranges]:
    """Give all these messages, as ranges of UIDs in portions of `size`."""
    count = sum(map(len, places))
    if count <= size:
        if count:
            yield to_ranges(uids, places)
        return
    for start in range(0, count, size):
        yield to_ranges(uids, cut_places(places, start, start + size))


def _find_all(context: Context, numbers: NumberSet) -> list[range]:
    uids = context.here.view.uids
    if numbers.saved:
        return places_in(uids, ranges_of(context.here.saved))
    if context.by_uid:
        return numbers.places_in(uids)
    if "UIDONLY" in context.enabled:
        raise UidRequired
    spans = numbers.spans(len(uids))
    if spans and (spans[0][0] < 1 or spans[-1][1] > len(uids)):
        raise SyntaxProblem("there is no message of that number")
    return [range(low - 1, high) for low, high in spans]


def _limit(context: Context, places: list[range]) -> list[range]:
    """Leave those with the highest UIDs; `context.limited` is then the lowest of them."""
    count = sum(map(len, places))
    if count <= MESSAGE_LIMIT:
        return places
    places = cut_places(places, count - MESSAGE_LIMIT, count)
    context.limited = context.here.view.uids[places[0][0]]
    return places
