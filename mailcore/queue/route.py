"""Where a domain takes its mail (RFC 5321 section 5.1, null MX by RFC 7505)."""

from dataclasses import dataclass
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from mailcore.config import Config
from mailcore.names import nameserver


class NoMailHere(Exception):
    """The domain does not exist or takes no mail: permanent."""


class RouteUnknown(Exception):
    """DNS did not answer: a delay, never a bounce."""


@dataclass(frozen=True, slots=True)
class Hop:
    host: str
    port: int


def resolver(config: Config) -> dns.asyncresolver.Resolver:
    found = dns.asyncresolver.Resolver(configure=not config.dns.servers)
    if config.dns.servers:
        found.nameservers = [nameserver(text) for text in config.dns.servers]
    found.lifetime = 10
    return found


async def hops(config: Config, domain: str) -> list[Hop]:
    """The hosts to try, best first; raises NoMailHere, RouteUnknown."""
    out = config.outbound
    if out.mode == "relay":
        return [Hop(out.host, out.port)]
    if domain.startswith("[") and domain.endswith("]"):
        literal = domain[1:-1].removeprefix("IPv6:")
        try:
            return [Hop(str(ip_address(literal)), out.port)]
        except ValueError:
            raise NoMailHere("not an address literal") from None
    try:
        answer = await resolver(config).resolve(domain, "MX")
    except dns.resolver.NXDOMAIN:
        raise NoMailHere("the domain does not exist") from None
    except dns.resolver.NoAnswer:
        return [Hop(domain, out.port)]
    except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException, UnicodeError):
        raise NoMailHere("not the name of a domain") from None
    except dns.exception.DNSException as problem:
        raise RouteUnknown(f"DNS: {type(problem).__name__}") from None
    found = sorted((mx.preference, str(mx.exchange).rstrip(".")) for mx in answer)
    if found and not found[0][1]:
        raise NoMailHere("the domain takes no mail (null MX)")
    return [Hop(host, out.port) for _, host in found]


async def address_of(config: Config, host: str) -> list[str]:
    """IP addresses of a host by the configured servers; the host itself where the system resolves."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    if not config.dns.servers:
        return [host]
    ask = resolver(config)
    found: list[str] = []
    for kind in ("AAAA", "A"):
        try:
            found += [str(record) for record in await ask.resolve(host, kind)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException as problem:
            raise RouteUnknown(f"DNS: {type(problem).__name__}") from None
    return found
