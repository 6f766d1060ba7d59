"""SEARCH and UID SEARCH (RFC 9051 section 6.4.4); what is returned: imap/esearch.py."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from mailcore.errors import MailError
from mailcore.imap.commands.fetch import BATCH
from mailcore.imap.commands.progress import Progress
from mailcore.imap.context import Context, Kept
from mailcore.imap.esearch import Options, answer, parse_options
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
        _keep(context, key, uids)
    if not options.tells_nothing:
        modseq = await highest_modseq(context, options.told(uids)) if by_modseq else 0
        context.wire.write(told(context, options, numbers_of(context, uids), modseq))
    return context.ok()


@contextmanager
def saving(context: Context, options: Options) -> Iterator[None]:
    """NO saves nothing, and forgets what was saved (RFC 5182 section 2.1); BAD leaves it."""
    try:
        yield
    except MailError:
        if options.saves:
            context.here.saved = ()
        raise


def _keep(context: Context, key: Criterion, uids: list[int]) -> None:
    here = context.here
    if len(here.kept) >= MAX_KEPT or context.tag in here.kept:
        context.wire.write(b'* NO [NOUPDATE "%s"] That many searches are not kept up to date\r\n' % context.tag)
        return
    here.kept[context.tag] = Kept(context.tag, key, context.by_uid, set(uids))


async def _search(context: Context, read: Reader) -> tuple[Criterion, list[int], bool]:
    """The key, UIDs that match, and whether a key asked for modseqs."""
    scope = scope_of(context)
    parse_charset(read, scope)
    key = all_of(parse_keys(read, scope))
    read.end()
    if scope.by_modseq:
        context.use_modseqs()
    return key, await matching(context, key), scope.by_modseq


def scope_of(context: Context) -> Scope:
    """Raises UidRequired: sequence numbers would be the answer, and the client has given them up."""
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


def numbers_of(context: Context, uids: Sequence[int]) -> Sequence[int]:
    """UIDs as the command wants them."""
    if context.by_uid:
        return uids
    seq_of: Callable[[int], int | None] = context.here.view.seq
    if len(uids) > MANY:
        known = context.here.view.uids
        seq_of = {uid: seq for seq, uid in enumerate(known, 1)}.get
    return [seq for uid in uids if (seq := seq_of(uid)) is not None]


async def highest_modseq(context: Context, uids: Sequence[int]) -> int:
    here, ranges = context.here, ranges_of(sorted(uids))
    return await context.core.db.aread(lambda tx: condstore.highest(tx, here.mailbox, ranges))


def told(context: Context, options: Options, numbers: Sequence[int], modseq: int = 0, word: bytes = b"SEARCH") -> bytes:
    if not options.plain:
        return answer(b'TAG "' + context.tag + b'"', options, numbers, by_uid=context.by_uid, modseq=modseq)
    after = b" (MODSEQ %d)" % modseq if modseq and numbers else b""
    listed = " ".join(["", *map(str, numbers)]).encode()
    return b"* " + word + listed + after + b"\r\n"


async def matching(context: Context, criterion: Criterion, within: Ranges | None = None) -> list[int]:
    """The UIDs of the messages that the client knows of (`within` these) and the criterion is true of, ascending."""
    here, core = context.here, context.core
    known = find_known(context) if within is None else within
    plan = query.plan(AllOf((Uids(tuple(known)), criterion)))

    def narrow(tx: Tx) -> tuple[int, list[Row]]:
        return core.mail.modseq(tx, here.mailbox), plan.narrow(tx, here.mailbox)

    modseq, rows = await core.db.aread(narrow)
    found = await _confirmed(context, plan, rows) if plan.test and rows else [row[query.UID] for row in rows]
    if modseq == here.modseq and not here.view.holding:
        return found
    return [uid for uid in found if here.view.seq(uid) is not None]


async def _confirmed(context: Context, plan: query.Plan, rows: list[Row]) -> list[int]:
    """Test the rows in portions: a reader that looks at every body must not hold its snapshot for long."""
    core, owner = context.core, context.owner
    found: list[int] = []
    progress = Progress(context, len(rows))
    hits = await core.threads.run(core.search.hits, owner, plan.texts)
    try:
        left = await core.threads.run(plan.possible, rows, hits)
        progress.tell(len(rows) - len(left))
        for few in query.batches(left, BATCH if plan.texts else sum(row[query.SIZE] for row in left)):
            found += await core.db.aread(partial(plan.confirm, blobs=core.blobs, rows=few, hits=hits))
            progress.tell(len(few))
        if plan.texts and not hits.know(row[query.BLOB] for row in rows):
            await core.threads.run(indexing.wish, core, owner)
    finally:
        hits.close()
    return found
