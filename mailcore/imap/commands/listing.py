"""LIST and LSUB (RFC 9051 section 6.3.9, RFC 3501 section 6.3.9).

The extended form (RFC 5258): selection and return options, several patterns, RECURSIVEMATCH; RETURN (STATUS ...)
(RFC 5819), SPECIAL-USE (RFC 6154), METADATA (RFC 9590).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailcore.domain import Mailbox
from mailcore.imap import names
from mailcore.imap.commands.mailboxes import parse_status_items, parse_words, status_line
from mailcore.imap.commands.metadata import annotations_line, parse_entries
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_PATTERNS = 32
SELECTIONS = frozenset({b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"})


@dataclass(slots=True)
class ListRequest:
    """Arguments of one LIST."""

    patterns: list[str] = field(default_factory=list)
    extended: bool = False
    subscribed: bool = False
    special: bool = False
    recursive: bool = False
    tell_subscribed: bool = False
    status: tuple[bytes, ...] = ()
    entries: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        return any(names.matches(pattern, name) for pattern in self.patterns)

    def selects(self, box: Mailbox) -> bool:
        return (box.subscribed or not self.subscribed) and (bool(box.special_use) or not self.special)


def _parse_request(read: Reader) -> ListRequest:
    """list = "LIST" SP [list-select-opts SP] mailbox SP mbox-or-pat [SP list-return-opts]"""
    request = ListRequest()
    read.space()
    if read.sees(b"("):
        request.extended = True
        options = set(parse_words(read))
        if unknown := options - SELECTIONS:
            raise SyntaxProblem(f"unknown selection option {unknown.pop().decode('ascii', 'replace')}")
        request.subscribed, request.special = b"SUBSCRIBED" in options, b"SPECIAL-USE" in options
        request.recursive = b"RECURSIVEMATCH" in options
        if request.recursive and not options - {b"RECURSIVEMATCH", b"REMOTE"}:
            raise SyntaxProblem("RECURSIVEMATCH needs another selection option")
        read.space()
    reference = names.decode(read.astring(), utf8=read.utf8)
    read.space()
    if read.take_word(b"("):
        request.extended = True
        while not read.take_word(b")"):
            if request.patterns:
                read.space()
            request.patterns.append(reference + names.decode(read.pattern(), utf8=read.utf8))
    else:
        pattern = names.decode(read.pattern(), utf8=read.utf8)
        request.patterns.append(reference + pattern if pattern else "")
    if len(request.patterns) > MAX_PATTERNS:
        raise SyntaxProblem("too many patterns")
    if read.take_word(b" RETURN "):
        request.extended = True
        _return_options(read, request)
    read.end()
    request.tell_subscribed = request.tell_subscribed or request.subscribed
    return request


def _return_options(read: Reader, request: ListRequest) -> None:
    read.expect(b"(", "an opening parenthesis")
    first = True
    while not read.take_word(b")"):
        if not first:
            read.space()
        first = False
        option = read.atom().upper()
        if option == b"STATUS":
            read.space()
            request.status = parse_status_items(read)
        elif option == b"METADATA":
            read.space()
            request.entries = parse_entries(read)
        elif option == b"SUBSCRIBED":
            request.tell_subscribed = True
        elif option not in (b"CHILDREN", b"SPECIAL-USE"):
            raise SyntaxProblem(f"unknown return option {option.decode('ascii', 'replace')}")


def list_line(context: Context, word: bytes, attributes: Sequence[str], name: str, tail: bytes = b"") -> bytes:
    listed = " ".join(attributes).encode()
    return b'* %s (%s) "/" %s%s\r\n' % (word, listed, names.quoted(context.encode(name)), tail)


async def list_mailboxes(context: Context, read: Reader) -> Tagged:
    request = _parse_request(read)
    if not request.extended and request.patterns == [""]:  # what parts the levels, and where names begin
        context.wire.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return context.ok()
    context.write_lines(await context.core.db.aread(lambda tx: _list_lines(context, tx, request)))
    return context.ok()


def _list_lines(context: Context, tx: Tx, request: ListRequest) -> list[bytes]:
    core, owner = context.core, context.owner
    boxes = {box.name: box for box in core.mail.mailboxes(tx, owner)}
    lost = {name for name in core.mail.subscriptions(tx, owner) if name not in boxes}
    wanted = lost if request.subscribed and not request.special else set[str]()  # subscribed names that have no mailbox
    below = {parent for box in boxes.values() if request.selects(box) for parent in names.parents(box.name)}
    below |= {parent for name in wanted for parent in names.parents(name)}
    with_children = {parent for name in boxes for parent in names.parents(name)}
    with_children |= {parent for name in wanted for parent in names.parents(name)}
    nowhere = sorted(with_children.union(wanted).difference(boxes))
    lines: list[bytes] = []
    for name in [*boxes, *nowhere]:
        box = boxes.get(name)
        selected = request.selects(box) if box else name in wanted or not (request.subscribed or request.special)
        through = request.recursive and name in below
        if not (selected or through) or not request.matches(name):
            continue
        attributes = _attributes(request, box, has_children=name in with_children, subscribed=name in lost)
        kind = b'"SUBSCRIBED"' if request.subscribed else b'"SPECIAL-USE"'
        lines.append(list_line(context, b"LIST", attributes, name, b' ("CHILDINFO" (%s))' % kind if through else b""))
        if box and request.status:
            lines.append(status_line(context, tx, box, request.status))
        if box and request.entries:
            lines.append(annotations_line(context, tx, box, request.entries))
    return lines


def _attributes(request: ListRequest, box: Mailbox | None, *, has_children: bool, subscribed: bool) -> list[str]:
    attributes = ["\\HasChildren" if has_children else "\\HasNoChildren"]
    if box is None:  # a level between, or a subscription that outlived its mailbox
        attributes.insert(0, "\\NonExistent" if request.extended else "\\Noselect")
    elif box.special_use:
        attributes.append(box.special_use)
    if request.tell_subscribed and (subscribed or (box is not None and box.subscribed)):
        attributes.append("\\Subscribed")
    return attributes


async def lsub(context: Context, read: Reader) -> Tagged:
    """List subscribed names; a `%` also shows their parents, as \\Noselect (RFC 3501 section 6.3.9)."""
    read.space()
    reference = names.decode(read.astring(), utf8=read.utf8)
    read.space()
    pattern = reference + names.decode(read.pattern(), utf8=read.utf8)
    read.end()
    core, owner = context.core, context.owner
    subscribed = await core.db.aread(lambda tx: core.mail.subscriptions(tx, owner))
    found: dict[str, list[str]] = {}
    for name in subscribed:
        if names.matches(pattern, name):
            found[name] = []
        elif pattern.endswith("%"):
            for parent in names.parents(name):
                if names.matches(pattern, parent):
                    found.setdefault(parent, ["\\Noselect"])
    context.write_lines([list_line(context, b"LSUB", attributes, name) for name, attributes in found.items()])
    return context.ok()
