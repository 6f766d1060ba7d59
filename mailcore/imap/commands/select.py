"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 sections 6.3.2, 6.3.3, 6.4.1, 6.4.2)."""

from mailcore.domain import Mailbox
from mailcore.imap.commands.anytime import ok
from mailcore.imap.context import Context, Selected, mailbox_name
from mailcore.imap.responses import Tagged, flag_list
from mailcore.imap.view import View
from mailcore.store.db import Tx
from mailcore.wire.reader import Reader

SYSTEM = frozenset({"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"})


async def select(context: Context, read: Reader) -> Tagged:
    return await _open(context, read, read_only=False)


async def examine(context: Context, read: Reader) -> Tagged:
    return await _open(context, read, read_only=True)


async def _open(context: Context, read: Reader, *, read_only: bool) -> Tagged:
    """select = "SELECT" SP mailbox; the old mailbox is closed even when this fails."""
    read.space()
    name = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner
    context.deselect()

    def load(tx: Tx) -> tuple[Mailbox, list[int], int, frozenset[str]]:
        mailbox = core.mail.mailbox(tx, owner, name)
        first, keywords = 0, frozenset[str]()
        uids = core.mail.uids(tx, mailbox.id)
        if mailbox.unseen or len(uids) <= 2000:
            for at in range(0, len(uids), 2000):
                part = core.mail.infos(tx, mailbox.id, [(uids[at], uids[min(at + 1999, len(uids) - 1)])])
                seqs = (at + n for n, info in enumerate(part, 1) if "\\Seen" not in info.flags)
                first = next(seqs, 0)
                keywords |= frozenset[str]().union(*(info.flags for info in part)) - SYSTEM
                if first:
                    break
        return mailbox, uids, first, keywords

    watched: list[Selected] = []

    def wake() -> None:
        for selected in watched:
            selected.dirty = True
        context.wire.wake()

    unwatch = core.feed.watch(owner, wake)
    try:
        mailbox, uids, first, keywords = await core.db.aread(load)
    except BaseException:
        unwatch()
        raise
    flags = SYSTEM | keywords
    here = Selected(mailbox.id, View(uids), mailbox.modseq, read_only, unwatch, dirty=False, flags=flags)
    watched.append(here)
    context.selected = here
    permanent = b"()" if read_only else flag_list(flags)[:-1] + b" \\*)"
    lines = [
        b"* FLAGS " + flag_list(flags) + b"\r\n",
        b"* OK [PERMANENTFLAGS " + permanent + b"] Kept\r\n",
        b"* %d EXISTS\r\n* 0 RECENT\r\n" % len(uids),
    ]
    if first:
        lines.append(b"* OK [UNSEEN %d] First unseen\r\n" % first)
    lines.append(b"* OK [UIDVALIDITY %d] Valid\r\n" % mailbox.uidvalidity)
    lines.append(b"* OK [UIDNEXT %d] Next\r\n" % mailbox.uidnext)
    context.say(lines)
    return ok(context, "Open", "READ-ONLY" if read_only else "READ-WRITE")


async def close(context: Context, read: Reader) -> Tagged:
    """Removes what is \\Deleted without telling (RFC 9051 section 6.4.1)."""
    read.end()
    here, core = context.here, context.core
    if not here.read_only:
        await core.db.awrite(lambda tx: core.mail.expunge(tx, here.mailbox, None))
    context.deselect()
    return ok(context)


async def unselect(context: Context, read: Reader) -> Tagged:
    read.end()
    context.deselect()
    return ok(context)
