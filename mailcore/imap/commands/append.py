"""APPEND (RFC 9051 section 6.3.12) with the codes of UIDPLUS (RFC 4315).

Several messages at once, all or none (MULTIAPPEND, RFC 3502); messages put together from others (CATENATE, RFC 4469);
literal8 (BINARY, RFC 3516) and UTF8 (RFC 9755).  REPLACE (RFC 8508) takes the place of a message in one step.
"""

from dataclasses import dataclass
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Mailbox
from mailcore.errors import TooLarge
from mailcore.imap.commands import catenate
from mailcore.imap.commands.news import send_changes
from mailcore.imap.commands.store import flags_in_parentheses
from mailcore.imap.context import Context, find_mailbox_or_none, mailbox_name
from mailcore.imap.dates import read_date_time
from mailcore.imap.named_messages import find_ranges
from mailcore.imap.responses import Tagged
from mailcore.imap.sequence import NumberSet, write_set
from mailcore.imap.status import Refused, TryCreate
from mailcore.services.delivery import imapsieve
from mailcore.services.delivery.imapsieve import MailboxEvent
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared, Saved
from mailcore.store.mail.mailboxes import canonical
from mailcore.store.mail.spool import Spool
from mailcore.wire.reader import Reader, SyntaxProblem

NUL = "NUL needs a literal8"
MAX_MESSAGES = 500  # of one APPEND


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """A message to be saved; `pieces` are octets and URLs, one after another."""

    flags: frozenset[str]
    at: datetime
    pieces: tuple[catenate.Piece, ...]
    spool: Spool | None = None  # the whole message, if it is large
    binary: bool = True  # may it hold NUL?


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    prepared: Prepared
    flags: frozenset[str]
    at: datetime


def _parse_message(context: Context, read: Reader) -> AppendRequest:
    """append-message = [SP flag-list] [SP date-time] SP append-data"""
    flags: frozenset[str] = frozenset()
    at = context.core.clock.now()
    read.space()
    if read.sees(b"("):
        flags = flags_in_parentheses(read)
        read.space()
    if read.sees(b'"'):
        at = read_date_time(read)
        read.space()
    if read.take_word(b"CATENATE "):
        return AppendRequest(flags, at, catenate.parse(read))
    wrapped = read.take_word(b"UTF8 (")
    binary = read.take_word(b"~")
    if wrapped and not binary:
        raise SyntaxProblem("expected a literal8")
    octets = read.message()
    if wrapped:
        read.expect(b")", "a closing parenthesis")
    if isinstance(octets, Spool):
        return AppendRequest(flags, at, (), octets, binary)
    if not isinstance(octets, bytes):
        raise SyntaxProblem("expected the message as a literal")
    if not octets:
        raise SyntaxProblem("an empty message cannot be kept")
    if not binary and b"\0" in octets:
        raise SyntaxProblem(NUL)
    return AppendRequest(flags, at, (octets,))


def _from_file(core: Core, spool: Spool, binary: bool) -> Prepared:
    """Turn the file of a large message into its blob, without a copy; runs in a thread."""
    if spool.size > core.config.message_octets:
        raise TooLarge
    if not binary and spool.octets().find(b"\0") >= 0:
        raise SyntaxProblem(NUL)
    return core.blobs.prepare_spool(spool)


async def append(context: Context, read: Reader) -> Tagged:
    """append = "APPEND" SP mailbox 1*append-message"""
    read.space()
    name = mailbox_name(read)
    wanted = [_parse_message(context, read)]
    while not read.at_end():
        wanted.append(_parse_message(context, read))
        if len(wanted) > MAX_MESSAGES:
            raise SyntaxProblem("too many messages at once")
    core, owner = context.core, context.owner
    ready = await _prepare(context, wanted, name)

    def save(tx: Tx) -> tuple[Mailbox, list[int], MailboxEvent | None]:
        if len(ready) == 1:
            return _save_one(context, tx, name, ready[0])
        mailbox = _target(context, tx, name)
        new = [
            core.mail.append(tx, owner, mailbox.id, message.prepared, message.flags, message.at) for message in ready
        ]
        return mailbox, new, imapsieve.find_event(core, tx, owner, mailbox.id, new, "APPEND")

    target, uids, event = await core.db.awrite(save, of=(owner,))
    await imapsieve.arun_scripts(core, event)
    if context.selected is not None and context.selected.mailbox == target.id:
        context.selected.dirty = True
    return context.ok("Kept", f"APPENDUID {target.uidvalidity} {write_set(uids).decode()}")


def _save_one(
    context: Context, tx: Tx, name: str, message: PreparedMessage
) -> tuple[Mailbox, list[int], MailboxEvent | None]:
    """Save one message by what one question to the database tells."""
    core, owner, prepared, there = context.core, context.owner, message.prepared, canonical(name)
    now = core.clock.seconds()
    boxes, script, rooms, *blob = tx.ask(
        [
            core.mail.ask_for([owner], [there]),
            imapsieve.ask_for_script(owner, there),
            core.mail.ask_for_room(owner),
            *core.blobs.begin_saving(prepared, now),
        ]
    )
    if not boxes or not rooms:
        raise TryCreate(name)
    used, quota = rooms[0]
    [mailbox] = core.mail.read_mailboxes(boxes)
    saved = Saved(core.blobs.finish_saving(tx, prepared, blob) or core.blobs.save(tx, prepared, now), prepared.size)
    uid = core.mail.append_unasked(tx, mailbox, (used, quota), saved, message.flags, message.at, grace=False)
    source = imapsieve.read_script(tx, owner, script)
    return mailbox, [uid], imapsieve.note_event(core, tx, owner, mailbox.id, [uid], "APPEND", source)


async def replace(context: Context, read: Reader) -> Tagged:
    """replace = "REPLACE" SP seq-number SP mailbox append-message"""
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    name = mailbox_name(read)
    wanted = _parse_message(context, read)
    read.end()
    here, core, owner = context.writable(), context.core, context.owner
    ranges = find_ranges(context, numbers)
    if len(ranges) != 1 or ranges[0][0] != ranges[0][1] or here.view.seq(ranges[0][0]) is None:
        raise Refused("There is no such message", "NONEXISTENT")
    ready = (await _prepare(context, [wanted], name))[0]

    def work(tx: Tx) -> tuple[Mailbox, int, MailboxEvent | None]:
        mailbox = _target(context, tx, name)
        if not core.mail.expunge(tx, here.mailbox, ranges, only_deleted=False):  # first: only the difference needs room
            raise Refused("There is no such message", "NONEXISTENT")
        uid = core.mail.append(tx, owner, mailbox.id, ready.prepared, ready.flags, ready.at)
        return mailbox, uid, imapsieve.find_event(core, tx, owner, mailbox.id, [uid], "APPEND")

    target, uid, event = await core.db.awrite(work, of=(owner,))
    await imapsieve.arun_scripts(core, event)
    context.wire.write(f"* OK [APPENDUID {target.uidvalidity} {uid}] Replaced\r\n".encode())
    here.dirty = True
    await send_changes(context)
    return context.ok("Done", f"HIGHESTMODSEQ {here.modseq}" if "QRESYNC" in context.enabled else "")


def _target(context: Context, tx: Tx, name: str) -> Mailbox:
    mailbox = find_mailbox_or_none(context, tx, name)
    if mailbox is None:
        raise TryCreate(name)
    return mailbox


async def _prepare(context: Context, wanted: list[AppendRequest], target: str) -> list[PreparedMessage]:
    """Assemble the message and write it to disk; it is in no mailbox yet."""
    core, sources = context.core, catenate.Sources(context.core)
    ready: list[PreparedMessage] = []
    for message in wanted:
        if message.spool is not None:
            prepared = await core.store(_from_file, core, message.spool, message.binary)
            ready.append(PreparedMessage(prepared, message.flags, message.at))
            continue
        octets = await catenate.assemble(context, message.pieces, target, sources)
        if len(octets) > core.config.message_octets:
            raise TooLarge
        ready.append(PreparedMessage(await core.store(core.blobs.prepare, octets), message.flags, message.at))
    return ready
