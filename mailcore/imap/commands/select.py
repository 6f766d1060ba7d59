"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 sections 6.3.2, 6.3.3, 6.4.1, 6.4.2).

With CONDSTORE and QRESYNC (RFC 7162): a client that was here before says what it knows and hears what changed.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass

from mailcore.domain import Mailbox
from mailcore.errors import MailError
from mailcore.imap import names, recent
from mailcore.imap.context import Context, Selected, mailbox_id, mailbox_name
from mailcore.imap.responses import ResponseStyle, Tagged, flag_list, flag_update
from mailcore.imap.sequence import NumberSet, write_ranges
from mailcore.imap.view import View
from mailcore.store.engine.db import Tx
from mailcore.store.mail import condstore, mailbox_facts
from mailcore.store.mail.flags import SYSTEM
from mailcore.store.mail.uidset import Ranges, ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem

SMALL = 300  # messages


@dataclass(frozen=True, slots=True)
class Resync:
    """State that a client remembers and sends with QRESYNC (RFC 7162 section 3.2.5)."""

    uidvalidity: int
    modseq: int
    known: NumberSet | None


@dataclass(frozen=True, slots=True)
class Opened:
    mailbox: Mailbox
    uids: "array[int]"
    first_unseen: int
    keywords: frozenset[str]
    vanished: Ranges
    changed: tuple[tuple[int, frozenset[str], int], ...]


async def select(context: Context, read: Reader) -> Tagged:
    return await _open(context, read, read_only=False)


async def examine(context: Context, read: Reader) -> Tagged:
    return await _open(context, read, read_only=True)


def _parameters(context: Context, read: Reader) -> Resync | None:
    """["(" select-param *(SP select-param) ")"]"""
    resync: Resync | None = None
    if not read.take_word(b" ("):
        return None
    while True:
        word = read.atom().upper()
        if word == b"QRESYNC":
            if "QRESYNC" not in context.enabled:
                raise SyntaxProblem("ENABLE QRESYNC first")
            resync = _resync(read)
        elif word == b"CONDSTORE":
            context.enabled.add("CONDSTORE")
        else:
            raise SyntaxProblem("unknown parameter of SELECT")
        if not read.take_word(b" "):
            break
    read.expect(b")", "a closing parenthesis")
    return resync


def _resync(read: Reader) -> Resync:
    """SP "(" uidvalidity SP mod-sequence [SP known-uids] [SP "(" known-sequence-set SP known-uid-set ")"] ")" """
    read.space()
    read.expect(b"(", "an opening parenthesis")
    uidvalidity = read.number()
    read.space()
    modseq, known = read.modseq(), None
    while read.take_word(b" "):
        if read.take_word(b"("):  # numbers with their UIDs: a hint that we do not need, the log knows
            NumberSet.parse(read)
            read.space()
            NumberSet.parse(read)
            read.expect(b")", "a closing parenthesis")
        else:
            known = NumberSet.parse(read)
    read.expect(b")", "a closing parenthesis")
    return Resync(uidvalidity, modseq, known)


async def _open(context: Context, read: Reader, *, read_only: bool) -> Tagged:
    """select = "SELECT" SP mailbox [select-params]; the old mailbox is closed even when this fails."""
    read.space()
    name = mailbox_name(read)
    resync = _parameters(context, read)
    read.end()
    core, owner = context.core, context.owner
    if context.selected is not None:
        context.deselect()
        context.wire.write(b"* OK [CLOSED] The other mailbox is closed\r\n")
    watched: list[Selected] = []

    def wake() -> None:
        for selected in watched:
            selected.dirty = True
        context.wire.wake()

    unwatch = core.feed.watch(owner, wake)
    try:
        opened = core.db.read(lambda tx: _small(context, tx, name)) if resync is None else None
        if opened is None:
            opened = await core.db.aread(lambda tx: _load(context, tx, name, resync))
    except BaseException:
        unwatch()
        raise
    flags = frozenset(SYSTEM) | opened.keywords
    box = opened.mailbox
    here = Selected(box.id, View(opened.uids), box.modseq, read_only, unwatch, flags=flags, uidvalidity=box.uidvalidity)
    watched.append(here)
    context.selected = here
    if context.knows_recent and box.recent < box.uidnext:
        here.recent = ((await _claimed(context, box) if not read_only else box.recent, box.uidnext - 1),)
    _tell(context, here, opened, name, read_only=read_only)
    return context.ok("Open", "READ-ONLY" if read_only else "READ-WRITE")


async def _claimed(context: Context, box: Mailbox) -> int:
    """Claim what is there as \\Recent; return the first UID of it."""
    try:
        return await context.core.db.awrite(
            lambda tx: mailbox_facts.claim_recent(tx, box.id, box.uidnext), of=(context.owner,)
        )
    except MailError:  # a full disk is no reason not to read
        return box.recent


def _small(context: Context, tx: Tx, name: str) -> Opened | None:
    """Read a mailbox of a few messages on the event loop: a hop to a thread would cost more than the reading."""
    box = context.core.mail.mailbox(tx, context.owner, name)
    return _load_box(context, tx, box, None) if box.messages <= SMALL else None


def _load(context: Context, tx: Tx, name: str, resync: Resync | None) -> Opened:
    return _load_box(context, tx, context.core.mail.mailbox(tx, context.owner, name), resync)


def _load_box(context: Context, tx: Tx, mailbox: Mailbox, resync: Resync | None) -> Opened:
    core = context.core
    uids, unseen = core.mail.uids_and_first_unseen(tx, mailbox)
    first = bisect_left(uids, unseen) + 1 if unseen else 0
    if resync is None or resync.uidvalidity != mailbox.uidvalidity:
        return Opened(mailbox, uids, first, mailbox.keywords, [], ())
    top = mailbox.uidnext - 1
    known = [(1, top)] if resync.known is None else resync.known.spans(max(top, 1))
    gone = condstore.list_vanished(tx, mailbox.id, resync.modseq, known)
    changed = ranges_of(condstore.list_changed(tx, mailbox.id, known, resync.modseq))
    now = tuple((info.uid, info.flags, info.modseq) for info in core.mail.infos(tx, mailbox.id, changed))
    return Opened(mailbox, uids, first, mailbox.keywords, gone, now)


def _tell(context: Context, here: Selected, opened: Opened, name: str, *, read_only: bool) -> None:
    box, modern = opened.mailbox, "IMAP4REV2" in context.enabled
    permanent = b"()" if read_only else flag_list(here.flags)[:-1] + b" \\*)"
    here.recent_sent = recent.count(here.recent, opened.uids)
    lines = [
        b"* FLAGS " + flag_list(here.flags) + b"\r\n",
        b"* OK [PERMANENTFLAGS " + permanent + b"] Kept\r\n",
        b"* %d EXISTS\r\n" % len(opened.uids) + (b"" if modern else b"* %d RECENT\r\n" % here.recent_sent),
    ]
    if opened.first_unseen and not modern and "UIDONLY" not in context.enabled:
        lines.append(b"* OK [UNSEEN %d] First unseen\r\n" % opened.first_unseen)
    lines.append(b"* OK [UIDVALIDITY %d] Valid\r\n" % box.uidvalidity)
    lines.append(b"* OK [UIDNEXT %d] Next\r\n" % box.uidnext)
    lines.append(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % box.modseq)
    lines.append(b"* OK [MAILBOXID (%s)] Always the same\r\n" % mailbox_id(box))
    if modern:
        old = b"" if name == box.name else b' ("OLDNAME" (%s))' % names.quoted(context.encode(name))
        lines.append(b'* LIST () "/" ' + names.quoted(context.encode(box.name)) + old + b"\r\n")
    if opened.vanished:
        lines.append(b"* VANISHED (EARLIER) " + write_ranges(opened.vanished) + b"\r\n")
    style = ResponseStyle(uid=True, modseq=True, uid_only=context.response_style.uid_only)
    for uid, flags, modseq in opened.changed:
        lines.append(flag_update(here.view.seq(uid) or 0, uid, here.with_recent(uid, flags), modseq, style))
    context.write_lines(lines)


async def close(context: Context, read: Reader) -> Tagged:
    """Remove what is \\Deleted, without EXPUNGE responses (RFC 9051 section 6.4.1)."""
    read.end()
    here, core = context.here, context.core
    gone: list[int] = []
    if not here.read_only:
        gone = await core.db.awrite(lambda tx: core.mail.expunge(tx, here.mailbox, None), of=(context.owner,))
    code = await _modseq(context) if gone and "QRESYNC" in context.enabled else ""
    context.deselect()
    return context.ok("Done", code)


async def _modseq(context: Context) -> str:
    """Return the code of CLOSE: a client that comes back need not hear of what it removed itself (RFC 7162 section 3.2.8)."""
    here, core = context.here, context.core
    others = await core.db.aread(lambda tx: core.mail.changes(tx, here.mailbox, here.modseq, here.view.top))
    alone = not others.added and not others.flagged and others.modseq == here.modseq + 1
    return f"HIGHESTMODSEQ {others.modseq}" if alone else ""


async def unselect(context: Context, read: Reader) -> Tagged:
    read.end()
    context.deselect()
    return context.ok()
