"""What a listener does with mail, and the state of one transaction."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mailcore.config import Limits
from mailcore.domain import Dsn, Envelope, Recipient
from mailcore.errors import MailError
from mailcore.mail.octets import Octets
from mailcore.smtp.incoming import Edit, Incoming
from mailcore.smtp.parameters import Mail, Rcpt, Refused

if TYPE_CHECKING:
    from mailcore.smtp.session import Session


Problem = MailError | Refused | None


@dataclass(slots=True)
class Patience:
    """How long a message may take, by DATA or in chunks: some time, and more as octets come.

    Who sends one a minute holds no connection.
    """

    limits: Limits
    began: float  # in seconds of the event loop's clock
    octets: int = 0

    def until(self) -> float:
        return self.began + self.limits.data_seconds + self.octets / self.limits.data_rate


@dataclass(slots=True)
class Transaction:
    """From MAIL until the message is taken, refused or forgotten.  `found` holds those of `recipients` that are ours."""

    mail: Mail
    recipients: list[str] = field(default_factory=list)
    found: list[Recipient] = field(default_factory=list)
    dsn: dict[str, Dsn] = field(default_factory=dict)
    incoming: Incoming | None = None  # between the first BDAT and the last
    patience: Patience | None = None  # from then on

    def accept(self, rcpt: Rcpt) -> None:
        self.recipients.append(rcpt.address)
        if rcpt.notify or rcpt.orcpt or self.mail.ret or self.mail.envid:
            self.dsn[rcpt.address] = Dsn(rcpt.notify, self.mail.ret, rcpt.orcpt, self.mail.envid)

    def envelope(self, session: "Session") -> Envelope:
        return Envelope(
            self.mail.sender, tuple(dict.fromkeys(self.recipients)), session.peer, session.helo,
            session.account.id if session.account else None, self.dsn, self.mail.require_tls,
        )  # fmt: skip


class Handler(Protocol):
    """`lmtp`: one reply for each recipient after the message (RFC 2033)."""

    submission: bool
    lmtp: bool

    async def mail(self, session: "Session", mail: Mail) -> None:
        """Raises MailError where the sender may not send."""

    async def rcpt(self, session: "Session", addresses: list[str]) -> list[Problem]:
        """For each, why it is refused."""

    def edit(self, session: "Session") -> Edit:
        """What is done to the header before the message is kept."""

    async def data(self, session: "Session", incoming: Incoming, octets: Octets) -> list[str]:
        """Take the message over, and answer."""

    async def refused(self, transaction: "Transaction", reply: str) -> None:
        """The message was refused while it was read, before `data` could see it."""
