"""One SASL conversation, the same for IMAP, SMTP and ManageSieve; the protocol only carries challenges and answers.

Which mechanisms are offered, and why SCRAM is not always: see services/scram.py.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services import certificates, scram
from mailcore.services import login as logins
from mailcore.store import scram as verifiers
from mailcore.store.db import Tx
from mailcore.wire import sasl

Ask = Callable[[bytes], Awaitable[bytes]]  # a challenge, and the client's answer to it; neither in base64


def offered(core: Core, *, secure: bool) -> tuple[str, ...]:
    """The mechanisms to announce, the strongest first; `secure`: under TLS."""
    if not scram.is_offered(core):
        return sasl.MECHANISMS
    return (*(reversed(sasl.SCRAM) if _bindings(core, secure) else sasl.SCRAM[:1]), *sasl.MECHANISMS)


def _bindings(core: Core, secure: bool) -> dict[str, bytes]:
    """What SCRAM can be bound to.  tls-exporter (RFC 9266) waits for a Python that tells it."""
    found = certificates.end_point(core.config) if secure else b""
    return {"tls-server-end-point": found} if found else {}


async def authenticate(
    core: Core, mechanism: str, first: bytes | None, ask: Ask, *, peer: str, secure: bool
) -> Identity | None:
    """Who is it?  None if there is no such mechanism.

    Args:
        mechanism: as the client named it, in upper case.
        first: the initial response, None if there was none.
        secure: under TLS.

    Raises:
        SyntaxProblem: the client's answers are no such conversation.
        WrongPassword, TemporarilyUnavailable, TooMany: see services/login.py.
    """
    if mechanism == "PLAIN":
        return await _check(core, sasl.plain(await ask(b"") if first is None else first), peer)
    if mechanism == "LOGIN":
        user = sasl.text(await ask(b"Username:") if first is None else first)
        return await _check(core, sasl.Login(user, sasl.text(await ask(b"Password:"))), peer)
    if mechanism in sasl.SCRAM and core.config.limits.scram != "never":
        exchange = sasl.Scram(_bindings(core, secure), plus=mechanism.endswith("-PLUS"))
        return await _scram(core, exchange, await ask(b"") if first is None else first, ask, peer)
    return None


async def _check(core: Core, given: sasl.Login, peer: str) -> Identity:
    def work() -> Identity:
        scram.look(core)
        return logins.authenticate(core, given.username, given.password, peer=peer, scope=Scope.MAIL)

    return await core.threads.wait(work)


async def _scram(core: Core, exchange: sasl.Scram, first: bytes, ask: Ask, peer: str) -> Identity:
    known = await core.threads.run(partial(_known, core, exchange.first(first), peer))
    answer = await ask(exchange.challenge(known.salt, known.iterations))
    proven = exchange.final(answer, known.verifiers)
    if proven is None or known.account is None:
        await core.threads.run(partial(logins.count_failure, core, known.account, peer))
        raise WrongPassword("the user name or the password is wrong")
    await ask(proven[1])
    return Identity(known.account, logins.ALUMNI)


@dataclass(frozen=True, slots=True)
class _Known:
    """Of whom a SCRAM exchange is; of a stranger only what hides that they are one."""

    account: Account | None
    verifiers: list[sasl.Verifier]
    salt: bytes
    iterations: int


def _known(core: Core, username: str, peer: str) -> _Known:
    """Raises TooMany."""
    scram.look(core)
    name = logins.local_name(core, username)

    def ask(tx: Tx) -> tuple[Account | None, list[sasl.Verifier]]:
        found = core.people.login(tx, name) if name else None
        account = found[0] if found else None
        if logins.has_failed_too_often(core, tx, account, peer):
            raise TooMany("too many failed log-ins; try again in an hour")
        return account, verifiers.of(tx, account.id) if account else []

    account, known = core.db.read(ask)
    if known:
        return _Known(account, known, known[0].salt, known[0].iterations)
    return _Known(account, [], scram.salt_of_nobody(core, username), scram.ITERATIONS)
