"""SORT and THREAD (RFC 5256), with SORT=DISPLAY (RFC 5957) and ESORT (RFC 5267).

The order is SQL over what is summed up of each message.  An answer is remembered for the state of the mailbox (its
modseq) that the client knows: webmails ask the same again and again.
"""

from array import array
from collections.abc import Sequence

from mailcore.imap.commands.search import (
    find_highest_modseq,
    find_matching,
    make_scope,
    saving,
    to_numbers,
    write_results,
)
from mailcore.imap.context import Context
from mailcore.imap.esearch import parse_options
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import Scope, all_of, charset, parse_keys
from mailcore.mail.asking import ordering
from mailcore.mail.asking.criteria import Criterion
from mailcore.mail.asking.ids import thread_key
from mailcore.mail.asking.ordering import Letter
from mailcore.store.mail import sorting
from mailcore.store.mail.sorting import SortKey
from mailcore.wire.reader import Reader, SyntaxProblem

_ALGORITHMS = {b"ORDEREDSUBJECT": ordering.by_subject, b"REFERENCES": ordering.by_references}


async def sort(context: Context, read: Reader) -> Tagged:
    """sort = "SORT" [SP "RETURN" ...] SP "(" sort-key *(SP sort-key) ")" SP charset SP search-key *(SP search-key)"""
    read.space()
    options = parse_options(read, extended=False)
    if options.updates:  # CONTEXT=SORT is not offered
        context.wire.write(b'* NO [NOUPDATE "%s"] A sorted search is not kept up to date\r\n' % context.tag)
    keys = _parse_sort_keys(read)
    with saving(context, options):
        criterion, scope = _parse_criterion(context, read)
        uids, numbers = await _sort(context, criterion, keys)
    if options.saves:
        context.here.saved = tuple(sorted(options.to_save(uids)))
    if not options.is_silent:
        modseq = await find_highest_modseq(context, options.with_modseq(uids)) if scope.by_modseq else 0
        context.wire.write(write_results(context, options, numbers, modseq, b"SORT"))
    return context.ok()


def _parse_sort_keys(read: Reader) -> tuple[tuple[SortKey, bool], ...]:
    """sort-criteria = "(" sort-key *(SP sort-key) ")"; each with whether it is reversed"""
    read.expect(b"(", "an opening parenthesis")
    wanted: dict[SortKey, bool] = {}
    while not read.take_word(b")"):
        if wanted:
            read.space()
        name, reverse = read.atom().upper(), False
        if name == b"REVERSE":
            read.space()
            name, reverse = read.atom().upper(), True
        word = name.decode("ascii", "replace")
        if word not in SortKey.__members__:
            raise SyntaxProblem(f"unknown sort key {word}")
        # a second time it decides nothing, and SQL has a longest ORDER BY
        wanted.setdefault(SortKey[word], reverse)
    if not wanted:
        raise SyntaxProblem("expected a sort key")
    return tuple(wanted.items())


def _parse_criterion(context: Context, read: Reader) -> tuple[Criterion, Scope]:
    """SP charset SP search-key *(SP search-key)"""
    read.space()
    written = read.astring()
    read.space()
    scope = make_scope(context)
    scope.charset = charset(written)
    criterion = all_of(parse_keys(read, scope))
    read.end()
    if scope.by_modseq:
        context.use_modseqs()
    return criterion, scope


async def _sort(
    context: Context, criterion: Criterion, keys: tuple[tuple[SortKey, bool], ...]
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the UIDs, and the numbers that are sent to the client."""
    here, core = context.here, context.core
    question = (here.mailbox, here.modseq, criterion, keys)
    uids = _numbers(core.answers.get(question)) if not here.view.holding else None
    if uids is None:
        found = await find_matching(context, criterion)
        uids = array("I", await core.db.aread(lambda tx: sorting.sort_uids(tx, here.mailbox, keys, found)))
        if not here.view.holding:
            core.answers.put(question, uids.tobytes())
    if context.by_uid:
        return uids, uids
    numbers = _numbers(core.answers.get((*question, "numbers"))) if not here.view.holding else None
    if numbers is None:
        numbers = array("I", to_numbers(context, uids))
        if not here.view.holding:
            core.answers.put((*question, "numbers"), numbers.tobytes())
    return uids, numbers


def _numbers(kept: bytes | None) -> "array[int] | None":
    return None if kept is None else array("I", kept)


def _keys_of(references: str) -> tuple[str, ...]:
    return tuple(filter(None, map(thread_key, references.split())))


async def thread(context: Context, read: Reader) -> Tagged:
    """thread = "THREAD" SP thread-alg SP charset SP search-key *(SP search-key)"""
    read.space()
    name = read.atom().upper()
    algorithm = _ALGORITHMS.get(name)
    if algorithm is None:
        raise SyntaxProblem("unknown algorithm")
    criterion, _ = _parse_criterion(context, read)
    here, core = context.here, context.core
    question = (here.mailbox, here.modseq, criterion, name, context.by_uid)
    tree = core.answers.get(question) if not here.view.holding else None
    if tree is None:
        found = await find_matching(context, criterion)
        rows = await core.db.aread(lambda tx: sorting.list_letters(tx, here.mailbox, found))
        numbers = to_numbers(context, [row[0] for row in rows])

        def threads() -> bytes:
            letters = [
                Letter(number, at, base, bool(is_answer), thread_key(own), _keys_of(references))
                for number, (_, at, base, is_answer, own, references) in zip(numbers, rows, strict=True)
            ]
            return ordering.written(algorithm(letters))

        tree = await core.threads.run(threads)
        if not here.view.holding:
            core.answers.put(question, tree)
    context.wire.write(b"* THREAD " + tree + b"\r\n" if tree else b"* THREAD\r\n")
    return context.ok()
