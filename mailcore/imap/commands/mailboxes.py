"""STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE (RFC 9051 section 6.3).  LIST: commands/listing.py."""

from mailcore.domain import SPECIAL_USES, Mailbox
from mailcore.imap import names, recent
from mailcore.imap.context import Context, mailbox_id, mailbox_name
from mailcore.imap.responses import Tagged
from mailcore.imap.status import Refused
from mailcore.store.engine.db import Tx
from mailcore.store.mail import mailbox_facts
from mailcore.wire.reader import Reader, SyntaxProblem

ITEMS = (
    b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"DELETED", b"DELETED-STORAGE",
    b"HIGHESTMODSEQ", b"MAILBOXID", b"APPENDLIMIT",
)  # fmt: skip


def parse_words(read: Reader) -> list[bytes]:
    """ "(" [atom *(SP atom)] ")" """
    read.expect(b"(", "an opening parenthesis")
    found: list[bytes] = []
    while not read.take_word(b")"):
        if found:
            read.space()
        found.append(read.atom().upper())
    return found


def parse_status_items(read: Reader) -> tuple[bytes, ...]:
    found = tuple(parse_words(read))
    for item in found:
        if item not in ITEMS:
            raise SyntaxProblem(f"unknown status item {item.decode('ascii', 'replace')}")
    if not found:
        raise SyntaxProblem("expected a status item")
    return found


def status_line(context: Context, tx: Tx, box: Mailbox, wanted: tuple[bytes, ...]) -> bytes:
    values = {
        b"MESSAGES": box.messages,
        b"UIDNEXT": box.uidnext,
        b"UIDVALIDITY": box.uidvalidity,
        b"UNSEEN": box.unseen,
        b"SIZE": box.octets,
        b"HIGHESTMODSEQ": box.modseq,
        b"APPENDLIMIT": context.core.config.message_octets,
    }
    if b"RECENT" in wanted:
        values[b"RECENT"] = _recent(context, tx, box)
    if b"DELETED" in wanted or b"DELETED-STORAGE" in wanted:
        count, octets = mailbox_facts.count_deleted(tx, box.id)
        values |= {b"DELETED": count, b"DELETED-STORAGE": octets // 1024}
    told = b" ".join(
        b"MAILBOXID (%s)" % mailbox_id(box) if item == b"MAILBOXID" else b"%s %d" % (item, values[item])
        for item in wanted
    )
    return b"* STATUS %s (%s)\r\n" % (names.quoted(context.encode(box.name)), told)


def _recent(context: Context, tx: Tx, box: Mailbox) -> int:
    """Count \\Recent messages: this session's in the selected mailbox, in others those that no session has claimed."""
    here = context.selected
    if not context.knows_recent:
        return 0
    if here is not None and here.mailbox == box.id:
        return recent.count(here.recent, here.view.uids)
    return mailbox_facts.count_recent(tx, box)


async def status(context: Context, read: Reader) -> Tagged:
    """status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" """
    read.space()
    name = mailbox_name(read)
    read.space()
    wanted = parse_status_items(read)
    read.end()
    if b"HIGHESTMODSEQ" in wanted:
        context.use_modseqs()
    told = await context.core.db.aread(lambda tx: status_line(context, tx, context.find_mailbox(tx, name), wanted))
    context.wire.write(told)
    return context.ok()


async def create(context: Context, read: Reader) -> Tagged:
    """create = "CREATE" SP mailbox [SP "(USE (" use-attr *(SP use-attr) "))"] (RFC 6154 section 3)"""
    read.space()
    name = mailbox_name(read)
    uses = _uses(read) if read.take_word(b" (USE (") else []
    read.end()
    core, owner = context.core, context.owner

    def work(tx: Tx) -> Mailbox:
        taken = {box.special_use for box in core.mail.mailboxes(tx, owner)} if uses else set()
        if len(uses) > 1 or not taken.isdisjoint(uses):
            raise Refused("A mailbox has one special use, and a use one mailbox", "USEATTR")
        return core.mail.create(tx, owner, name, uses[0] if uses else "")

    made = await core.db.awrite(work, of=(owner,))
    return context.ok("Done", f"MAILBOXID ({mailbox_id(made).decode()})")


def _uses(read: Reader) -> list[str]:
    found: list[str] = []
    while not read.take_word(b"))"):
        if found:
            read.space()
        read.expect(b"\\", "a special use")
        use = "\\" + read.atom().decode("ascii", "replace").capitalize()
        if use not in SPECIAL_USES:
            raise Refused("That special use is not offered", "USEATTR")
        found.append(use)
    return list(dict.fromkeys(found))


async def delete(context: Context, read: Reader) -> Tagged:
    read.space()
    name = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner

    gone = await core.db.awrite(lambda tx: core.mail.delete(tx, owner, name), of=(owner,))
    if context.selected is not None and context.selected.mailbox == gone:
        context.deselect()
    return context.ok()


async def rename(context: Context, read: Reader) -> Tagged:
    read.space()
    old = mailbox_name(read)
    read.space()
    new = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner
    await core.db.awrite(lambda tx: core.mail.rename(tx, owner, old, new), of=(owner,))
    if context.selected is not None:
        context.selected.dirty = True  # RENAME INBOX moves its messages
    return context.ok()


async def subscribe(context: Context, read: Reader) -> Tagged:
    return await _subscribe(context, read, on=True)


async def unsubscribe(context: Context, read: Reader) -> Tagged:
    return await _subscribe(context, read, on=False)


async def _subscribe(context: Context, read: Reader, *, on: bool) -> Tagged:
    read.space()
    name = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner
    await core.db.awrite(lambda tx: core.mail.subscribe(tx, owner, name, on), of=(owner,))
    return context.ok()


async def namespace(context: Context, read: Reader) -> Tagged:
    """RFC 2342: one personal namespace."""
    read.end()
    context.wire.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return context.ok()
