"""Mail from other servers (port 25): recipients are looked up at RCPT, delivered before the `250`."""

import secrets
from typing import TYPE_CHECKING

from mailcore.core import Core
from mailcore.domain import Account, Disposition, Envelope, Outcome, Recipient
from mailcore.errors import MailError, NotAllowed, OverQuota
from mailcore.mail import authresults, header, trace
from mailcore.services import authentication, delivery, quota_warnings
from mailcore.smtp.reply import rejected
from mailcore.store.db import Tx

if TYPE_CHECKING:
    from mailcore.smtp.session import Session

MAX_HOPS = 50
Found = Recipient | MailError


def look_up(core: Core, tx: Tx, addresses: list[str], size: int | None, *, authenticated: bool) -> list[Found]:
    """Each address's recipient, or why there is none."""
    found: list[Found] = []
    for address in addresses:
        try:
            found.append(delivery.check_recipient(core, tx, address, size, authenticated=authenticated))
        except MailError as problem:
            found.append(problem)
    return found


def received(core: Core, session: "Session", protocol: str) -> tuple[str, bytes]:
    """A queue id and the Received field that tells it."""
    queue_id = secrets.token_hex(6)
    one = session.recipients[0] if len(session.recipients) == 1 else ""
    protocol += "S" if session.tls else ""
    field = trace.received(session.helo, session.peer, core.config.host, protocol, queue_id, one, core.clock.now())
    return queue_id, field


class Inbound:
    submission = False

    def __init__(self, core: Core) -> None:
        self._core = core

    async def login(self, session: "Session", username: str, password: str) -> Account:
        raise NotAllowed("no log-in here")

    async def mail(self, session: "Session", sender: str, size: int | None) -> None:
        """Anybody may say anything here; what is true is judged later."""

    async def rcpt(self, session: "Session", addresses: list[str]) -> list[MailError | None]:
        core = self._core
        size = session.size
        found = await core.db.aread(lambda tx: look_up(core, tx, addresses, size, authenticated=False))
        session.found += [item for item in found if isinstance(item, Recipient)]
        full = [address for address, item in zip(addresses, found, strict=True) if isinstance(item, OverQuota)]
        if full:
            await core.db.awrite(lambda tx: quota_warnings.refused_at(core, tx, full))
        return [item if isinstance(item, MailError) else None for item in found]

    async def data(self, session: "Session", octets: bytes) -> str:
        block, _ = header.split(octets)
        if trace.count_received(block) > MAX_HOPS:
            return "554 5.4.6 Too many hops"
        queue_id, field = received(self._core, session, "ESMTP")
        envelope = Envelope(session.sender or "", tuple(session.recipients), session.peer, session.helo)
        named = {item.address.lower(): item for item in session.found if isinstance(item, Recipient)}
        recipients = list(named.values())  # who is named twice has it once
        octets = authresults.without_forged(octets, self._core.config.host)
        verdict = await authentication.judge(self._core, envelope, octets)
        if verdict.several_authors:
            return "550 5.7.1 One From field with one author, please"
        if verdict.disposition is Disposition.REFUSE:
            return f"550 5.7.26 DMARC: {verdict.author} asks to refuse what does not come from it"
        done = await delivery.accept(self._core, envelope, recipients, octets, verdict.field + field, verdict)
        if done and all(one.outcome is Outcome.REJECTED for one in done):
            return rejected(done[0].reason)
        return f"250 2.0.0 OK {queue_id}"
