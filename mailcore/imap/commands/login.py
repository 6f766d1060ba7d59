"""STARTTLS, LOGIN, AUTHENTICATE (RFC 4959 for the initial response; mechanisms: services/signin/sasl_login.py)."""

from base64 import b64encode
from functools import partial

from mailcore.domain import Identity, Scope
from mailcore.imap.capabilities import list_capabilities
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.status import Refused
from mailcore.services.credentials import login as logins
from mailcore.services.operations import client_doctor
from mailcore.services.signin import sasl_login
from mailcore.wire import sasl
from mailcore.wire.framing import CommandLine
from mailcore.wire.reader import Reader, SyntaxProblem


async def starttls(context: Context, read: Reader) -> None:
    read.end()
    if context.wire.secure:
        raise SyntaxProblem("TLS is active already")
    context.wire.write(context.ok("Begin TLS").serialize())
    await context.wire.start_tls()


async def login(context: Context, read: Reader) -> Tagged:
    """login = "LOGIN" SP userid SP password"""
    read.space()
    user = sasl.text(read.astring())
    read.space()
    password = sasl.text(read.astring())
    read.end()
    _require_privacy(context)
    core = context.core
    identity = logins.authenticate_remembered(core, user, password, peer=context.wire.peer, scope=Scope.IMAP)
    if identity is None:
        check = partial(logins.authenticate, core, peer=context.wire.peer, scope=Scope.IMAP)
        identity = await core.threads.log_in(check, user, password)
    return _welcome(context, identity)


async def authenticate(context: Context, read: Reader) -> Tagged:
    """authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")] *(CRLF base64)"""
    read.space()
    mechanism = read.atom().upper().decode()
    first: bytes | None = None
    if read.take_word(b" "):
        first = sasl.decode(read.atom())
    read.end()
    _require_privacy(context)
    ask = partial(_ask, context)
    identity = await sasl_login.authenticate(context.core, context.wire, mechanism, first, ask, Scope.IMAP)
    if identity is None:
        raise Refused("That mechanism is not offered", "CANNOT")
    return _welcome(context, identity)


async def _ask(context: Context, challenge: bytes) -> bytes:
    context.wire.write(b"+ " + b64encode(challenge) + b"\r\n")
    event = await context.wire.event()
    if isinstance(event, CommandLine) and len(event.parts) == 1:
        return sasl.decode(event.parts[0])
    if not isinstance(event, CommandLine):
        context.wire.refuse()
    raise SyntaxProblem("expected one line of base64")


def _require_privacy(context: Context) -> None:
    if not context.may_log_in:
        client_doctor.record_unencrypted(context.core, context.wire.peer)
        raise Refused("Use TLS before you log in", "PRIVACYREQUIRED")


def _welcome(context: Context, identity: Identity) -> Tagged:
    context.enter(identity.account)
    context.wire.is_known, context.wire.identity = True, identity
    return context.ok("Welcome", "CAPABILITY " + list_capabilities(context).decode())
