"""AUTH (RFC 4954): the dialogue; mechanisms and whose password it is stand in services/signin/sasl_login.py."""

import asyncio
from base64 import b64encode
from functools import partial

from mailcore.domain import Scope
from mailcore.services.operations import client_doctor
from mailcore.services.signin import sasl_login
from mailcore.smtp.parameters import Refused
from mailcore.smtp.session import Session
from mailcore.wire import sasl
from mailcore.wire.reader import SyntaxProblem


def offered(session: Session) -> tuple[str, ...]:
    return sasl_login.list_mechanisms(session.door.core, secure=session.secure, channel=session.channel)


async def authenticate(session: Session, argument: str) -> None:
    """Never on port 25, never before TLS.  Raises Refused, MailError."""
    if not session.handler.submission:
        raise Refused("502 5.5.1 Command not known")
    if not session.may_log_in():
        client_doctor.record_unencrypted(session.door.core, session.peer)
        raise Refused("530 5.7.0 Must issue a STARTTLS command first")
    if session.account is not None or session.transaction is not None:
        raise Refused("503 5.5.1 Not now")
    mechanism, _, first = argument.partition(" ")
    core, ask = session.door.core, partial(_ask, session)
    try:
        response = sasl.decode(first.encode()) if (first := first.strip()) else None
        identity = await sasl_login.authenticate(core, session, mechanism.upper(), response, ask, Scope.SMTP)
    except SyntaxProblem as problem:
        raise Refused(f"501 5.5.2 {problem}") from None
    if identity is None:
        raise Refused(f"504 5.5.4 Use one of {' '.join(offered(session))}")
    session.account, session.identity = identity.account, identity
    session.write_reply("235 2.7.0 Welcome")


async def _ask(session: Session, challenge: bytes) -> bytes:
    session.write_reply(f"334 {b64encode(challenge).decode()}")
    await session.flush()
    line = await session.line()
    if line is None:
        raise asyncio.IncompleteReadError(b"", None)  # out of step: the conversation ends
    return sasl.decode(line.strip())
