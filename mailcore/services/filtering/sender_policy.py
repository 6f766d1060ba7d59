"""Greylisting (RFC 6647) and DNS block lists (RFC 5782) for servers that we do not know.  Off by default."""

import hashlib
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from mailcore.core import Core
from mailcore.log import log_for
from mailcore.net.dns import DnsTrouble
from mailcore.store.engine.db import Tx
from mailcore.store.people import rates

log = log_for(__name__)
EXEMPT = ("postmaster", "abuse")  # who is refused must be able to ask why (RFC 5321 section 4.5.1, RFC 2142)
_ERRORS = ip_network("127.255.255.0/24")  # what lists answer to who may not ask


def network(peer: str) -> str:
    """Servers of one sender stand near one another: an IPv4 /24, an IPv6 /64."""
    try:
        ip = ip_address(peer)
    except ValueError:
        return peer
    return str(ip_network((ip, 64 if isinstance(ip, IPv6Address) else 24), strict=False))


async def must_wait(core: Core, peer: str, sender: str, recipients: Sequence[str]) -> list[bool]:
    """Say for each recipient if the sender must try again later (RFC 6647); a network that once did need not."""
    where, now = network(peer), core.clock.seconds()
    known = f"net {where}"

    def ask(tx: Tx) -> list[bool]:
        if rates.knows(tx, known):
            rates.pass_on(tx, known, now)
            return [False] * len(recipients)
        waits = []
        for recipient in recipients:
            words = f"{where}\0{sender.lower()}\0{recipient.lower()}"
            came_again = rates.grey(
                tx, hashlib.sha256(words.encode()).hexdigest(), core.config.incoming.greylist_seconds, now
            )
            if came_again:
                rates.pass_on(tx, known, now)
            waits.append(not came_again)
        return waits

    return await core.db.awrite(ask)


async def listed_by(core: Core, peer: str) -> str:
    """The first block list that names the address (RFC 5782), or "".  A list that does not answer names nobody."""
    return await core.threads.wait(_listed_by, core, peer) if core.config.incoming.blocklists else ""


def _listed_by(core: Core, peer: str) -> str:
    try:
        ip = ip_address(peer)
    except ValueError:
        return ""
    digits = ip.exploded.replace(":", "") if isinstance(ip, IPv6Address) else ip.exploded.split(".")
    name = ".".join(reversed(digits))
    for zone in core.config.incoming.blocklists:
        try:
            answers = core.dns.lookup(f"{name}.{zone}", "A")
        except DnsTrouble:
            log.info("block list %s does not answer", zone)
            continue
        found = [ip_address(record.address) for record in answers]
        if any(str(answer).startswith("127.") and answer not in _ERRORS for answer in found):
            return zone
    return ""
