"""Greylisting (RFC 6647) and DNS block lists (RFC 5782) for untrusted peers.  Off by default."""

import hashlib
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from mailcore.core import Core
from mailcore.log import log_for
from mailcore.net.dns import DnsTrouble
from mailcore.store.engine.db import Tx
from mailcore.store.site import rates

log = log_for(__name__)
EXEMPT = ("postmaster", "abuse")  # a refused sender must be able to ask why (RFC 5321 section 4.5.1, RFC 2142)
_ERRORS = ip_network("127.255.255.0/24")  # the answer of a list that refuses our queries


def network_of(peer: str) -> str:
    """Return the network that stands for a peer, an IPv4 /24 or an IPv6 /64: servers of one sender are neighbours."""
    try:
        ip = ip_address(peer)
    except ValueError:
        return peer
    return str(ip_network((ip, 64 if isinstance(ip, IPv6Address) else 24), strict=False))


async def check_greylist(core: Core, peer: str, sender: str, recipients: Sequence[str]) -> list[bool]:
    """Return for each recipient if the sender must try again later (RFC 6647); a network that once did need not."""
    network, now = network_of(peer), core.clock.seconds()
    network_key = f"net {network}"

    def ask(tx: Tx) -> list[bool]:
        if rates.is_known(tx, network_key):
            rates.save_known(tx, network_key, now)
            return [False] * len(recipients)
        waits = []
        for recipient in recipients:
            words = f"{network}\0{sender.lower()}\0{recipient.lower()}"
            came_again = rates.has_waited(
                tx, hashlib.sha256(words.encode()).hexdigest(), core.config.incoming.greylist_seconds, now
            )
            if came_again:
                rates.save_known(tx, network_key, now)
            waits.append(not came_again)
        return waits

    return await core.db.awrite(ask)


async def find_block_list(core: Core, peer: str) -> str | None:
    """Return the first block list that names the peer (RFC 5782), or None.  A list that does not answer names nobody."""
    return await core.threads.run_waiting(_find_block_list, core, peer) if core.config.incoming.blocklists else None


def _find_block_list(core: Core, peer: str) -> str | None:
    try:
        ip = ip_address(peer)
    except ValueError:
        return None
    digits = ip.exploded.replace(":", "") if isinstance(ip, IPv6Address) else ip.exploded.split(".")
    name = ".".join(reversed(digits))
    for zone in core.config.incoming.blocklists:
        try:
            answers = core.dns.lookup(f"{name}.{zone}", "A")
        except DnsTrouble:
            log.info("block list %s does not answer", zone)
            continue
        addresses = [ip_address(record.address) for record in answers]
        if any(str(answer).startswith("127.") and answer not in _ERRORS for answer in addresses):
            return zone
    return None
