"""The PROXY protocol of load balancers, versions 1 and 2 (HAProxy's specification): whose connection this really is.  No I/O.

It is read only from networks that the settings trust (`listen.balancers`): who may send it may claim any address.
"""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
MAX_LINE = 107  # octets of a version 1 line with its CRLF
MAX_REST = 2048  # octets of addresses and extensions in version 2 that are taken
_SIZES = {0x11: 4, 0x21: 16}  # TCP over IPv4, IPv6


class ProxyProblem(Exception):
    """Raised for octets that are no PROXY header; the connection must end without an answer."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """The client's address, "" where the balancer speaks for itself (LOCAL, UNKNOWN), and the octets that it took."""

    address: str
    length: int


def read(held: bytes) -> Proxied | None:
    """Read the header that `held` begins with; None while it is not whole.  Raises ProxyProblem."""
    if held[: len(SIGNATURE)] == SIGNATURE[: len(held)]:
        return _version_2(held)
    if held[:6] == b"PROXY "[: len(held)]:
        return _version_1(held)
    raise ProxyProblem


def wanted(held: bytes) -> int:
    """Return how many octets may be read next without taking any of what follows the header."""
    if held[:1] == SIGNATURE[:1]:
        return 16 - len(held) if len(held) < 16 else 16 + int.from_bytes(held[14:16]) - len(held)
    return max(1, len(b"PROXY UNKNOWN\r\n") - len(held))


def _version_1(held: bytes) -> Proxied | None:
    """ "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP port SP port CRLF, or "PROXY UNKNOWN" ... CRLF"""
    end = held.find(b"\r\n", 0, MAX_LINE)
    if end < 0:
        if len(held) >= MAX_LINE:
            raise ProxyProblem
        return None
    words = held[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return Proxied("", end + 2)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ProxyProblem
    try:
        source = ip_address(words[2].decode("ascii"))
        ports = [int(word) for word in words[4:]]
    except ValueError:
        raise ProxyProblem from None
    if source.version != (4 if words[1] == b"TCP4" else 6) or not all(0 <= port <= 65535 for port in ports):
        raise ProxyProblem
    return Proxied(str(source), end + 2)


def _version_2(held: bytes) -> Proxied | None:
    """Signature, version and command, family, length, addresses."""
    if len(held) < 16:
        return None
    version, family, length = struct.unpack("!BBH", held[12:16])
    if version not in (0x20, 0x21) or length > MAX_REST:
        raise ProxyProblem
    if len(held) < 16 + length:
        return None
    if version == 0x20 or family not in _SIZES:  # LOCAL, or a family that is no address
        return Proxied("", 16 + length)
    size = _SIZES[family]
    if length < 2 * size + 4:
        raise ProxyProblem
    return Proxied(str(ip_address(held[16 : 16 + size])), 16 + length)
