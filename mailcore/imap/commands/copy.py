"""COPY and MOVE (RFC 9051 sections 6.4.7, 6.4.8) with COPYUID."""

from mailcore.imap.context import Context, find_mailbox_or_none, mailbox_name
from mailcore.imap.named_messages import MESSAGE_LIMIT, find_ranges
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import NumberSet, write_set
from mailcore.imap.status import Refused, TryCreate
from mailcore.services.delivery import imapsieve
from mailcore.services.delivery.imapsieve import MailboxEvent
from mailcore.services.filtering import learning
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader


async def copy(context: Context, read: Reader) -> Tagged:
    code = await _transfer(context, read, move=False)
    return context.ok("Copied", code)


async def move(context: Context, read: Reader) -> Tagged:
    """Move messages: COPYUID comes untagged, before the EXPUNGEs (RFC 6851 section 4.3)."""
    context.writable()
    code = await _transfer(context, read, move=True)
    if code:
        context.wire.write(f"* OK [{code}] Moved\r\n".encode())
    return context.ok()


async def _transfer(context: Context, read: Reader, *, move: bool) -> str:
    """copy = "COPY" SP sequence-set SP mailbox"""
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    name = mailbox_name(read)
    read.end()
    here, core, owner = context.here, context.core, context.owner
    ranges = find_ranges(context, numbers)
    if context.limited:  # all or nothing (RFC 9738 section 3.4)
        raise Refused("Too many messages at once", f"MESSAGELIMIT {MESSAGE_LIMIT}")

    def work(tx: Tx) -> tuple[int, int, list[int], list[int], MailboxEvent | None]:
        target = find_mailbox_or_none(context, tx, name)
        if target is None:
            raise TryCreate(name)
        if not ranges:
            return target.id, target.uidvalidity, [], [], None
        if move and target.id == here.mailbox:
            return target.id, target.uidvalidity, [], [], None
        learning.record_move(core, tx, here.mailbox, ranges, target.id)
        if move:
            old, new = core.mail.move(tx, here.mailbox, ranges, target.id)
        else:
            old, new = core.mail.copy(tx, owner, here.mailbox, ranges, target.id)
        return target.id, target.uidvalidity, old, new, imapsieve.find_event(core, tx, owner, target.id, new, "COPY")

    target, uidvalidity, old, new, event = await core.db.awrite(work, of=(owner,))
    await imapsieve.arun_scripts(core, event)
    if move or target == here.mailbox:
        here.dirty = True
    if not new:
        return ""
    return f"COPYUID {uidvalidity} {write_set(old).decode()} {write_set(new).decode()}"
