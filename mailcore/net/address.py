"""The place that a connection comes from, as it is counted and shown."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Networks that one person can hold, and how many times more than the smallest of them each bears
_WIDER = {4: ((24, 4),), 6: ((56, 2), (48, 4), (32, 40))}


def parse_address(peer: str) -> IPv4Address | IPv6Address | None:
    """Parse an address; one of IPv4 that is written as IPv6 is one of IPv4.  None for what is none."""
    try:
        ip = ip_address(peer)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


@lru_cache(maxsize=4096)
def place(peer: str) -> str:
    """Return the address as it is counted and shown: an IPv6 host has a whole /64 to itself."""
    ip = parse_address(peer)
    if ip is None:
        return peer
    return str(ip_network((int(ip), 64), strict=False)) if isinstance(ip, IPv6Address) else str(ip)


@lru_cache(maxsize=4096)
def wider(peer: str) -> tuple[tuple[str, int], ...]:
    """Return the networks around the place, and how many times more than one place each may do.

    Whoever has an IPv6 connection often has a /56 or a /48, and so 256 or 65,536 places.
    """
    ip = parse_address(peer)
    if ip is None:
        return ()
    return tuple((str(ip_network((int(ip), bits), strict=False)), times) for bits, times in _WIDER[ip.version])
