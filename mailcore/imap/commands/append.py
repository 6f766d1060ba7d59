"""APPEND (RFC 9051 section 6.3.12) with the codes of UIDPLUS (RFC 4315)."""

import re
from datetime import datetime, timedelta, timezone

from mailcore.config import octets
from mailcore.errors import TooLarge
from mailcore.imap.commands.anytime import ok
from mailcore.imap.commands.store import flags_in_parentheses
from mailcore.imap.context import Context, exists_or_none, mailbox_name
from mailcore.imap.responses import Tagged
from mailcore.imap.status import TryCreate
from mailcore.store.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

_DATE = re.compile(rb'"([ 0-9]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def month(text: bytes) -> int:
    try:
        return MONTHS.index(text.decode("ascii", "replace").lower()) + 1
    except ValueError:
        raise SyntaxProblem("expected a month") from None


def date_time(read: Reader) -> datetime:
    """date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE"""
    found = read.match(_DATE)
    if found is None:
        raise SyntaxProblem("expected a date and time")
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        return datetime(year, month(found[2]), day, hour, minute, min(second, 59), tzinfo=zone)
    except (ValueError, OverflowError):
        raise SyntaxProblem("that date does not exist") from None


async def append(context: Context, read: Reader) -> Tagged:
    """append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal"""
    read.space()
    name = mailbox_name(read)
    read.space()
    flags: frozenset[str] = frozenset()
    at = context.core.clock.now()
    if read.sees(b"("):
        flags = flags_in_parentheses(read)
        read.space()
    if read.sees(b'"'):
        at = date_time(read)
        read.space()
    message = read.literal()
    read.end()
    if message is None:
        raise SyntaxProblem("expected the message as a literal")
    if not message:
        raise SyntaxProblem("an empty message cannot be kept")
    core, owner = context.core, context.owner
    if len(message) > octets(core.config.limits.message_size):
        raise TooLarge
    prepared = await core.threads.run(core.blobs.prepare, message)

    def keep(tx: Tx) -> tuple[int, int, int]:
        mailbox = exists_or_none(context, tx, name)
        if mailbox is None:
            raise TryCreate(name)
        uid = core.mail.append(tx, owner, mailbox.id, prepared, flags, at)
        return mailbox.id, mailbox.uidvalidity, uid

    target, uidvalidity, uid = await core.db.awrite(keep)
    if context.selected is not None and context.selected.mailbox == target:
        context.selected.dirty = True
    return ok(context, "Kept", f"APPENDUID {uidvalidity} {uid}")
