"""Our own people send (587, 465; RFC 6409, RFC 8314)."""

from mailcore.core import Core
from mailcore.errors import MailError, NotAllowed
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.services.credentials import login
from mailcore.services.delivery import recipients, sending_limits, submission
from mailcore.smtp.inbound import find_recipients, prepare_message
from mailcore.smtp.incoming import Edit, Incoming
from mailcore.smtp.parameters import Mail
from mailcore.smtp.session import Session
from mailcore.smtp.state import Problem, Transaction
from mailcore.store.engine.db import Tx


class Submission:
    """Ports 587 and 465: whoever sends is logged in, and writes as one of their own addresses."""

    submission = True
    lmtp = False

    def __init__(self, core: Core) -> None:
        self._core = core

    async def mail(self, session: Session, mail: Mail) -> None:
        identity = session.identity
        if identity is None:
            raise NotAllowed("log in first")
        core = self._core

        def may_send(tx: Tx) -> tuple[bool, tuple[str, ...]]:
            sending_limits.check(tx, identity.account.id)
            return login.is_still_valid(tx, identity), submission.addresses(tx, identity.account.id)

        stands, session.own = core.db.read(may_send)  # three rows: handing them to a thread and back costs more
        if not stands:  # a kept connection, after a change of password (S14)
            session.account = session.identity = None
            raise NotAllowed("log in again: the password has changed")
        if not submission.is_own(mail.sender, session.own):
            raise NotAllowed("the sender must be an address of yours")

    async def rcpt(self, session: Session, addresses: list[str]) -> list[Problem]:
        core, transaction = self._core, session.transaction
        assert transaction is not None  # noqa: S101 - RCPT comes after MAIL
        ours = [address for address in addresses if recipients.is_ours(core, address)]
        if not ours:
            return [None] * len(addresses)
        size, sender = transaction.mail.size, transaction.mail.sender
        account = session.account.id if session.account else None
        found = await core.db.aread(lambda tx: find_recipients(core, tx, ours, size, sender=sender, account=account))
        known = dict(zip(ours, found, strict=True))
        transaction.found += [item for item in found if not isinstance(item, MailError)]
        return [item if isinstance(item := known.get(address), MailError) else None for address in addresses]

    def edit(self, session: Session) -> Edit:
        core, own = self._core, session.own
        return lambda block: submission.complete(block, own, domain=core.config.domain, now=core.clock.seconds())

    async def data(self, session: Session, incoming: Incoming, octets: Octets) -> list[str]:
        transaction = session.transaction
        if session.account is None or transaction is None:
            raise NotAllowed("log in first")
        message = await prepare_message(self._core, incoming, Message(octets), bare=not transaction.found)
        await submission.send(self._core, session.envelope_of(transaction), session.account, message)
        return ["250 2.0.0 OK"]

    async def refused(self, transaction: Transaction, reply: str) -> None:
        """Do nothing: the sender sits before the program that read the reply."""
