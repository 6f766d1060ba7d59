"""SORT and THREAD (RFC 5256), with SORT=DISPLAY (RFC 5957)."""

from collections.abc import Callable
from typing import Any

from mailcore.imap.commands.anytime import ok
from mailcore.imap.commands.fetch import slices
from mailcore.imap.commands.search import matching
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import Scope, all_of, parse_keys
from mailcore.imap.sequence import ranges_of
from mailcore.imap.status import BadCharset
from mailcore.mail import address, header, ordering
from mailcore.store import mail
from mailcore.store.db import Row, Tx
from mailcore.wire.reader import Reader, SyntaxProblem


def _first_localpart(name: str) -> Callable[[bytes, Row], str]:
    def key(block: bytes, row: Row) -> str:
        found = [one for value in header.raw_values(block, name)[:1] for one in address.parse_list(value)[:1]]
        return (found[0].localpart or "").lower() if found else ""

    return key


def _display(name: str) -> Callable[[bytes, Row], str]:
    return lambda block, row: address.display_name((header.raw_values(block, name) or [b""])[0]).lower()


# Any: a key orders by one type only, which differs from key to key.
_KEYS: dict[bytes, Callable[[bytes, Row], Any]] = {
    b"ARRIVAL": lambda block, row: row[mail.AT],
    b"CC": _first_localpart("cc"),
    b"DATE": lambda block, row: ordering.sent_at(block, row[mail.AT]),
    b"DISPLAYFROM": _display("from"),
    b"DISPLAYTO": _display("to"),
    b"FROM": _first_localpart("from"),
    b"SIZE": lambda block, row: row[mail.SIZE],
    b"SUBJECT": lambda block, row: ordering.base_subject((header.values(block, "subject") or [""])[0])[0].lower(),
    b"TO": _first_localpart("to"),
}
_ALGORITHMS = {b"ORDEREDSUBJECT": ordering.by_subject, b"REFERENCES": ordering.by_references}


async def sort(context: Context, read: Reader) -> Tagged:
    """sort = "SORT" SP "(" sort-key *(SP sort-key) ")" SP charset SP search-key *(SP search-key)"""
    read.space()
    read.expect(b"(", "an opening parenthesis")
    wanted: list[tuple[bytes, bool]] = []
    while not read.take(b")"):
        if wanted:
            read.space()
        name, reverse = read.atom().upper(), False
        if name == b"REVERSE":
            read.space()
            name, reverse = read.atom().upper(), True
        if name not in _KEYS:
            raise SyntaxProblem(f"unknown sort key {name.decode('ascii', 'replace')}")
        wanted.append((name, reverse))
    if not wanted:
        raise SyntaxProblem("expected a sort key")
    rows = await _found(context, read)

    def ordered() -> list[int]:
        numbered = sorted(rows)
        for name, reverse in reversed(wanted):  # a stable sort by each, the last key first
            key = _KEYS[name]
            keyed = [(key(block, row), number, block, row) for number, block, row in numbered]
            keyed.sort(key=lambda one: one[0], reverse=reverse)
            numbered = [(number, block, row) for _, number, block, row in keyed]
        return [number for number, _, _ in numbered]

    numbers = await context.core.threads.run(ordered)
    context.wire.write(b"* SORT" + b"".join(b" %d" % number for number in numbers) + b"\r\n")
    return ok(context)


async def thread(context: Context, read: Reader) -> Tagged:
    """thread = "THREAD" SP thread-alg SP charset SP search-key *(SP search-key)"""
    read.space()
    algorithm = _ALGORITHMS.get(read.atom().upper())
    if algorithm is None:
        raise SyntaxProblem("unknown algorithm")
    rows = await _found(context, read)

    def threads() -> bytes:
        letters = [ordering.Letter.read(number, block, row[mail.AT]) for number, block, row in rows]
        return ordering.written(algorithm(letters))

    told = await context.core.threads.run(threads)
    context.wire.write(b"* THREAD " + told + b"\r\n" if told else b"* THREAD\r\n")
    return ok(context)


async def _found(context: Context, read: Reader) -> list[tuple[int, bytes, Row]]:
    """Number (uid or seq, as asked), header and row of every message that matches."""
    read.space()
    charset = read.astring().decode("ascii", "replace").upper()
    if charset not in ("UTF-8", "US-ASCII"):
        raise BadCharset
    read.space()
    here, core, by_uid = context.here, context.core, context.by_uid
    uids = here.view.uids
    scope = Scope(uids[-1] if uids else 0, len(uids))
    key = all_of(parse_keys(read, scope))
    read.end()
    wanted = await matching(context, key)
    found: list[tuple[int, bytes, Row]] = []
    for part in slices(context, ranges_of(wanted)):

        def load(tx: Tx, part: list[tuple[int, int]] = part) -> list[tuple[int, bytes, Row]]:
            met = (
                (row[mail.UID] if by_uid else here.view.seq(row[mail.UID]), row[mail.PREFIX] + row[mail.HEADER], row)
                for row in core.mail.rows(tx, here.mailbox, part, frozenset({"header"}))
            )
            return [(number, block, row) for number, block, row in met if number is not None]

        found += await core.db.aread(load)
    return found
