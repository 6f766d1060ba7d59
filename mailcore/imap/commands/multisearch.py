"""ESEARCH in several mailboxes (RFC 7377)."""

import dataclasses

from mailcore.domain import Mailbox
from mailcore.imap import names
from mailcore.imap.commands.search import find_highest_modseq, find_matching, make_scope
from mailcore.imap.context import Context, Selected
from mailcore.imap.esearch import Options, esearch_response, parse_options
from mailcore.imap.notify import MAX_NAMES, parse_mailboxes
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import all_of, parse_charset, parse_keys
from mailcore.imap.status import WrongState
from mailcore.imap.view import View
from mailcore.mail.asking.criteria import Criterion
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """`depth` of a subtree: 0 = these alone, 1 = one level below too, 2 = all."""

    kind: bytes
    names: tuple[str, ...] = ()
    depth: int = 0


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
        depth = {b"MAILBOXES": 0, b"SUBTREE-ONE": 1, b"SUBTREE": 2}.get(kind)
        if depth is None:
            raise SyntaxProblem("unknown mailboxes")
        read.space()
        found.append(Source(b"NAMES", parse_mailboxes(read), depth))
        if len(found[-1].names) > MAX_NAMES:
            raise SyntaxProblem("too many mailboxes")
    if not found:
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
            return any(_below(box.name, name, source.depth) for name in source.names)
    return True


def _below(name: str, root: str, depth: int) -> bool:
    if name == root:
        return True
    rest = name.removeprefix(root + names.SEPARATOR)
    return rest != name and (depth == 2 or (depth == 1 and names.SEPARATOR not in rest))
