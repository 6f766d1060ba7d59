"""ESEARCH in several mailboxes (RFC 7377)."""

import dataclasses

from mailcore.domain import Mailbox
from mailcore.imap import names
from mailcore.imap.commands.search import find_highest_modseq, find_matching, make_scope
from mailcore.imap.context import Context, Selected
from mailcore.imap.esearch import Options, esearch_response, parse_options
from mailcore.imap.notify import MAX_GROUPS, MAX_NAMES, parse_mailboxes
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import all_of, parse_charset, parse_keys
from mailcore.imap.status import WrongState
from mailcore.imap.view import View
from mailcore.mail.asking.criteria import Criterion
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

_LEVELS = {b"MAILBOXES": 0, b"SUBTREE-ONE": 1, b"SUBTREE": None}


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """`levels` of a subtree: 0 = these alone, 1 = one level below too, None = all."""

    kind: bytes
    names: frozenset[str] = frozenset()
    levels: int | None = 0


async def esearch(context: Context, read: Reader) -> Tagged:
    """esearch = "ESEARCH" [SP "IN" SP "(" source-mbox ")"] [SP "RETURN" ...] SP search-program"""
    read.space()
    sources = _parse_sources(read) if read.take_word(b"IN (") else [Source(b"SELECTED")]
    if read.sees(b" "):
        read.space()
    options = parse_options(read, extended=True)
    if options.saves or options.updates:
        raise SyntaxProblem("SAVE and UPDATE are of the selected mailbox")
    rest = read.rest()
    boxes = await context.core.db.aread(lambda tx: _find_mailboxes(context, tx, sources))
    _parse_criteria(
        context, Selected.nothing(), rest
    )  # the criteria must be right, also if there is nothing to search in
    for box in boxes:
        await _search_mailbox(context, box, options, rest)
    return context.ok()


async def _search_mailbox(context: Context, box: Mailbox, options: Options, rest: Reader) -> None:
    core = context.core
    uids = await core.db.aread(lambda tx: core.mail.uids(tx, box.id))
    there = Selected(box.id, View(uids), box.modseq, True, lambda: None, uidvalidity=box.uidvalidity)
    if context.selected is not None and context.selected.mailbox == box.id:
        there.recent = context.selected.recent
    elif context.knows_recent and box.recent < box.uidnext:
        there.recent = ((box.recent, box.uidnext - 1),)
    inside, key, by_modseq = _parse_criteria(context, there, rest)
    found = await find_matching(inside, key)
    if found or b"COUNT" in options.words:
        modseq = await find_highest_modseq(inside, options.with_modseq(found)) if by_modseq else 0
        source = b'TAG "%s" MAILBOX %s UIDVALIDITY %d' % (
            context.tag,
            names.quoted(context.encode(box.name)),
            box.uidvalidity,
        )
        context.wire.write(esearch_response(source, options, found, by_uid=True, modseq=modseq))


def _parse_criteria(context: Context, there: Selected, rest: Reader) -> tuple[Context, Criterion, bool]:
    inside = dataclasses.replace(context, selected=there, by_uid=True)
    scope = make_scope(inside)
    read = rest.again()
    parse_charset(read, scope)
    key = all_of(parse_keys(read, scope))
    read.end()
    return inside, key, scope.by_modseq


def _parse_sources(read: Reader) -> list[Source]:
    """source-mbox = filter-mailboxes *(SP filter-mailboxes) [SP "(" scope-options ")"] ")" """
    found: list[Source] = []
    while not read.take_word(b")"):
        if found:
            read.space()
        kind = read.atom().upper()
        if kind in (b"SELECTED", b"SELECTED-DELAYED", b"INBOXES", b"PERSONAL", b"SUBSCRIBED"):
            found.append(Source(b"SELECTED" if kind == b"SELECTED-DELAYED" else kind))
            continue
        if kind not in _LEVELS:
            raise SyntaxProblem("unknown mailboxes")
        read.space()
        found.append(Source(b"NAMES", parse_mailboxes(read), _LEVELS[kind]))
        if len(found[-1].names) > MAX_NAMES:
            raise SyntaxProblem("too many mailboxes")
    if not found or len(found) > MAX_GROUPS:
        raise SyntaxProblem("expected mailboxes")
    return found


def _find_mailboxes(context: Context, tx: Tx, sources: list[Source]) -> list[Mailbox]:
    boxes = context.core.mail.mailboxes(tx, context.owner)
    if any(source.kind == b"SELECTED" for source in sources) and context.selected is None:
        raise WrongState("select a mailbox first")
    return [box for box in boxes if any(_covers(context, source, box) for source in sources)]


def _covers(context: Context, source: Source, box: Mailbox) -> bool:
    match source.kind:
        case b"SELECTED":
            return context.selected is not None and context.selected.mailbox == box.id
        case b"SUBSCRIBED":
            return box.subscribed
        case b"NAMES":
            return names.is_within(box.name, source.names, levels=source.levels)
    return True
