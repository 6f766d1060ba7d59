"""Our own people send (587, 465; RFC 6409, RFC 8314)."""

from typing import TYPE_CHECKING

from mailcore.core import Core
from mailcore.domain import Account, Envelope, Recipient, Scope
from mailcore.errors import MailError, NotAllowed
from mailcore.services import login, submission
from mailcore.smtp.inbound import look_up

if TYPE_CHECKING:
    from mailcore.smtp.session import Session


class Submission:
    submission = True

    def __init__(self, core: Core) -> None:
        self._core = core

    async def login(self, session: "Session", username: str, password: str) -> Account:
        def ask() -> Account:
            return login.authenticate(self._core, username, password, peer=session.peer, scope=Scope.SMTP).account

        return await self._core.threads.wait(ask)

    async def mail(self, session: "Session", sender: str, size: int | None) -> None:
        account = session.account
        if account is None:
            raise NotAllowed("log in first")
        own = await self._core.db.aread(lambda tx: submission.addresses(self._core, tx, account.id))
        if not submission.is_own(sender, own):
            raise NotAllowed("the sender must be an address of yours")

    async def rcpt(self, session: "Session", addresses: list[str]) -> list[MailError | None]:
        core = self._core
        ours = [a for a in addresses if a.rpartition("@")[2].lower() == core.config.domain]
        if not ours:
            return [None] * len(addresses)
        found = await core.db.aread(lambda tx: look_up(core, tx, ours, session.size, authenticated=True))
        known = dict(zip(ours, found, strict=True))
        session.found += [item for item in found if isinstance(item, Recipient)]
        return [item if isinstance(item := known.get(address), MailError) else None for address in addresses]

    async def data(self, session: "Session", octets: bytes) -> str:
        if session.account is None:
            raise NotAllowed("log in first")
        envelope = Envelope(
            session.sender or "", tuple(dict.fromkeys(session.recipients)), session.peer, session.helo, session.account.id
        )
        await submission.submit(self._core, session.account, envelope, octets)
        return "250 2.0.0 OK"
