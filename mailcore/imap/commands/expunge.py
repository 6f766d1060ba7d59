"""EXPUNGE and UID EXPUNGE (RFC 9051 sections 6.4.3, 6.4.9)."""

from mailcore.imap.commands.news import send_changes
from mailcore.imap.context import Context
from mailcore.imap.named_messages import find_ranges
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import NumberSet
from mailcore.store.mail.uidset import Ranges
from mailcore.wire.reader import Reader


async def expunge(context: Context, read: Reader) -> Tagged:
    read.end()
    return await _expunge(context, None)


async def uid_expunge(context: Context, read: Reader) -> Tagged:
    read.space()
    numbers = NumberSet.parse(read)
    read.end()
    return await _expunge(context, find_ranges(context, numbers))


async def _expunge(context: Context, ranges: Ranges | None) -> Tagged:
    here, core = context.writable(), context.core
    if ranges is None or ranges:
        await core.db.awrite(lambda tx: core.mail.expunge(tx, here.mailbox, ranges), of=(context.owner,))
        here.dirty = True
        await send_changes(context)
    return context.ok("Done", f"HIGHESTMODSEQ {here.modseq}" if "QRESYNC" in context.enabled else "")
