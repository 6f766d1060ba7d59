"""State that all conversations of one listener share: its limits, and the open connections."""

import ssl

from mailcore.core import Core
from mailcore.net.address import place
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.services.limits.rates import Portions
from mailcore.smtp.incoming import Bounds


class Door:
    """One listener.

    Args:
        counts: open connections by address, shared by the listeners of all processes.
        implicit: TLS from the first octet.
        lmtp: a server of ours comes here, which has judged whose mail it brings.
    """

    def __init__(
        self, core: Core, counts: ConnectionCounts, tls: ssl.SSLContext | None, *, implicit: bool, lmtp: bool
    ) -> None:
        config = core.config
        self.core, self.tls, self.implicit, self.lmtp = core, tls, implicit, lmtp
        self.hostname = config.host
        self.postmaster = f"postmaster@{config.domain}"
        self.bounds = Bounds.from_limits(config.limits)
        self.max_recipients = config.limits.recipients
        self.max_unknown = config.limits.unknown_recipients
        self.is_stopping = False
        self._counts = counts
        self._portions = Portions()

    def is_trusted(self, peer: str) -> bool:
        """Free of the limits per address."""
        return self.lmtp or self.core.config.limits.is_trusted(peer)

    def plaintext_allowed(self, peer: str) -> bool:
        return self.core.config.plaintext_allowed(peer)

    def enter(self, peer: str) -> str:
        """Count a connection; a reply where there are too many.  Who entered must `leave`."""
        limits = self.core.config.limits
        reply = ""
        if self._counts.enter("smtp", place(peer)) > limits.connections_per_address:
            reply = "421 4.7.0 Too many connections from your address"
        elif self._counts.here("smtp") > limits.connections:
            reply = "421 4.3.2 Too many connections; try again later"
        if not reply or self.is_trusted(peer):
            return ""
        self.leave(peer)
        return reply

    def leave(self, peer: str) -> None:
        self._counts.leave("smtp", place(peer))

    async def admit(self, peer: str) -> str:
        """A reply where the address connects too often; all processes count together."""
        if self.is_trusted(peer):
            return ""
        limit = self.core.config.limits.connections_per_minute
        if await self._portions.count_use(self.core, f"connect {place(peer)}", limit=limit, window_seconds=60):
            return ""
        return "421 4.7.0 Your address connects too often; try again in a minute"

    async def asked_in_vain(self, peer: str, count: int, in_all: int) -> bool:
        """Count unknown recipients, `in_all` of this connection; return False if somebody tries out names."""
        if self.is_trusted(peer):
            return True
        if in_all > self.max_unknown:
            return False
        limit, key = self.core.config.limits.unknown_recipients_per_hour, f"unknown {place(peer)}"
        for _ in range(count):
            if not await self._portions.count_use(self.core, key, limit=limit, window_seconds=3600):
                return False
        return True

    async def may_send(self, peer: str) -> bool:
        """Is one more message from this address within its limit?"""
        limit = self.core.config.limits.messages_per_hour
        if self._portions.is_spent(self.core, f"unknown {place(peer)}"):
            return False
        return self.is_trusted(peer) or await self._portions.count_use(
            self.core, f"mail {place(peer)}", limit=limit, window_seconds=3600
        )
