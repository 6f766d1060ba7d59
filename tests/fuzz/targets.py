"""Parsers that strangers' octets reach: each accepts, or raises its documented error (for hypothesis and atheris)."""

from mailcore.errors import MailError
from mailcore.imap import dates, names, notify, urls
from mailcore.imap.commands import append, catenate, listing, metadata, select
from mailcore.imap.commands.store import flags_in_parentheses
from mailcore.imap.context import Context, Selected
from mailcore.imap.esearch import parse_options
from mailcore.imap.fetch_items import Items
from mailcore.imap.search_keys import Scope, parse_charset, parse_keys
from mailcore.imap.sections import Source, UnknownEncoding
from mailcore.imap.sequence import NumberSet
from mailcore.imap.status import Refused, UidRequired
from mailcore.mail.asking import derived
from mailcore.mail.reading import structure
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import preview
from mailcore.wire import sasl
from mailcore.wire.deflate import Deflated, PackedWrongly
from mailcore.wire.framing import CommandLine, Framer, LineTooLong, LiteralWanted
from mailcore.wire.reader import Reader, SyntaxProblem
from tests.fuzz.more_targets import MORE

DOCUMENTED = (SyntaxProblem, MailError, Refused, UidRequired)


def framer(octets: bytes) -> None:
    """However the octets are cut, the same commands come out; only LineTooLong may be raised."""
    whole, pieces = commands(octets, len(octets) or 1), commands(octets, 1 + len(octets) % 7)
    assert whole == pieces


def commands(octets: bytes, step: int) -> list[tuple[bytes, ...] | None]:
    cutter, found = Framer(200), list[tuple[bytes, ...] | None]()
    try:
        for at in range(0, len(octets), step):
            cutter.feed(octets[at : at + step])
            while (event := cutter.next_event()) is not None:
                if isinstance(event, CommandLine):
                    found.append(event.parts)
                elif isinstance(event, LiteralWanted):
                    cutter.accept() if event.size < 50 else cutter.refuse()
    except LineTooLong:
        found.append(None)
    return found


def grammar(octets: bytes) -> None:
    """Every grammar of a command's arguments."""
    parts = tuple(octets.split(b"\xfe"))
    parts = parts if len(parts) % 2 else (*parts, b"")
    scope = Scope((1, 2, 3, 10))
    for parse in (
        NumberSet.parse,
        flags_in_parentheses,
        dates.read_date_time,
        catenate.parse,
        listing._parse_request,
        notify.parse,
        metadata.parse_entries,
        select._resync,
        lambda read: Items.parse(read, by_uid=True),
        lambda read: parse_options(read, extended=False),
        lambda read: parse_charset(read, scope),
        lambda read: parse_keys(read, scope),
        lambda read: append._parse_message(CONTEXT, read),
    ):
        for utf8 in (False, True):
            try:
                parse(Reader(parts, utf8=utf8))
            except DOCUMENTED:
                continue
    for check in (sasl.plain, sasl.bearer, sasl.Scram({}, plus=False).first, names.decode):
        try:
            check(octets)
        except DOCUMENTED:
            continue
    try:
        urls.parse(octets)
    except urls.BadUrl:
        return


def message(octets: bytes) -> None:
    """A message has a structure, whatever it is, and every part of it can be read."""
    found = derived.derive(Message(octets))
    assert found.structure.startswith(b"(")
    source, root = Source(b"", octets), structure.parse(octets)
    paths = [(), (1,), (2,), (1, 1), (1, 2, 1)]
    for path in paths:
        try:
            source.binary(path)
        except UnknownEncoding:
            continue
    assert root.end == len(octets)
    assert len(preview.preview(octets)) <= preview.MOST


def deflate(octets: bytes) -> None:
    unpacked = Deflated()
    unpacked.feed(octets)
    try:
        while unpacked.unpack():
            pass
    except PackedWrongly:
        return


class _Clock:
    def now(self) -> None:
        return None


class _Core:
    clock = _Clock()


CONTEXT = Context(_Core(), None, selected=Selected.nothing())  # type: ignore[arg-type]  # what the grammars look at
TARGETS = {"framer": framer, "grammar": grammar, "message": message, "deflate": deflate, **MORE}
