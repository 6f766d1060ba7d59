"""Unsolicited responses: changes of the mailbox, results of searches with UPDATE (RFC 5267), NOTIFY (RFC 5465)."""

from mailcore.domain import Mailbox, MailboxId
from mailcore.imap import names
from mailcore.imap.commands.fetch import send_items
from mailcore.imap.commands.listing import list_line
from mailcore.imap.commands.mailboxes import status_line
from mailcore.imap.commands.search import find_matching
from mailcore.imap.context import Context, NotifyState, UpdatedSearch
from mailcore.imap.notify import MailboxEvent, first_items, list_events
from mailcore.imap.notify import parse as parse_notify
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import write_set
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import places_in, ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem


async def send_changes(context: Context, *, may_expunge: bool = True) -> None:
    """Send everything that has changed since the last time, in whatever process."""
    if context.selected is None and context.notified is None:
        return
    context.core.feed.refresh(context.owner)
    # A QRESYNC client comes back with the highest modseq it has seen: none may be told before an older removal.
    waits = not may_expunge and "QRESYNC" in context.enabled
    if context.selected is not None and context.selected.dirty and not waits:
        await _send_selected(context, may_expunge=may_expunge)
    if context.selected is not None and context.selected.touched:
        await _update_searches(context)
    if context.selected is not None and context.selected.to_claim:
        await context.claim_recent()
    if context.notified is not None and context.notified.dirty:
        await _send_events(context, context.notified)


async def send_between_commands(context: Context) -> None:
    """Send changes while no command runs: only a client with NOTIFY hears of them then."""
    notified = context.notified
    if notified is None:
        return
    if not notified.request.at_once and context.selected is not None:
        if notified.dirty:
            await _send_events(context, notified)
        return
    context.by_uid = False
    await send_changes(context, may_expunge=not notified.request.delayed)


async def _send_selected(context: Context, *, may_expunge: bool) -> None:
    here = context.here
    changes = await context.read_changes()
    if may_expunge and here.searches:
        gone = {*here.view.held, *changes.removed}
        for search in here.searches.values():
            _remove_results(context, search, gone & search.results)
    context.apply_changes(changes, may_expunge=may_expunge)
    here.dirty = here.dirty or here.view.holding
    request = context.notified.request if context.notified else None
    if request is not None and request.new is not None and changes.added:
        fresh = places_in(here.view.uids, ranges_of(sorted(changes.added)))
        if fresh:
            await send_items(context, fresh, request.new)


async def _update_searches(context: Context) -> None:
    """Search again, among what was touched."""
    here = context.here
    touched, here.touched = here.touched, set()
    within = ranges_of(sorted(touched))
    for search in here.searches.values():
        now = set(await find_matching(context, search.key, within))
        _remove_results(context, search, (touched & search.results) - now)
        if fresh := sorted(now - search.results):
            search.results.update(fresh)
            _send_update(context, search, b"ADDTO", fresh)


def _remove_results(context: Context, search: UpdatedSearch, gone: set[int]) -> None:
    if gone:
        search.results -= gone
        _send_update(context, search, b"REMOVEFROM", sorted(gone))


def _send_update(context: Context, search: UpdatedSearch, what: bytes, uids: list[int]) -> None:
    numbers = uids if search.by_uid else [seq for uid in uids if (seq := context.here.view.seq(uid)) is not None]
    uid = b" UID" if search.by_uid else b""
    context.wire.write(b'* ESEARCH (TAG "%s")%s %s (0 %s)\r\n' % (search.tag, uid, what, write_set(numbers)))


async def cancelupdate(context: Context, read: Reader) -> Tagged:
    """cancelupdate = "CANCELUPDATE" 1*(SP quoted) (RFC 5267 section 4.3.2)"""
    tags: list[bytes] = []
    while read.take_word(b" "):
        tags.append(read.string())
    read.end()
    if not tags or not all(tag in context.here.searches for tag in tags):
        raise SyntaxProblem("no such search")
    for tag in tags:
        context.here.searches.pop(tag, None)
    return context.ok()


# Other mailboxes


async def notify(context: Context, read: Reader) -> Tagged:
    read.space()
    request = parse_notify(read)
    context.stop_notifying()
    if request is None:
        return context.ok()
    notified = context.notified = NotifyState(request)

    def wake() -> None:
        notified.dirty = True
        context.wire.wake()

    notified.unwatch = context.core.feed.watch(context.owner, wake)

    def load(tx: Tx) -> tuple[list[Mailbox], list[bytes]]:
        boxes = context.core.mail.mailboxes(tx, context.owner)
        here = context.selected.mailbox if context.selected else None
        lines = [
            status_line(context, tx, box, items)
            for box in boxes
            if request.status and box.id != here and (items := first_items(request.events(box)))
        ]
        return boxes, lines

    boxes, lines = await context.core.db.aread(load)
    notified.before = {box.id: box for box in boxes}
    context.write_lines(lines)
    return context.ok()


async def _send_events(context: Context, notified: NotifyState) -> None:
    """Compare all mailboxes with their state when last reported."""
    notified.dirty = False
    here = context.selected.mailbox if context.selected else None

    def load(tx: Tx) -> tuple[dict[MailboxId, Mailbox], list[bytes]]:
        boxes = context.core.mail.mailboxes(tx, context.owner)
        news = list_events(notified.request, notified.before, boxes, here)
        return {box.id: box for box in boxes}, [_line(context, tx, event) for event in news]

    try:
        notified.before, lines = await context.core.db.aread(load)
    except BaseException:  # as in read_changes
        notified.dirty = True
        raise
    context.write_lines(lines)


def _line(context: Context, tx: Tx, event: MailboxEvent) -> bytes:
    box = event.box
    if event.kind == "status":
        return status_line(context, tx, box, event.items)
    attributes = ["\\NonExistent"] if event.kind == "gone" else ["\\Subscribed"] if box.subscribed else []
    if event.kind == "renamed":
        old = names.quoted(context.encode(event.old_name))
        return list_line(context, b"LIST", attributes, box.name, b' ("OLDNAME" (%s))' % old)
    return list_line(context, b"LIST", attributes, box.name)
