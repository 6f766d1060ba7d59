"""SEARCH and UID SEARCH (RFC 9051 section 6.4.4); what is returned: imap/esearch.py."""

from collections.abc import Sequence
from functools import partial

from mailcore.domain import MessageInfo
from mailcore.errors import MailError
from mailcore.imap.commands.anytime import ok
from mailcore.imap.commands.fetch import SLICE, by_size, slices
from mailcore.imap.commands.progress import Progress
from mailcore.imap.context import Context, Kept
from mailcore.imap.esearch import Options, answer, parse_options
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import CHEAP, WHOLE, Candidate, Key, Scope, all_of, parse_charset, parse_keys
from mailcore.imap.sequence import Ranges, ranges_of
from mailcore.imap.status import UidRequired
from mailcore.store import condstore, saved
from mailcore.store.db import Tx
from mailcore.wire.reader import Reader

MAX_KEPT = 8  # searches with UPDATE in a session


async def search(context: Context, read: Reader) -> Tagged:
    """search = "SEARCH" [SP "RETURN" SP "(" options ")"] SP [charset SP] search-key *(SP search-key)"""
    read.space()
    options = parse_options(read, extended="IMAP4REV2" in context.enabled)
    try:
        key, uids, modseq = await _search(context, read)
    except MailError:  # NO, and nothing is saved (RFC 5182 section 2.1); BAD leaves what was saved
        if options.saves:
            context.here.saved = ()
        raise
    if options.saves:
        context.here.saved = tuple(options.to_save(uids))
    if options.updates:
        _keep(context, key, uids)
    context.wire.write(told(context, options, numbers_of(context, uids), modseq))
    return ok(context)


def _keep(context: Context, key: Key, uids: list[int]) -> None:
    here = context.here
    if len(here.kept) >= MAX_KEPT or context.tag in here.kept:
        context.wire.write(b'* NO [NOUPDATE "%s"] That many searches are not kept up to date\r\n' % context.tag)
        return
    here.kept[context.tag] = Kept(context.tag, key, context.by_uid, set(uids))


async def _search(context: Context, read: Reader) -> tuple[Key, list[int], int]:
    """The key, UIDs that match, and their highest modseq if a key asked for modseqs (else 0)."""
    scope = scope_of(context)
    parse_charset(read, scope)
    key = all_of(parse_keys(read, scope))
    read.end()
    if scope.by_modseq:
        context.use_modseqs()
    await fill(context, scope)
    uids = await matching(context, key)
    return key, uids, await highest_modseq(context, uids) if scope.by_modseq else 0


async def fill(context: Context, scope: Scope) -> None:
    """Read what keys need beside the messages."""
    here, into, uids = context.here, scope.saved_at, context.here.view.uids
    if into is not None and len(uids):
        into.update(await context.core.db.aread(lambda tx: saved.dates(tx, here.mailbox, [(uids[0], uids[-1])])))


def scope_of(context: Context) -> Scope:
    """Raises UidRequired: sequence numbers would be the answer, and the client has given them up."""
    here, uid_only = context.here, "UIDONLY" in context.enabled
    if uid_only and not context.by_uid:
        raise UidRequired
    uids = here.view.uids
    return Scope(
        uids[-1] if len(uids) else 0, len(uids), saved=frozenset(here.saved), uid_only=uid_only,
        now=context.core.clock.seconds(),
    )  # fmt: skip


def numbers_of(context: Context, uids: Sequence[int]) -> Sequence[int]:
    """UIDs as the command wants them."""
    if context.by_uid:
        return uids
    return [seq for uid in uids if (seq := context.here.view.seq(uid)) is not None]


async def highest_modseq(context: Context, uids: Sequence[int]) -> int:
    here, ranges = context.here, ranges_of(sorted(uids))
    return await context.core.db.aread(lambda tx: condstore.highest(tx, here.mailbox, ranges))


def told(
    context: Context, options: Options, numbers: Sequence[int], modseq: int = 0, word: bytes = b"SEARCH"
) -> bytes:
    if not options.plain:
        return answer(b'TAG "' + context.tag + b'"', options, numbers, by_uid=context.by_uid, modseq=modseq)
    after = b" (MODSEQ %d)" % modseq if modseq and numbers else b""
    return b"* " + word + b"".join(b" %d" % number for number in numbers) + after + b"\r\n"


async def matching(context: Context, key: Key, within: Ranges | None = None) -> list[int]:
    """The UIDs of the messages that the client knows of (`within` these) and the key is true of, ascending."""
    uids = context.here.view.uids
    found: list[int] = []
    if uids:
        progress = Progress(context, len(uids))
        for part in slices(context, context.all_known() if within is None else within):
            found += await _slice(context, part, key)
            progress.tell(SLICE)
    return found


async def _slice(context: Context, part: Ranges, key: Key) -> list[int]:
    """UIDs of this portion that match."""
    here, core = context.here, context.core
    seq_of = here.view.seq

    def cheap(tx: Tx) -> tuple[list[int], list[MessageInfo]]:
        infos = core.mail.infos(tx, here.mailbox, part)
        if key.cost > CHEAP:
            return [], infos
        met = ((seq_of(info.uid), info) for info in infos)
        return [info.uid for seq, info in met if seq is not None and key.test(Candidate(seq, info))], []

    found, infos = await core.db.aread(cheap)

    def dear(tx: Tx, ranges: Ranges) -> list[int]:
        numbers: list[int] = []
        for got in core.mail.fetch(tx, here.mailbox, ranges, frozenset({"header"})):
            uid = got.info.uid
            seq = seq_of(uid)
            load = partial(core.mail.octets, tx, here.mailbox, uid)
            if seq is not None and key.test(Candidate(seq, got.info, got.header, load)):
                numbers.append(uid)
        return numbers

    for few in by_size(infos) if key.cost == WHOLE else [infos] if infos else []:
        ranges = ranges_of(info.uid for info in few)
        found += await core.db.aread(partial(dear, ranges=ranges))
    return found
