"""Route to a domain: the hosts that take its mail, and the TLS that it demands.

Hosts by MX (RFC 5321 section 5.1, null MX by RFC 7505); TLS by DANE where DNSSEC vouches for the records (RFC 7672),
else by the domain's MTA-STS policy (RFC 8461), else whatever the host offers (RFC 7435).
"""

from dataclasses import dataclass
from ipaddress import ip_address
from random import shuffle

from mailcore.config import Config
from mailcore.queue.dane import Tlsa
from mailcore.queue.lookup import Lookup, NoSuchName, Records, RouteUnknown
from mailcore.queue.sts import StsPolicies, is_allowed

__all__ = ["Hop", "NoMailHere", "Route", "RouteUnknown", "find_route", "list_addresses"]
MAX_HOSTS = 10


class NoMailHere(Exception):
    """The domain does not exist or takes no mail: permanent.  `status` is the enhanced code (RFC 3463)."""

    def __init__(self, words: str, status: str = "5.1.2") -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Hop:
    """One host.  `tls`: `may` = if it offers, `verify` = by a certificate for its name, `dane` = by `tlsa`.

    `policy` says whose wish that is, in the words of RFC 8460: `no-policy-found`, `sts`, `tlsa`.
    """

    host: str
    port: int
    tls: str = "may"
    tlsa: tuple[Tlsa, ...] = ()
    policy: str = "no-policy-found"


@dataclass(frozen=True, slots=True)
class TlsResult:
    """TLS result of one connection, for reports; `kind` is empty if it went well."""

    policy: str
    host: str
    kind: str


@dataclass(frozen=True, slots=True)
class Route:
    """The hosts to try, best first; `troubles` are what reports of TLS say of hosts that were not tried."""

    hops: tuple[Hop, ...]
    troubles: tuple[TlsResult, ...] = ()


async def find_route(config: Config, lookup: Lookup, domain: str, policies: StsPolicies | None = None) -> Route:
    """Find the hosts that take mail for a domain, and the TLS that they must use.

    Raises:
        NoMailHere: the domain does not exist or takes no mail.
        RouteUnknown: DNS does not answer, or no host is in the domain's MTA-STS policy.
    """
    outbound = config.outbound
    if outbound.mode == "relay":
        return Route((Hop(outbound.host, outbound.port),))
    if domain.startswith("[") and domain.endswith("]"):
        try:
            return Route((Hop(str(ip_address(domain[1:-1].removeprefix("IPv6:"))), outbound.port),))
        except ValueError:
            raise NoMailHere("not an address literal") from None
    hosts, secure = await _list_hosts(config, lookup, domain)
    policy, trouble = await policies.find_policy(domain) if policies is not None else (None, "")
    troubles = [TlsResult("sts", "", trouble)] if trouble else []
    records: list[Hop] = []
    unknown = RouteUnknown("no host of the domain is in its MTA-STS policy")
    for host in hosts[:MAX_HOSTS]:
        try:
            tlsa = await _find_tlsa(lookup, host, outbound.port) if secure else None
        except RouteUnknown as problem:  # this host only: the next one has records of its own (RFC 7672 section 2.1)
            unknown = problem
            continue
        if tlsa is not None:
            records.append(Hop(host, outbound.port, "dane", tlsa, "tlsa"))
        elif policy is None or policy.mode == "none":
            records.append(Hop(host, outbound.port))
        elif policy.mode == "enforce":
            if is_allowed(policy, host):
                records.append(Hop(host, outbound.port, "verify", (), "sts"))
            else:
                troubles.append(TlsResult("sts", host, "validation-failure"))
        else:
            records.append(Hop(host, outbound.port, "may", (), "sts"))
    if not records:
        raise unknown
    return Route(tuple(records), tuple(troubles))


async def _list_hosts(config: Config, lookup: Lookup, domain: str) -> tuple[list[str], bool]:
    """List the host names by preference, and say if DNSSEC vouches for them."""
    try:
        answer = await lookup.ask(domain, "MX")
    except NoSuchName:
        raise NoMailHere("the domain does not exist") from None
    if not answer.records:
        if not await list_addresses(lookup, domain):
            raise NoMailHere("the domain has neither MX nor address")
        return [domain], answer.secure
    hosts = [(mx.preference, str(mx.exchange).rstrip(".").lower()) for mx in answer.records]
    shuffle(hosts)  # hosts of one preference share the load (RFC 5321 section 5.1)
    hosts.sort(key=lambda one: one[0])
    if not any(host for _, host in hosts):
        raise NoMailHere("the domain takes no mail (null MX)", "5.1.10")
    our_names = [preference for preference, host in hosts if host == config.host.lower()]
    if our_names:  # RFC 5321 section 5.1: hosts that are no better than ourselves would send it back
        hosts = [(preference, host) for preference, host in hosts if preference < our_names[0]]
        if not hosts:
            raise NoMailHere("its mail comes back to us", "5.4.6")
    return [host for _, host in hosts if host], answer.secure


async def _find_tlsa(lookup: Lookup, host: str, port: int) -> tuple[Tlsa, ...] | None:
    """Return the TLSA records that DNSSEC vouches for, or None.  Raises RouteUnknown: a DNS failure permits nothing."""
    try:
        if not any([(await lookup.ask(host, kind)).secure for kind in ("A", "AAAA")]):
            return None
        answer = await lookup.ask(f"_{port}._tcp.{host}", "TLSA")
    except NoSuchName:
        return None
    if not answer.secure or not answer.records:
        return None
    return tuple(Tlsa(r.usage, r.selector, r.mtype, bytes(r.cert)) for r in answer.records)


async def list_addresses(lookup: Lookup, host: str) -> list[str]:
    """List a host's IP addresses, IPv6 and IPv4 in turn.  Raises RouteUnknown."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    by_kind: list[list[str]] = []
    trouble: RouteUnknown | None = None
    for kind in ("AAAA", "A"):
        try:
            found: Records = await lookup.ask(host, kind)
        except NoSuchName:
            continue
        except RouteUnknown as problem:
            trouble = problem
            continue
        by_kind.append([record.address for record in found.records])
    mixed = [address for at in range(MAX_HOSTS) for one in by_kind for address in one[at : at + 1]]
    if not mixed and trouble is not None:
        raise trouble
    return mixed
