"""Unsolicited responses: changes of the mailbox, results of searches with UPDATE (RFC 5267), NOTIFY (RFC 5465)."""

from mailcore.domain import Mailbox, MailboxId
from mailcore.imap import names
from mailcore.imap import notify as wishes
from mailcore.imap.commands.fetch import tell
from mailcore.imap.commands.listing import list_line
from mailcore.imap.commands.mailboxes import status_line
from mailcore.imap.commands.search import matching
from mailcore.imap.context import Context, Kept, Notified
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import written
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import places_in, ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem


async def tell_news(context: Context, *, may_expunge: bool = True) -> None:
    """Everything that has changed since the last time, in whatever process."""
    if context.selected is None and context.notified is None:
        return
    context.core.feed.look()
    # A QRESYNC client comes back with the highest modseq it has seen: none may be told before an older removal.
    waits = not may_expunge and "QRESYNC" in context.enabled
    if context.selected is not None and context.selected.dirty and not waits:
        await _selected(context, may_expunge=may_expunge)
    if context.selected is not None and context.selected.touched:
        await _kept(context)
    if context.selected is not None and context.selected.to_claim:
        await context.claim_recent()
    if context.notified is not None and context.notified.dirty:
        await _others(context, context.notified)


async def between_commands(context: Context) -> None:
    """Woken while no command runs: only a client with NOTIFY hears of it now."""
    notified = context.notified
    if notified is None:
        return
    if not notified.wish.at_once and context.selected is not None:
        if notified.dirty:
            await _others(context, notified)
        return
    context.by_uid = False
    await tell_news(context, may_expunge=not notified.wish.delayed)


async def _selected(context: Context, *, may_expunge: bool) -> None:
    here = context.here
    changes = await context.read_changes()
    if may_expunge and here.kept:
        gone = {*here.view.held, *changes.removed}
        for kept in here.kept.values():
            _less(context, kept, gone & kept.found)
    context.take_in(changes, may_expunge=may_expunge)
    here.dirty = here.dirty or here.view.holding
    wish = context.notified.wish if context.notified else None
    if wish is not None and wish.new is not None and changes.added:
        fresh = places_in(here.view.uids, ranges_of(sorted(changes.added)))
        if fresh:
            await tell(context, fresh, wish.new)


async def _kept(context: Context) -> None:
    """Search again, among what was touched."""
    here = context.here
    touched, here.touched = here.touched, set()
    within = ranges_of(sorted(touched))
    for kept in here.kept.values():
        now = set(await matching(context, kept.key, within))
        _less(context, kept, (touched & kept.found) - now)
        if fresh := sorted(now - kept.found):
            kept.found.update(fresh)
            _tell_kept(context, kept, b"ADDTO", fresh)


def _less(context: Context, kept: Kept, gone: set[int]) -> None:
    if gone:
        kept.found -= gone
        _tell_kept(context, kept, b"REMOVEFROM", sorted(gone))


def _tell_kept(context: Context, kept: Kept, what: bytes, uids: list[int]) -> None:
    numbers = uids if kept.by_uid else [seq for uid in uids if (seq := context.here.view.seq(uid)) is not None]
    uid = b" UID" if kept.by_uid else b""
    context.wire.write(b'* ESEARCH (TAG "%s")%s %s (0 %s)\r\n' % (kept.tag, uid, what, written(numbers)))


async def cancelupdate(context: Context, read: Reader) -> Tagged:
    """cancelupdate = "CANCELUPDATE" 1*(SP quoted) (RFC 5267 section 4.3.2)"""
    tags: list[bytes] = []
    while read.take(b" "):
        tags.append(read.string())
    read.end()
    if not tags or not all(tag in context.here.kept for tag in tags):
        raise SyntaxProblem("no such search")
    for tag in tags:
        context.here.kept.pop(tag, None)
    return context.ok()


# Other mailboxes


async def notify(context: Context, read: Reader) -> Tagged:
    read.space()
    wish = wishes.parse(read)
    context.stop_notifying()
    if wish is None:
        return context.ok()
    notified = context.notified = Notified(wish)

    def wake() -> None:
        notified.dirty = True
        context.wire.wake()

    notified.unwatch = context.core.feed.watch(context.owner, wake)

    def look(tx: Tx) -> tuple[list[Mailbox], list[bytes]]:
        boxes = context.core.mail.mailboxes(tx, context.owner)
        here = context.selected.mailbox if context.selected else None
        told = [
            status_line(context, tx, box, items)
            for box in boxes
            if wish.status and box.id != here and (items := wishes.first_items(wish.events(box)))
        ]
        return boxes, told

    boxes, told = await context.core.db.aread(look)
    notified.before = {box.id: box for box in boxes}
    context.say(told)
    return context.ok()


async def _others(context: Context, notified: Notified) -> None:
    """Compare all mailboxes with their state when last reported."""
    notified.dirty = False
    here = context.selected.mailbox if context.selected else None

    def look(tx: Tx) -> tuple[dict[MailboxId, Mailbox], list[bytes]]:
        boxes = context.core.mail.mailboxes(tx, context.owner)
        news = wishes.news(notified.wish, notified.before, boxes, here)
        return {box.id: box for box in boxes}, [_line(context, tx, told) for told in news]

    try:
        notified.before, lines = await context.core.db.aread(look)
    except BaseException:  # as in read_changes
        notified.dirty = True
        raise
    context.say(lines)


def _line(context: Context, tx: Tx, told: wishes.Told) -> bytes:
    box = told.box
    if told.kind == "status":
        return status_line(context, tx, box, told.items)
    attributes = ["\\NonExistent"] if told.kind == "gone" else ["\\Subscribed"] if box.subscribed else []
    if told.kind == "renamed":
        old = names.quoted(context.encode(told.old_name))
        return list_line(context, b"LIST", attributes, box.name, b' ("OLDNAME" (%s))' % old)
    return list_line(context, b"LIST", attributes, box.name)
