"""RETURN options of SEARCH, SORT and UID SEARCH, and the ESEARCH response.  No I/O.

RETURN (MIN MAX ALL COUNT) of RFC 4731, SAVE of RFC 5182, UPDATE, CONTEXT of RFC 5267, PARTIAL of RFC 9394.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailcore.imap.sequence import write_set
from mailcore.wire.reader import Reader, SyntaxProblem

WORDS = frozenset({b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE", b"UPDATE", b"CONTEXT", b"RELEVANCY"})
_PARTIAL = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})")


@dataclass(slots=True)
class Options:
    """`plain`: the client did not say RETURN, and hears SEARCH or SORT instead of ESEARCH."""

    words: set[bytes] = field(default_factory=set)
    partial: tuple[int, int] | None = None
    plain: bool = False

    @property
    def saves(self) -> bool:
        return b"SAVE" in self.words

    @property
    def updates(self) -> bool:
        return b"UPDATE" in self.words

    @property
    def is_silent(self) -> bool:
        """Is SAVE alone asked for, so that only the tagged answer is sent (RFC 5182 section 2.1)?"""
        return self.saves and self.partial is None and not self.words & {b"MIN", b"MAX", b"ALL", b"COUNT", b"RELEVANCY"}

    def with_modseq(self, found: Sequence[int]) -> Sequence[int]:
        """Choose the messages whose highest modseq is sent: with MIN or MAX alone only these (RFC 7162 section 3.1.5)."""
        if (
            not found
            or self.plain
            or self.words & {b"ALL", b"COUNT"}
            or not (self.words & {b"MIN", b"MAX"} or self.partial)
        ):
            return found
        ends = ([found[0]] if b"MIN" in self.words else []) + ([found[-1]] if b"MAX" in self.words else [])
        return [*ends, *(cut_partial(found, self.partial) if self.partial is not None else ())]

    def to_save(self, found: Sequence[int]) -> Sequence[int]:
        """Choose what SAVE saves: with only MIN or MAX asked for, only those (RFC 5182 section 2.1, table 1)."""
        if self.partial is not None and not self.words & {b"ALL", b"COUNT", b"MIN", b"MAX"}:
            return sorted(cut_partial(found, self.partial))
        if found and self.words & {b"MIN", b"MAX"} and not self.words & {b"ALL", b"COUNT"} and self.partial is None:
            ends = ([found[0]] if b"MIN" in self.words else []) + ([found[-1]] if b"MAX" in self.words else [])
            return sorted(set(ends))
        return found


def parse_partial(read: Reader) -> tuple[int, int]:
    """partial-range = nz-number ":" nz-number / MINUS nz-number ":" MINUS nz-number (RFC 9394 section 4)"""
    found = read.match(_PARTIAL)
    if found is None or found[1] != found[3]:
        raise SyntaxProblem("expected a range such as 1:100 or -1:-100")
    first, last = sorted((int(found[2]), int(found[4])))
    return (-first, -last) if found[1] else (first, last)


def cut_partial(found: Sequence[int], partial: tuple[int, int]) -> Sequence[int]:
    """Cut out the results from the first to the last place, counted from the end if negative."""
    start, end = bounds(partial, len(found))
    return found[start:end]


def bounds(partial: tuple[int, int], count: int) -> tuple[int, int]:
    """Turn a partial-range of `count` results into the ends of a slice."""
    first, last = partial
    return (first - 1, last) if first > 0 else (max(0, count + last), max(0, count + first + 1))


def parse_options(read: Reader, *, extended: bool) -> Options:
    """["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]; `extended`: ESEARCH without asking"""
    if not read.take_word(b"RETURN "):
        return Options({b"ALL"}) if extended else Options(plain=True)
    read.expect(b"(", "an opening parenthesis")
    options = Options()
    first = True
    while not read.take_word(b")"):
        if not first:
            read.space()
        first = False
        word = read.atom().upper()
        if word == b"PARTIAL" and options.partial is None:
            read.space()
            options.partial = parse_partial(read)
        elif word in WORDS:
            options.words.add(word)
        else:
            raise SyntaxProblem(f"unknown return option {word.decode('ascii', 'replace')}")
    read.space()
    if options.partial is not None and b"ALL" in options.words:
        raise SyntaxProblem("ALL and PARTIAL exclude each other")
    if options.partial is None and not options.words & {b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE"}:
        options.words.add(b"ALL")
    return options


def esearch_response(source: bytes, options: Options, found: Sequence[int], *, by_uid: bool, modseq: int = 0) -> bytes:
    """Write the ESEARCH response.

    Args:
        source: what stands in its parentheses, `TAG "a1"`.
        found: numbers in their order: ascending after SEARCH, sorted after SORT.
        modseq: the highest of the results, 0 if the client has not asked by modseq.
    """
    with_modseq = b"* ESEARCH (" + source + b")" + (b" UID" if by_uid else b"")
    words = options.words
    if found:
        with_modseq += b" MIN %d" % found[0] if b"MIN" in words else b""
        with_modseq += b" MAX %d" % found[-1] if b"MAX" in words else b""
        with_modseq += b" ALL " + write_set(found) if b"ALL" in words else b""
        with_modseq += b" RELEVANCY (" + b" ".join([b"100"] * len(found)) + b")" if b"RELEVANCY" in words else b""
    with_modseq += b" COUNT %d" % len(found) if b"COUNT" in words else b""
    if options.partial is not None:
        some = cut_partial(found, options.partial)
        with_modseq += b" PARTIAL (%d:%d " % options.partial + (write_set(some) if some else b"NIL") + b")"
    with_modseq += b" MODSEQ %d" % modseq if modseq and found else b""
    return with_modseq + b"\r\n"
