"""STARTTLS, LOGIN, AUTHENTICATE PLAIN and LOGIN (RFC 4959 for the initial response)."""

from functools import partial

from mailcore.domain import Scope
from mailcore.imap.commands.anytime import capabilities, may_log_in, ok
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.status import Refused
from mailcore.services import login as logins
from mailcore.wire import sasl
from mailcore.wire.framing import CommandLine
from mailcore.wire.reader import Reader, SyntaxProblem


async def starttls(context: Context, read: Reader) -> None:
    read.end()
    if context.wire.secure:
        raise SyntaxProblem("TLS is active already")
    context.wire.write(ok(context, "Begin TLS").serialize())
    await context.wire.start_tls()


async def login(context: Context, read: Reader) -> Tagged:
    """login = "LOGIN" SP userid SP password"""
    read.space()
    user = sasl.text(read.astring())
    read.space()
    password = sasl.text(read.astring())
    read.end()
    return await _enter(context, sasl.Login(user, password))


async def authenticate(context: Context, read: Reader) -> Tagged:
    read.space()
    mechanism = read.atom().upper().decode()
    first: bytes | None = None
    if read.take(b" "):
        first = sasl.decode(read.atom())
    read.end()
    _require_privacy(context)
    if mechanism == "PLAIN":
        return await _enter(context, sasl.plain(first if first is not None else await _ask(context, b"")))
    if mechanism == "LOGIN":
        user = sasl.text(first if first is not None else await _ask(context, sasl.ASK_USER))
        return await _enter(context, sasl.Login(user, sasl.text(await _ask(context, sasl.ASK_PASSWORD))))
    raise Refused("That mechanism is not offered", "CANNOT")


async def _ask(context: Context, challenge: bytes) -> bytes:
    context.wire.write(b"+ " + challenge + b"\r\n")
    event = await context.wire.event()
    if isinstance(event, CommandLine) and len(event.parts) == 1:
        return sasl.decode(event.parts[0])
    if not isinstance(event, CommandLine):
        context.wire.refuse()
    raise SyntaxProblem("expected one line of base64")


def _require_privacy(context: Context) -> None:
    if not may_log_in(context):
        raise Refused("Use TLS before you log in", "PRIVACYREQUIRED")


async def _enter(context: Context, given: sasl.Login) -> Tagged:
    _require_privacy(context)
    core = context.core
    check = partial(logins.authenticate, core, peer=context.wire.peer, scope=Scope.MAIL)
    identity = await core.threads.wait(check, given.username, given.password)
    context.account = identity.account
    context.wire.known = True
    return ok(context, "Welcome", "CAPABILITY " + capabilities(context).decode())
