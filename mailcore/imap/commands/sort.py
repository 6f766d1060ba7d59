"""SORT and THREAD (RFC 5256), with SORT=DISPLAY (RFC 5957) and ESORT (RFC 5267)."""

from collections.abc import Callable
from typing import Any

from mailcore.imap.commands.anytime import ok
from mailcore.imap.commands.fetch import slices
from mailcore.imap.commands.search import fill, matching, scope_of, told
from mailcore.imap.context import Context
from mailcore.imap.esearch import parse_options
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
    """sort = "SORT" [SP "RETURN" ...] SP "(" sort-key *(SP sort-key) ")" SP charset SP search-key *(SP search-key)"""
    read.space()
    options = parse_options(read, extended=False)
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
    rows, scope = await _found(context, read)

    def ordered() -> list[int]:
        numbered = sorted(rows)
        for name, reverse in reversed(wanted):  # a stable sort by each, the last key first
            key = _KEYS[name]
            keyed = [(key(block, row), number, block, row) for number, block, row in numbered]
            keyed.sort(key=lambda one: one[0], reverse=reverse)
            numbered = [(number, block, row) for _, number, block, row in keyed]
        return [number for number, _, _ in numbered]

    numbers = await context.core.threads.run(ordered)
    modseq = max((row[mail.MODSEQ] for _, _, row in rows), default=0) if scope.by_modseq else 0
    if options.saves:
        context.here.saved = tuple(options.to_save(sorted(row[mail.UID] for _, _, row in rows)))
    context.wire.write(told(context, options, numbers, modseq, b"SORT"))
    return ok(context)


async def thread(context: Context, read: Reader) -> Tagged:
    """thread = "THREAD" SP thread-alg SP charset SP search-key *(SP search-key)"""
    read.space()
    algorithm = _ALGORITHMS.get(read.atom().upper())
    if algorithm is None:
        raise SyntaxProblem("unknown algorithm")
    rows, _ = await _found(context, read)

    def threads() -> bytes:
        letters = [ordering.Letter.read(number, block, row[mail.AT]) for number, block, row in rows]
        return ordering.written(algorithm(letters))

    tree = await context.core.threads.run(threads)
    context.wire.write(b"* THREAD " + tree + b"\r\n" if tree else b"* THREAD\r\n")
    return ok(context)


async def _found(context: Context, read: Reader) -> tuple[list[tuple[int, bytes, Row]], Scope]:
    """Number (uid or seq, as asked), header and row of every message that matches."""
    read.space()
    charset = read.astring().decode("ascii", "replace").upper()
    if charset not in ("UTF-8", "US-ASCII"):
        raise BadCharset
    read.space()
    here, core, by_uid = context.here, context.core, context.by_uid
    scope = scope_of(context)
    key = all_of(parse_keys(read, scope))
    read.end()
    if scope.by_modseq:
        context.use_modseqs()
    await fill(context, scope)
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
    return found, scope
