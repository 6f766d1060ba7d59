"""COPY and MOVE (RFC 9051 sections 6.4.7, 6.4.8) with COPYUID."""

from mailcore.domain import Mailbox
from mailcore.errors import MailboxNotFound
from mailcore.imap.context import Context, mailbox_name
from mailcore.imap.named_messages import MESSAGE_LIMIT, find_ranges
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import NumberSet, write_set
from mailcore.imap.status import Refused, TryCreate
from mailcore.services.delivery import imapsieve
from mailcore.services.delivery.imapsieve import MailboxEvent
from mailcore.services.filtering import learning
from mailcore.store.engine.db import Tx
from mailcore.store.mail.mailboxes import canonical
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
    here, core, mail, owner = context.here, context.core, context.core.mail, context.owner
    ranges = find_ranges(context, numbers)
    if context.limited:  # all or nothing (RFC 9738 section 3.4)
        raise Refused("Too many messages at once", f"MESSAGELIMIT {MESSAGE_LIMIT}")

    def work(tx: Tx) -> tuple[Mailbox, list[int], list[int], MailboxEvent | None]:
        there = canonical(name)
        questions = mail.ask_for_transfer(None if move else owner, here.mailbox, ranges, mail.ask_for([owner], [there]))
        script, *answers = tx.ask([imapsieve.ask_for_script(owner, there), *questions])
        try:
            transfer = mail.read_transfer(answers, ranges)
        except MailboxNotFound:
            raise TryCreate(name) from None
        target = transfer.target
        if not ranges or (move and target.id == here.mailbox):
            return target, [], [], None
        learning.record_move(core, tx, transfer.source, ranges, target)
        new = mail.carry_out_move(tx, transfer) if move else mail.carry_out_copy(tx, transfer)
        source = imapsieve.read_script(tx, owner, script)
        event = imapsieve.note_event(core, tx, owner, target.id, new, "COPY", source)
        return target, transfer.measured.uids, new, event

    target, old, new, event = await core.db.awrite(work, of=(owner,))
    await imapsieve.arun_scripts(core, event)
    if move or target.id == here.mailbox:
        here.dirty = True
    if not new:
        return ""
    return f"COPYUID {target.uidvalidity} {write_set(old).decode()} {write_set(new).decode()}"
