"""Every command of ManageSieve (RFC 5804 section 2), and whether it needs a login.  A new command is a new row."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mailcore.domain import Scope
from mailcore.errors import TooMany
from mailcore.managesieve.capabilities import list_capabilities
from mailcore.managesieve.context import Context
from mailcore.managesieve.status import Refused, line, string
from mailcore.services.operations import client_doctor
from mailcore.services.sieve_scripts import filters
from mailcore.services.signin import sasl_login
from mailcore.wire import sasl
from mailcore.wire.framing import CommandLine, LiteralWanted
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_ANSWER = 4096  # octets of base64 in a login


def _string(read: Reader) -> str:
    read.space()
    return sasl.text(read.string())


def _name(read: Reader) -> str:
    name = _string(read)
    filters.check_name(name)
    return name


async def capability(context: Context, read: Reader) -> bytes:
    read.end()
    return list_capabilities(context) + line("OK")


async def starttls(context: Context, read: Reader) -> bytes:
    """Send the capabilities again after the handshake (RFC 5804 section 2.2)."""
    read.end()
    if context.wire.secure:
        raise Refused("TLS is active already")
    if context.account is not None:
        raise Refused("You are logged in already")
    context.wire.write(line("OK", "Begin TLS"))
    await context.wire.start_tls()
    return list_capabilities(context) + line("OK", "TLS is active")


async def authenticate(context: Context, read: Reader) -> bytes:
    """ "AUTHENTICATE" SP auth-type [SP string]"""
    mechanism = _string(read).upper()
    first = sasl.decode(read.string()) if read.take_word(b" ") else None
    read.end()
    if context.account is not None:
        raise Refused("You are logged in already")
    if not context.may_log_in:
        client_doctor.record_unencrypted(context.core, context.wire.peer)
        raise Refused("Use TLS before you log in", "ENCRYPT-NEEDED")
    wire, ask = context.wire, partial(_ask, context)
    identity = await sasl_login.authenticate(context.core, wire, mechanism, first, ask, Scope.SIEVE)
    if identity is None:
        raise Refused("That mechanism is not offered")
    context.account, wire.is_known, wire.identity = identity.account, True, identity
    return line("OK", "Welcome")


async def _ask(context: Context, challenge: bytes) -> bytes:
    """Send a challenge and read its answer; both are strings (RFC 5804 section 2.1)."""
    context.wire.write(b'"' + b64encode(challenge) + b'"\r\n')
    while True:
        event = await context.wire.event()
        if isinstance(event, LiteralWanted):
            if event.size > MAX_ANSWER or event.synchronizing:
                context.wire.refuse()
                raise SyntaxProblem("the answer is too long")
            context.wire.accept()
        elif isinstance(event, CommandLine):
            read = Reader(event.parts)
            answer = sasl.decode(read.string())
            read.end()
            return answer


async def unauthenticate(context: Context, read: Reader) -> bytes:
    read.end()
    context.account, context.wire.is_known, context.wire.identity = None, False, None
    return line("OK")


async def logout(context: Context, read: Reader) -> bytes:
    read.end()
    context.closing = True
    return line("OK", "See you")


async def noop(_context: Context, read: Reader) -> bytes:
    """NOOP [SP string]; the string comes back as TAG (RFC 5804 section 2.13)."""
    if read.at_end():
        return line("OK", "Done")
    tag = _string(read)
    read.end()
    return b"OK (TAG " + string(tag) + b') "Done"\r\n'


async def havespace(context: Context, read: Reader) -> bytes:
    name = _name(read)
    read.space()
    size = read.number()
    read.end()
    core = context.core
    await core.threads.run(_fits, filters.check_space, core, context.owner.id, name, size)
    return line("OK")


def _fits(service: Callable[..., object], *arguments: object) -> None:
    """Run a service; TooMany is a matter of the number of scripts here, not of time."""
    try:
        service(*arguments)
    except TooMany as problem:
        raise Refused(str(problem).capitalize(), "QUOTA/MAXSCRIPTS") from None


def _warned(advice: list[str]) -> bytes:
    """Write OK, with the code WARNINGS for what is probably not meant so (RFC 5804 section 1.3)."""
    return line("OK", "\r\n".join(advice), "WARNINGS") if advice else line("OK")


async def putscript(context: Context, read: Reader) -> bytes:
    name, source = _name(read), _string(read)
    read.end()
    core, owner = context.core, context.owner.id
    await core.threads.run(_fits, filters.put_script, core, owner, name, source)
    return _warned(await core.threads.run(filters.list_advice, core, owner, source))


async def checkscript(context: Context, read: Reader) -> bytes:
    source = _string(read)
    read.end()
    core, owner = context.core, context.owner.id
    await core.threads.run(filters.check_script_text, core, owner, source)
    return _warned(await core.threads.run(filters.list_advice, core, owner, source))


async def listscripts(context: Context, read: Reader) -> bytes:
    read.end()
    core = context.core
    scripts = await core.threads.run(filters.read_scripts, core, context.owner.id)
    return b"".join(
        string(script.name) + (b" ACTIVE" if script.active else b"") + b"\r\n" for script in scripts
    ) + line("OK")


async def setactive(context: Context, read: Reader) -> bytes:
    """Activate a script, or none for the empty name (RFC 5804 section 2.8)."""
    name = _string(read)
    read.end()
    core = context.core
    await core.threads.run(filters.set_active_script, core, context.owner.id, name)
    return line("OK")


async def getscript(context: Context, read: Reader) -> bytes:
    name = _name(read)
    read.end()
    core = context.core
    script = await core.threads.run(filters.get_script, core, context.owner.id, name)
    octets = script.source.encode()
    return b"{%d}\r\n%s\r\n" % (len(octets), octets) + line("OK")


async def deletescript(context: Context, read: Reader) -> bytes:
    name = _name(read)
    read.end()
    core = context.core
    await core.threads.run(filters.delete_script, core, context.owner.id, name)
    return line("OK")


async def renamescript(context: Context, read: Reader) -> bytes:
    old, new = _name(read), _name(read)
    read.end()
    core = context.core
    await core.threads.run(filters.rename_script, core, context.owner.id, old, new)
    return line("OK")


@dataclass(frozen=True, slots=True)
class Spec:
    """One row of the table."""

    run: Callable[[Context, Reader], Awaitable[bytes]]
    login: bool = True


COMMANDS: dict[bytes, Spec] = {
    b"CAPABILITY": Spec(capability, login=False),
    b"STARTTLS": Spec(starttls, login=False),
    b"AUTHENTICATE": Spec(authenticate, login=False),
    b"LOGOUT": Spec(logout, login=False),
    b"NOOP": Spec(noop, login=False),
    b"UNAUTHENTICATE": Spec(unauthenticate),
    b"HAVESPACE": Spec(havespace),
    b"PUTSCRIPT": Spec(putscript),
    b"CHECKSCRIPT": Spec(checkscript),
    b"LISTSCRIPTS": Spec(listscripts),
    b"SETACTIVE": Spec(setactive),
    b"GETSCRIPT": Spec(getscript),
    b"DELETESCRIPT": Spec(deletescript),
    b"RENAMESCRIPT": Spec(renamescript),
}
