"""Route to a domain: the hosts that take its mail, and the TLS that it demands.

Hosts by MX (RFC 5321 section 5.1, null MX by RFC 7505); TLS by DANE where DNSSEC vouches for the records (RFC 7672),
else by the domain's MTA-STS policy (RFC 8461), else whatever the host offers (RFC 7435).
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from random import shuffle

from mailcore.config import Config
from mailcore.queue.dane import Tlsa
from mailcore.queue.lookup import Found, Lookup, NoSuchName, RouteUnknown
from mailcore.queue.sts import StsPolicies, allows

__all__ = ["Hop", "NoMailHere", "Route", "RouteUnknown", "addresses", "find"]
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
class Route:
    """The hosts to try, best first; `troubles` are what reports shall tell (host, kind)."""

    hops: tuple[Hop, ...]
    troubles: tuple[tuple[str, str, str], ...] = field(default=())  # policy, host, kind


async def find(config: Config, lookup: Lookup, domain: str, policies: StsPolicies | None = None) -> Route:
    """Raises NoMailHere, RouteUnknown."""
    out = config.outbound
    if out.mode == "relay":
        return Route((Hop(out.host, out.port),))
    if domain.startswith("[") and domain.endswith("]"):
        try:
            return Route((Hop(str(ip_address(domain[1:-1].removeprefix("IPv6:"))), out.port),))
        except ValueError:
            raise NoMailHere("not an address literal") from None
    hosts, secure = await _hosts(config, lookup, domain)
    policy, trouble = await policies.of(domain) if policies is not None else (None, "")
    troubles = [("sts", "", trouble)] if trouble else []
    found: list[Hop] = []
    unknown = RouteUnknown("no host of the domain is in its MTA-STS policy")
    for host in hosts[:MAX_HOSTS]:
        try:
            tlsa = await _tlsa(lookup, host, out.port) if secure else None
        except RouteUnknown as problem:  # this host only: the next one has records of its own (RFC 7672 section 2.1)
            unknown = problem
            continue
        if tlsa is not None:
            found.append(Hop(host, out.port, "dane", tlsa, "tlsa"))
        elif policy is None or policy.mode == "none":
            found.append(Hop(host, out.port))
        elif policy.mode == "enforce":
            if allows(policy, host):
                found.append(Hop(host, out.port, "verify", (), "sts"))
            else:
                troubles.append(("sts", host, "validation-failure"))
        else:
            found.append(Hop(host, out.port, "may", (), "sts"))
    if not found:
        raise unknown
    return Route(tuple(found), tuple(troubles))


async def _hosts(config: Config, lookup: Lookup, domain: str) -> tuple[list[str], bool]:
    """Names by preference, and whether DNSSEC vouches for them."""
    try:
        answer = await lookup.ask(domain, "MX")
    except NoSuchName:
        raise NoMailHere("the domain does not exist") from None
    if not answer.records:
        if not await addresses(lookup, domain):
            raise NoMailHere("the domain has neither MX nor address")
        return [domain], answer.secure
    found = [(mx.preference, str(mx.exchange).rstrip(".").lower()) for mx in answer.records]
    shuffle(found)  # hosts of one preference share the load (RFC 5321 section 5.1)
    found.sort(key=lambda one: one[0])
    if not any(host for _, host in found):
        raise NoMailHere("the domain takes no mail (null MX)", "5.1.10")
    ours = [preference for preference, host in found if host == config.host.lower()]
    if ours:  # RFC 5321 section 5.1: hosts that are no better than ourselves would send it back
        found = [(preference, host) for preference, host in found if preference < ours[0]]
        if not found:
            raise NoMailHere("its mail comes back to us", "5.4.6")
    return [host for _, host in found if host], answer.secure


async def _tlsa(lookup: Lookup, host: str, port: int) -> tuple[Tlsa, ...] | None:
    """Records that DNSSEC vouches for; None where there are none.  Raises RouteUnknown: trouble is no permission."""
    try:
        if not any([(await lookup.ask(host, kind)).secure for kind in ("A", "AAAA")]):
            return None
        answer = await lookup.ask(f"_{port}._tcp.{host}", "TLSA")
    except NoSuchName:
        return None
    if not answer.secure or not answer.records:
        return None
    return tuple(Tlsa(r.usage, r.selector, r.mtype, bytes(r.cert)) for r in answer.records)


async def addresses(lookup: Lookup, host: str) -> list[str]:
    """IP addresses, of IPv6 and IPv4 in turn.  Raises RouteUnknown."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    by_kind: list[list[str]] = []
    trouble: RouteUnknown | None = None
    for kind in ("AAAA", "A"):
        try:
            found: Found = await lookup.ask(host, kind)
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
