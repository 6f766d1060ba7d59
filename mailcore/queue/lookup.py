"""The queue's DNS look-ups, remembered for minutes, and whether DNSSEC vouches for them.

The AD bit is believed only of resolvers that the settings trust (RFC 6698 section 4.1, `dns.dnssec`).
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.resolver

from mailcore.config import Config
from mailcore.net.dns import nameserver

LIFETIME_SECONDS = 10
MOST_SECONDS = 300
REMEMBERED = 10_000


class RouteUnknown(Exception):
    """DNS did not answer: a delay, never a bounce."""


class NoSuchName(Exception):
    """The name does not exist."""


@dataclass(frozen=True, slots=True)
class Records:
    """`records` may be empty: the name is there and has none of the kind.  `secure`: DNSSEC vouches for it."""

    records: tuple[Any, ...]  # Any: dnspython's Rdata
    secure: bool = False


def is_trusted(config: Config, servers: list[str]) -> bool:
    """Say if the AD bit of these resolvers is believed; by `auto` if they all are on this machine."""
    if config.dns.dnssec != "auto":
        return config.dns.dnssec == "yes"
    try:
        return bool(servers) and all(ip_address(server).is_loopback for server in servers)
    except ValueError:
        return False


class Lookup:
    """DNS look-ups of one worker and their cache, used on its event loop only."""

    def __init__(self, config: Config) -> None:
        self._resolver = found = dns.asyncresolver.Resolver(configure=not config.dns.servers)
        if config.dns.servers:
            found.nameservers = [nameserver(text) for text in config.dns.servers]
        found.lifetime = LIFETIME_SECONDS
        servers = [s.address if isinstance(s, dns.nameserver.Do53Nameserver) else str(s) for s in found.nameservers]
        self._trusted = is_trusted(config, servers)
        if self._trusted:
            found.use_edns(0, dns.flags.DO, 1232)
            found.flags = dns.flags.RD | dns.flags.AD
        self._answers: OrderedDict[tuple[str, str], tuple[float, Records | None]] = OrderedDict()

    async def ask(self, name: str, kind: str) -> Records:
        """Raises NoSuchName, RouteUnknown."""
        key = name.lower().rstrip("."), kind
        now = asyncio.get_running_loop().time()
        until, found = self._answers.get(key, (0.0, None))
        if until <= now:
            seconds, found = await self._fetch(name, kind)
            self._answers[key] = now + seconds, found
            self._answers.move_to_end(key)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        if found is None:
            raise NoSuchName(name)
        return found

    async def _fetch(self, name: str, kind: str) -> tuple[float, Records | None]:
        try:
            answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return 30, None
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException, UnicodeError):
            return MOST_SECONDS, None  # no name of DNS
        except (dns.exception.DNSException, OSError) as problem:
            raise RouteUnknown(f"DNS: {type(problem).__name__}") from None
        secure = self._trusted and bool(answer.response.flags & dns.flags.AD)
        if answer.rrset is None:
            return 30, Records((), secure)
        return max(1, min(answer.rrset.ttl, MOST_SECONDS)), Records(tuple(answer), secure)
