"""The conversation on one connection: command and reply, until one side ends it (RFC 5321 section 4)."""

import asyncio
from collections.abc import Awaitable, Callable

from mailcore.errors import WrongPassword
from mailcore.smtp import auth, transaction
from mailcore.smtp.parameters import Refused
from mailcore.smtp.reply import reply_to
from mailcore.smtp.session import STOPPING, Session

UNKNOWN = "502 5.5.1 Command not known"
MAX_LINE = 2048
MAX_BOGUS = 20
MAX_FAILURES = 5  # wrong passwords, as in IMAP and ManageSieve
MAX_IDLE_COMMANDS = 200  # that lead nowhere, one after another
TURN = 100  # commands that came at once, after which others have their turn
Verb = Callable[[Session, str], Awaitable[bool | None]]  # False ends the conversation


async def converse(session: Session) -> None:
    bogus = failures = commands = 0
    session.write_reply(f"220 {session.hostname} {'LMTP' if session.handler.lmtp else 'ESMTP'} Alumnimail")
    while session.transport is not None and not session.transport.is_closing():
        if session.door.is_stopping and not session.in_message:
            session.write_reply(STOPPING)
            break
        if not session.is_pipelined:
            await session.flush()
        session.is_busy = False
        line = await session.line()
        session.is_busy = True
        if line is None:
            break
        session.be_patient(0)
        session.idle += 1
        commands += 1
        if commands % TURN == 0:
            await asyncio.sleep(0)
        try:
            go_on = await _command(session, line)
        except Refused as refusal:
            session.write_reply(str(refusal))
            bogus += str(refusal).startswith("50")
            go_on = not str(refusal).startswith("421")
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as problem:  # the one place: see reply.reply_to
            session.write_reply(reply_to(problem))
            failures += isinstance(problem, WrongPassword)
            go_on = True
        if not go_on:
            break
        if bogus > MAX_BOGUS or failures >= MAX_FAILURES or session.idle > MAX_IDLE_COMMANDS:
            session.write_reply("421 4.7.0 Too many errors")
            break


async def _command(session: Session, line: bytes) -> bool:
    """Answer one command; False ends the conversation."""
    if len(line) > MAX_LINE or not line.endswith(b"\r\n"):
        raise Refused("500 5.5.2 Line too long or not ended by CRLF")
    try:
        text = line[:-2].decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("500 5.5.2 Not UTF-8") from None
    if "\0" in text or "\r" in text:
        raise Refused("500 5.5.2 Syntax error")
    verb, _, argument = text.partition(" ")
    answer = VERBS.get(verb.upper())
    if answer is None:
        raise Refused(UNKNOWN)
    return await answer(session, argument.strip()) is not False


async def _ehlo(session: Session, name: str) -> None:
    """EHLO, and LHLO of LMTP (RFC 2033 section 4.1)."""
    _greet(session, name)
    lines = [
        session.hostname, f"SIZE {session.data_size_limit}", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
        "CHUNKING", "DSN", f"LIMITS RCPTMAX={session.door.max_recipients}",
    ]  # fmt: skip
    if session.secure:
        lines.append("REQUIRETLS")  # RFC 8689 section 2: never without TLS
    elif session.tls_context is not None:
        lines.append("STARTTLS")
    if session.may_log_in():
        lines.append(f"AUTH {' '.join(auth.offered(session))}")
    if session.handler.lmtp:
        lines.append("XFORWARD ADDR HELO")
    for number, text in enumerate(lines):
        session.write_reply(f"250{' ' if number == len(lines) - 1 else '-'}{text}")


async def _helo(session: Session, name: str) -> None:
    _greet(session, name)
    session.write_reply(f"250 {session.hostname}")


def _greet(session: Session, name: str) -> None:
    if not name:
        raise Refused("501 5.5.4 Say who you are")
    session.forget_transaction()
    session.helo = name[:255]


async def _starttls(session: Session, argument: str) -> bool:
    if session.secure or session.tls_context is None:
        raise Refused(UNKNOWN)
    if argument:
        raise Refused("501 5.5.4 STARTTLS takes nothing")
    return await session.start_tls()


async def _rset(session: Session, _argument: str) -> None:
    session.forget_transaction()
    session.write_reply("250 2.0.0 OK")


async def _quit(session: Session, _argument: str) -> bool:
    session.write_reply("221 2.0.0 Bye")
    return False


async def _web(_session: Session, _argument: str) -> None:
    """A web page may make its reader's browser speak to us, and its words stand in the body."""
    raise Refused("421 4.7.0 This is no web server")


def _always(reply: str) -> Verb:
    async def answer(session: Session, _argument: str) -> None:
        session.write_reply(reply)

    return answer


def _only(verb: Verb, *, lmtp: bool) -> Verb:
    """Known there alone."""

    async def answer(session: Session, argument: str) -> bool | None:
        if session.handler.lmtp is not lmtp:
            raise Refused(UNKNOWN)
        return await verb(session, argument)

    return answer


VERBS: dict[str, Verb] = {
    "EHLO": _only(_ehlo, lmtp=False),
    "HELO": _only(_helo, lmtp=False),
    "LHLO": _only(_ehlo, lmtp=True),
    "MAIL": transaction.mail,
    "RCPT": transaction.rcpt,
    "DATA": transaction.data,
    "BDAT": transaction.bdat,
    "RSET": _rset,
    "NOOP": _always("250 2.0.0 OK"),
    "QUIT": _quit,
    "VRFY": _always("252 2.5.0 Send mail, and see"),
    "HELP": _always("214 2.0.0 RFC 5321"),
    "STARTTLS": _starttls,
    "AUTH": auth.authenticate,
    "XFORWARD": _only(transaction.forwarded, lmtp=True),
} | dict.fromkeys(("GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS"), _web)
