"""A SASL exchange, the same for IMAP, SMTP and ManageSieve; the protocol only carries challenges and answers.

Which mechanisms are offered, and why SCRAM is not always: see services/credentials/scram.py.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from mailcore.core import Core
from mailcore.domain import Identity, Scope
from mailcore.errors import WrongPassword
from mailcore.services import certificates
from mailcore.services.credentials import login as logins
from mailcore.services.credentials import scram
from mailcore.services.signin import oidc_login
from mailcore.store.people.credentials import Credential
from mailcore.wire import sasl

Ask = Callable[[bytes], Awaitable[bytes]]  # a challenge, and the client's answer to it; neither in base64


class Client(Protocol):
    """The connection of the client that authenticates; `secure`: under TLS, `channel`: what SCRAM may be bound to."""

    @property
    def peer(self) -> str: ...
    @property
    def secure(self) -> bool: ...
    @property
    def channel(self) -> sasl.Channel: ...


def list_mechanisms(core: Core, *, secure: bool, channel: sasl.Channel) -> tuple[str, ...]:
    """List the mechanisms to announce, the strongest first; `secure`: under TLS."""
    tokens = ("OAUTHBEARER",) if secure and oidc_login.is_bearer_offered(core) else ()
    if not scram.is_offered(core):
        return (*tokens, *sasl.MECHANISMS)
    return (*tokens, *(reversed(sasl.SCRAM) if _bindings(core, channel) else sasl.SCRAM[:1]), *sasl.MECHANISMS)


def _bindings(core: Core, channel: sasl.Channel) -> dict[str, bytes]:
    """Return the data that SCRAM can be bound to; -PLUS is announced only where that is what clients choose.

    On TLS 1.3 they bind tls-exporter (RFC 9266 section 3), which Python's ssl does not tell.  A client that sees -PLUS
    takes it, fails, and tries no other: NeoMutt could not send.  So nothing is bound there, until Python has it.
    """
    if channel.version != "TLSv1.2" or not channel.unique:
        return {}
    end_point = certificates.hash_end_point(core.config)
    return {"tls-unique": channel.unique, **({"tls-server-end-point": end_point} if end_point else {})}


async def authenticate(
    core: Core, client: Client, mechanism: str, first: bytes | None, ask: Ask, scope: Scope
) -> Identity | None:
    """Authenticate a client and return its identity; None if there is no such mechanism.

    Args:
        mechanism: as the client named it, in upper case.
        first: the initial response, None if there was none.
        scope: what the log-in is for.

    Raises:
        SyntaxProblem: the client's answers are no such conversation.
        WrongPassword, TemporarilyUnavailable, TooMany: see services/credentials/login.py.
    """
    peer = client.peer
    if mechanism == "PLAIN":
        return await _check(core, sasl.plain(await ask(b"") if first is None else first), peer, scope)
    if mechanism == "LOGIN":
        user = sasl.text(await ask(b"Username:") if first is None else first)
        return await _check(core, sasl.Login(user, sasl.text(await ask(b"Password:"))), peer, scope)
    if mechanism == "OAUTHBEARER" and client.secure and oidc_login.is_bearer_offered(core):
        return await _bearer(core, sasl.bearer(await ask(b"") if first is None else first), ask, peer, scope)
    if mechanism in sasl.SCRAM and core.config.limits.scram != "never":
        exchange = sasl.Scram(_bindings(core, client.channel), plus=mechanism.endswith("-PLUS"))
        return await _scram(core, exchange, await ask(b"") if first is None else first, ask, peer, scope)
    return None


async def _bearer(core: Core, given: sasl.Bearer, ask: Ask, peer: str, scope: Scope) -> Identity:
    def work() -> Identity:
        return oidc_login.authenticate_bearer(core, given.username, given.token, peer=peer, scope=scope)

    try:
        return await core.threads.log_in(work)
    except WrongPassword:
        await ask(b'{"status":"invalid_token"}')  # RFC 7628 section 3.2.3: the client answers with one octet
        raise


async def _check(core: Core, given: sasl.Login, peer: str, scope: Scope) -> Identity:
    def work() -> Identity:
        scram.update_offer(core)
        return logins.authenticate(core, given.username, given.password, peer=peer, scope=scope)

    return await core.threads.log_in(work)


async def _scram(core: Core, exchange: sasl.Scram, first: bytes, ask: Ask, peer: str, scope: Scope) -> Identity:
    name = logins.to_local_name(core, exchange.first(first)) or ""
    # by any address of an account it is the account's: its salt and its verifiers are those of its user name
    name, known = await core.threads.run(partial(_list_verifiers, core, name, peer, scope))
    answer = await ask(exchange.challenge(scram.derive_salt(core, name), scram.ITERATIONS))
    proven = exchange.final(answer, [verifier for _, verifier in known])
    if proven is None:
        raise await core.threads.run(partial(logins.record_failure, core, name, peer))
    # asked anew: the password may have been changed while the client computed
    done = partial(logins.record_success, core, name, known[proven[0]][0], peer=peer, scope=scope)
    identity = await core.threads.run(done)
    await ask(proven[1])
    return identity


def _list_verifiers(
    core: Core, name: str, peer: str, scope: Scope
) -> tuple[str, list[tuple[Credential, sasl.Verifier]]]:
    """List the verifiers of a name for SCRAM, with the user name that they belong to.  Raises TooMany."""
    scram.update_offer(core)
    name, usable = logins.list_usable_credentials(core, name, peer=peer, scope=scope)
    known = scram.list_verifiers(core, name, usable)
    if len(known) < len(usable):
        scram.withdraw_offer(core)
    return name, known
