"""The state of one transaction, from MAIL until the message is taken, refused or forgotten."""

from dataclasses import dataclass, field

from mailcore.config import Limits
from mailcore.domain import Dsn, Recipient
from mailcore.errors import MailError
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.parameters import Mail, Rcpt, Refused

Problem = MailError | Refused | None


@dataclass(slots=True)
class Patience:
    """Time that a message may take, by DATA or in chunks: some seconds, and more as octets come.

    A client that sends one octet a minute cannot hold the connection.
    """

    limits: Limits
    began: float  # in seconds of the event loop's clock
    octets: int = 0

    def until(self) -> float:
        return self.began + self.limits.data_seconds + self.octets / self.limits.data_rate


@dataclass(slots=True)
class Transaction:
    """`found` holds those of `recipients` that are ours."""

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
