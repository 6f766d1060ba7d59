"""Sizes, quotas, addresses and networks as settings write them."""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network

from mailcore.errors import ConfigError

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]*)):([0-9]{1,5})")
SMALL_BODY = 2**20  # octets of a request to the portal that anybody may send
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
UNLIMITED = "unlimited"
MOST_OCTETS = 2**50  # a PiB; more is a slip of the finger, and at some point no number of the database's


@lru_cache
def octets(text: str) -> int:
    """`2G`, `500M`, `10K` or plain octets; raises ConfigError."""
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise ConfigError(f"{text!r} is not a size; write for example 2G or 500M")
    return int(number) * _UNITS[unit]


def quota_octets(text: str) -> int:
    """Parse a quota: a size, or the word `unlimited`, which gives 0.

    Raises:
        ConfigError: it is neither; also for 0, which would be no limit where somebody may have meant no room at all.
    """
    if text.strip().lower() == UNLIMITED:
        return 0
    found = octets(text.strip())
    if not found:
        raise ConfigError(f"a quota of {text!r} would be no limit; write {UNLIMITED} if you mean that")
    if found > MOST_OCTETS:
        raise ConfigError(f"{text!r} is too large for a quota")
    return found


def host_and_port(address: str) -> tuple[str, int]:
    """Split `HOST:PORT`, without the brackets of an IPv6 address; no host = all addresses.  Raises ConfigError."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found[3]) >= 2**16:
        raise ConfigError(f"{address!r} is not HOST:PORT; write for example 0.0.0.0:25 or [::1]:25")
    return found[1] or found[2] or "", int(found[3])


@lru_cache(maxsize=4096)
def within(address: str, networks: tuple[str, ...]) -> bool:
    """Is the address in one of the networks?  Asked several times of each connection."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in ip_network(network, strict=False) for network in networks)
