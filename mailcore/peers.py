"""Where a connection comes from, as it is counted and shown."""

from ipaddress import IPv6Address, ip_address, ip_network


def place(peer: str) -> str:
    """The address as it is counted and shown: an IPv6 host has a whole /64 to itself."""
    try:
        ip = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, 64), strict=False))
    return str(ip)
