"""Context of a running command: everything that it may touch."""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.managesieve.status import Refused
from mailcore.net.transport import Connection


@dataclass(slots=True)
class Context:
    core: Core
    wire: Connection
    account: Account | None = None
    closing: bool = False

    @property
    def owner(self) -> Account:
        if self.account is None:
            raise Refused("Log in first")
        return self.account

    @property
    def may_log_in(self) -> bool:
        """Is the connection private, or may passwords come in the clear?"""
        return self.wire.secure or self.core.config.plaintext_allowed(self.wire.peer)
