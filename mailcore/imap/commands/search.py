"""SEARCH and UID SEARCH (RFC 9051 section 6.4.4); what is returned: imap/esearch.py."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from mailcore.errors import MailError
from mailcore.imap.commands.fetch import BATCH
from mailcore.imap.commands.progress import Progress
from mailcore.imap.context import Context, UpdatedSearch
from mailcore.imap.esearch import Options, esearch_response, parse_options
from mailcore.imap.named_messages import find_known
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import Scope, all_of, parse_charset, parse_keys
from mailcore.imap.status import UidRequired
from mailcore.mail.asking.criteria import AllOf, Criterion, Uids
from mailcore.services.webmail import indexing
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import condstore, query
from mailcore.store.mail.uidset import Ranges, ranges_of
from mailcore.wire.reader import Reader

MANY = 500  # UIDs; for more of them a table of all numbers is made
MAX_KEPT = 8  # searches with UPDATE in a session


async def search(context: Context, read: Reader) -> Tagged:
    """search = "SEARCH" [SP "RETURN" SP "(" options ")"] SP [charset SP] search-key *(SP search-key)"""
    read.space()
    options = parse_options(read, extended="IMAP4REV2" in context.enabled)
    with saving(context, options):
        key, uids, by_modseq = await _search(context, read)
    if options.saves:
        context.here.saved = tuple(options.to_save(uids))
    if options.updates:
        _update_later(context, key, uids)
    if not options.is_silent:
        modseq = await find_highest_modseq(context, options.with_modseq(uids)) if by_modseq else 0
        context.wire.write(write_results(context, options, to_numbers(context, uids), modseq))
    return context.ok()


@contextmanager
def saving(context: Context, options: Options) -> Iterator[None]:
    """Forget the saved result if the command ends with NO (RFC 5182 section 2.1); BAD leaves it."""
    try:
        yield
    except MailError:
        if options.saves:
            context.here.saved = ()
        raise


def _update_later(context: Context, key: Criterion, uids: list[int]) -> None:
    here = context.here
    if len(here.searches) >= MAX_KEPT or context.tag in here.searches:
        context.wire.write(b'* NO [NOUPDATE "%s"] That many searches are not kept up to date\r\n' % context.tag)
        return
    here.searches[context.tag] = UpdatedSearch(context.tag, key, context.by_uid, set(uids))


async def _search(context: Context, read: Reader) -> tuple[Criterion, list[int], bool]:
    """Return the key, UIDs that match, and whether a key asked for modseqs."""
    scope = make_scope(context)
    parse_charset(read, scope)
    key = all_of(parse_keys(read, scope))
    read.end()
    if scope.by_modseq:
        context.use_modseqs()
    return key, await find_matching(context, key), scope.by_modseq


def make_scope(context: Context) -> Scope:
    """Make the scope of a search.  Raises UidRequired: sequence numbers would be the answer, and the client has given them up."""
    here, uid_only = context.here, "UIDONLY" in context.enabled
    if uid_only and not context.by_uid:
        raise UidRequired
    return Scope(
        here.view.uids,
        saved=frozenset(here.saved),
        uid_only=uid_only,
        recent=here.recent,
        now=context.core.clock.seconds(),
    )


def to_numbers(context: Context, uids: Sequence[int]) -> Sequence[int]:
    """Turn UIDs into sequence numbers, unless it is a UID command."""
    if context.by_uid:
        return uids
    seq_of: Callable[[int], int | None] = context.here.view.seq
    if len(uids) > MANY:
        known = context.here.view.uids
        seq_of = {uid: seq for seq, uid in enumerate(known, 1)}.get
    return [seq for uid in uids if (seq := seq_of(uid)) is not None]


async def find_highest_modseq(context: Context, uids: Sequence[int]) -> int:
    here, ranges = context.here, ranges_of(sorted(uids))
    return await context.core.db.aread(lambda tx: condstore.find_highest_modseq(tx, here.mailbox, ranges))


def write_results(
    context: Context, options: Options, numbers: Sequence[int], modseq: int = 0, word: bytes = b"SEARCH"
) -> bytes:
    if not options.plain:
        return esearch_response(b'TAG "' + context.tag + b'"', options, numbers, by_uid=context.by_uid, modseq=modseq)
    after = b" (MODSEQ %d)" % modseq if modseq and numbers else b""
    listed = " ".join(["", *map(str, numbers)]).encode()
    return b"* " + word + listed + after + b"\r\n"


async def find_matching(context: Context, criterion: Criterion, within: Ranges | None = None) -> list[int]:
    """Find the messages, among those the client knows (`within` these), that meet the criterion: UIDs, ascending."""
    here, core = context.here, context.core
    known = find_known(context) if within is None else within
    plan = query.plan(AllOf((Uids(tuple(known)), criterion)))

    def narrow(tx: Tx) -> tuple[int, list[Row]]:
        return core.mail.modseq(tx, here.mailbox), plan.narrow(tx, here.mailbox)

    modseq, rows = await core.db.aread(narrow)
    uids = await _confirm(context, plan, rows) if plan.test and rows else [row[query.UID] for row in rows]
    if modseq == here.modseq and not here.view.holding:
        return uids
    return [uid for uid in uids if here.view.seq(uid) is not None]


async def _confirm(context: Context, plan: query.Plan, rows: list[Row]) -> list[int]:
    """Test the rows in portions: a reader that looks at every body must not hold its snapshot for long."""
    core, owner = context.core, context.owner
    uids: list[int] = []
    progress = Progress(context, len(rows))
    hits = await core.threads.run(core.search.hits, owner, plan.texts)
    try:
        left = await core.threads.run(plan.possible, rows, hits)
        progress.report(len(rows) - len(left))
        for few in query.batches(left, BATCH if plan.texts else sum(row[query.SIZE] for row in left)):
            uids += await core.db.aread(partial(plan.confirm, blobs=core.blobs, rows=few, hits=hits))
            progress.report(len(few))
        if plan.texts and not hits.has_all(row[query.BLOB] for row in rows):
            await core.threads.run(indexing.request_index, core, owner)
    finally:
        hits.close()
    return uids
