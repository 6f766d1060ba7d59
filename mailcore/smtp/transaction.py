"""MAIL, RCPT, DATA and BDAT (RFC 5321 section 3.3, RFC 3030): one message from its sender to our word for it."""

import asyncio
import re

from mailcore.errors import Busy, MailError, TooLarge, UnknownRecipient
from mailcore.log import about_mail, create_mail_id, log_message
from mailcore.mail.reading.octets import Octets
from mailcore.process import budget
from mailcore.services.operations import client_doctor
from mailcore.smtp import parameters
from mailcore.smtp.data import DataReader
from mailcore.smtp.incoming import BareLineEnd, Incoming, Malformed
from mailcore.smtp.parameters import Rcpt, Refused
from mailcore.smtp.reply import reply_to
from mailcore.smtp.session import Session
from mailcore.smtp.state import Patience, Transaction
from mailcore.spans import open_span

READ = 262_144
ANSWER_SECONDS = 600  # that our own answer to a message may take (RFC 5321 section 4.5.3.2.6)
MAX_LINE = 2048
MAX_REPLY = 510  # RFC 5321 section 4.5.3.1.5, without the line's end
MAX_TOGETHER = 500  # RCPT commands that share one look into the database
_CHUNK = re.compile(r"([0-9]{1,15})(?: +(LAST))?\Z", re.IGNORECASE)


async def mail(session: Session, argument: str) -> None:
    """Raises Refused, MailError; the next command repeats why (see `_without`)."""
    try:
        await _mail(session, argument)
    except (Refused, MailError) as problem:
        if session.transaction is None:
            session.refusal = str(problem) if isinstance(problem, Refused) else reply_to(problem)
        raise


async def _mail(session: Session, argument: str) -> None:
    if session.handler.submission and session.account is None:
        if session.may_log_in():
            raise Refused("530 5.7.0 Log in first")
        client_doctor.record_unencrypted(session.door.core, session.peer)
        raise Refused("530 5.7.0 Must issue a STARTTLS command first")
    if not session.helo:
        raise Refused("503 5.5.1 Say EHLO first")
    if session.transaction is not None:
        raise Refused("503 5.5.1 There is a sender already")
    asked = parameters.parse_mail(argument, tls=session.secure)
    if asked.size and asked.size > session.data_size_limit:
        raise TooLarge("announced")
    await session.handler.mail(session, asked)
    session.transaction, session.refusal = Transaction(asked), ""
    session.write_reply("250 2.1.0 OK")


def _without(session: Session, what: str) -> Refused:
    """503 for a command that needs what was refused before, with the reason: some programs show only the last reply."""
    reason = session.refusal.rpartition("\r\n")[2]
    return Refused(f"503 5.5.1 {what}{f'; the server said: {reason}' if reason else ''}"[:MAX_REPLY])


async def rcpt(session: Session, argument: str) -> None:
    """One RCPT, and all that are pipelined behind it: they share one look into the database."""
    transaction = session.transaction
    if transaction is None:
        raise _without(session, "Say MAIL first")
    if transaction.incoming is not None:
        raise Refused("503 5.5.1 The message has begun")
    room = session.door.max_recipients - len(transaction.recipients)
    asked: list[Rcpt | Refused] = []
    line: str | None = argument
    while line is not None:
        one = _one_rcpt(session, transaction, line)
        if isinstance(one, Rcpt):
            room -= 1
            one = one if room >= 0 else Refused("452 4.5.3 Too many recipients")
        asked.append(one)
        line = _next_rcpt(session) if len(asked) < MAX_TOGETHER else None
    addresses = [item.address for item in asked if isinstance(item, Rcpt)]
    answers = iter(await session.handler.rcpt(session, addresses) if addresses else [])
    unknown = 0
    for item in asked:
        problem: Exception | None = item if isinstance(item, Refused) else next(answers)
        if isinstance(item, Rcpt) and problem is None:
            transaction.accept(item)
            session.idle = 0
            session.write_reply("250 2.1.5 OK")
        elif problem is not None:
            unknown += isinstance(problem, UnknownRecipient)
            session.refusal = str(problem) if isinstance(problem, Refused) else reply_to(problem)
            session.write_reply(session.refusal)
    session.unknown += unknown
    if unknown and not await session.door.asked_in_vain(session.peer, unknown, session.unknown):
        raise Refused("421 4.7.0 Too many unknown recipients")


def _one_rcpt(session: Session, transaction: Transaction, argument: str) -> Rcpt | Refused:
    try:
        return parameters.parse_rcpt(argument, postmaster=session.door.postmaster, smtputf8=transaction.mail.smtputf8)
    except Refused as refusal:
        return refusal


def _next_rcpt(session: Session) -> str | None:
    """Take a further whole RCPT line from what has been read already."""
    buffer = session._reader._buffer
    if bytes(buffer[:5]).upper() != b"RCPT ":
        return None
    end = buffer.find(b"\n", 0, MAX_LINE)
    line = bytes(buffer[: end + 1])
    if not line.endswith(b"\r\n") or b"\0" in line or b"\r" in line[:-2]:
        return None  # the loop says what is wrong with it
    try:
        text = line[5:-2].decode("utf-8")
    except UnicodeDecodeError:
        return None
    del buffer[: end + 1]
    return text.strip()


async def forwarded(session: Session, argument: str) -> None:
    """Postfix's XFORWARD, on LMTP alone: whose connection the front server had.  Values are xtext; others are not looked at."""
    if session.transaction is not None:
        raise Refused("503 5.5.1 Not now")
    for word in argument.split():
        name, _, value = word.partition("=")
        if name.upper() == "ADDR" and value.upper() not in ("[UNAVAILABLE]", "[TEMPUNAVAIL]"):
            session.peer, session.forwarded = value.upper().removeprefix("IPV6:").lower(), True
        elif name.upper() == "HELO" and value.upper() != "[UNAVAILABLE]":
            session.helo = value[:255]
    session.write_reply("250 2.0.0 OK")


# The message


def _begin(session: Session, transaction: Transaction) -> Incoming:
    door = session.door
    incoming = Incoming(door.core.blobs.spool(door.bounds.memory), door.bounds, session.handler.edit(session))
    transaction.incoming, transaction.patience = incoming, Patience(door.core.config.limits, session.loop.time())
    return incoming


async def data(session: Session, argument: str) -> None:
    """Raises Refused, MailError."""
    if argument:
        raise Refused("501 5.5.4 DATA takes nothing")
    transaction = session.transaction
    if transaction is None or not transaction.recipients:
        raise _without(session, "Say MAIL first" if transaction is None else "No valid recipients")
    if transaction.incoming is not None:
        raise Refused("503 5.5.1 BDAT has begun")
    incoming = _begin(session, transaction)
    session.be_patient(0)
    session.write_reply("354 End with a line that holds a dot alone")
    await session.flush()
    await _read_data(session, incoming)
    await _end(session, transaction, incoming)


async def _read_data(session: Session, incoming: Incoming) -> None:
    """The message; the whole of it is taken even when it is refused, so that we stay in step."""
    stream = session._reader
    reader = DataReader()
    rest = None
    while rest is None:
        block = await stream.read(READ)
        if not block:
            raise asyncio.IncompleteReadError(b"", None)
        rest = reader.feed(block)
        incoming.add(reader.take_octets())
        if reader.bare:
            incoming.refuse(BareLineEnd())
        if incoming.must_flush:
            await _flush(session, incoming)
        session.be_patient(len(block))
    stream._buffer[:0] = rest


async def bdat(session: Session, argument: str) -> None:
    """`BDAT` SP octets [SP `LAST`]; the chunk follows whether or not it is welcome.  Raises Refused, MailError."""
    found = _CHUNK.match(argument)
    if found is None:
        raise Refused("501 5.5.4 BDAT is a number of octets, and perhaps LAST")
    size, last = int(found[1]), found[2] is not None
    transaction = session.transaction
    if transaction is None or not transaction.recipients:
        await _read_chunk(session, size, None)
        raise _without(session, "Say MAIL first" if transaction is None else "No valid recipients")
    incoming = transaction.incoming or _begin(session, transaction)
    await _read_chunk(session, size, incoming)
    if last:
        await _end(session, transaction, incoming)
        return
    if size:
        session.idle = 0
    if incoming.problem is not None:
        if not isinstance(incoming.problem, Busy):
            await session.handler.refused(transaction, _refusal(incoming.problem))
        session.forget_transaction()
        raise Refused(_refusal(incoming.problem))
    session.write_reply(f"250 2.0.0 {size} octets")


async def _read_chunk(session: Session, size: int, incoming: Incoming | None) -> None:
    while size:
        block = await session._reader.read(min(size, READ))
        if not block:
            raise asyncio.IncompleteReadError(b"", None)
        size -= len(block)
        session.be_patient(len(block))
        if incoming is not None:
            incoming.add(block, clean=False)
            if incoming.must_flush:
                await _flush(session, incoming)


async def _flush(session: Session, incoming: Incoming) -> None:
    try:
        await session.door.core.threads.run(incoming.flush)
    except Busy as problem:
        incoming.refuse(problem)


async def _end(session: Session, transaction: Transaction, incoming: Incoming) -> None:
    """Hand the whole message over; whatever comes of it, the transaction is over."""
    session.set_deadline(ANSWER_SECONDS)
    session.idle, session.is_answering = 0, True
    try:
        with about_mail(create_mail_id()), open_span("receive", first=True):
            replies = await _hand_over(session, transaction, incoming)
            by = "submission" if session.handler.submission else "lmtp" if session.handler.lmtp else "smtp"
            log_message(
                "received", by=by, size=incoming.size, recipients=len(transaction.recipients), reply=replies[0][:3]
            )
    finally:
        session.is_answering = False
        session.forget_transaction()
    if session.handler.lmtp and len(replies) == 1:
        replies *= len(transaction.recipients)
    for reply in replies:
        session.write_reply(reply)


async def _hand_over(session: Session, transaction: Transaction, incoming: Incoming) -> list[str]:
    """Hand the whole message to who serves this port; return the replies, one or, on LMTP, one for each recipient."""
    try:
        octets: Octets
        if incoming.spool.path is None:
            octets = incoming.finish()
        else:
            octets = await session.door.core.threads.run(incoming.finish)
        with budget.limit(session.door.core.config.limits.work_seconds):
            return await session.handler.data(session, incoming, octets)
    except (BareLineEnd, Malformed, MailError) as problem:
        reply = _refusal(problem)
        if not isinstance(problem, MailError) or isinstance(problem, TooLarge):
            await session.handler.refused(transaction, reply)
        return [reply]
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception as problem:  # an unknown error answers each recipient of LMTP too
        return [reply_to(problem)]


def _refusal(problem: Exception) -> str:
    if isinstance(problem, BareLineEnd):
        return "550 5.6.11 Bare CR or LF is not allowed; lines end with CRLF"
    return str(problem) if isinstance(problem, Malformed) else reply_to(problem)
