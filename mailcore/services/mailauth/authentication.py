"""Authentication of a message's sender: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989), judged once on arrival.

DNS that is remembered is asked on the spot; only what must be fetched, or a signature that must be verified,
goes to a thread.  DNS trouble is `temperror`: it never refuses a message and never vouches for one.
"""

import re
import secrets
import time
from dataclasses import dataclass

import dkim
import spf

from mailcore.core import Core
from mailcore.domain import Disposition, Envelope, Verdict
from mailcore.log import log_for
from mailcore.mail.passing import authresults
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.organisation import organisational
from mailcore.net.dns import DnsTrouble, NotKnownYet, Records
from mailcore.services.mailauth import arc, dmarc, signatures
from mailcore.services.mailauth.dmarc import Policy
from mailcore.services.mailauth.signatures import Ask

log = log_for(__name__)
MAX_SIGNATURES = 5  # more are not looked at
SPF_SECONDS = 20  # for all look-ups of one message (RFC 7208 section 4.6.4): others wait for the thread
_DOMAIN = re.compile(rb"(?:^|;)\s*d\s*=\s*([^;\s]+)")
_STEPS = {"reject": "quarantine", "quarantine": "none"}


async def judge(core: Core, envelope: Envelope, message: Message) -> Verdict:
    """Check a message from outside and return the verdict."""
    if not message.header.has("dkim-signature") and not message.header.has("arc-seal"):
        try:
            return _judge(core, envelope, message, core.dns.remembered)
        except NotKnownYet:
            pass
    return await core.threads.run_waiting(_judge, core, envelope, message, core.dns.lookup)


def _judge(core: Core, envelope: Envelope, message: Message, ask: Ask) -> Verdict:
    fields = message.header
    named = (one.spec.lower() for one in fields.authors if one.localpart and one.host)
    authors = list(dict.fromkeys(named))  # some programs write `me@x.example <me@x.example>`
    author = _ascii(authors[0].rpartition("@")[2]) if authors else ""
    policy = dmarc.policy(author, ask)
    spf_result, spf_domain = _spf(envelope, ask)
    signed = _dkim(message, ask, author)
    by_spf = _related(spf_result, spf_domain, author, policy.aspf, ask)
    by_dkim = [_related(one.result, one.domain, author, policy.adkim, ask) for one in signed]
    result = _dmarc(policy, [by_spf, *by_dkim])
    # one policy can be asked for several authors of one domain (RFC 5322 section 3.6.2), not for several domains
    several = len(fields.raw_values("from")) > 1 or len({spec.rpartition("@")[2] for spec in authors}) > 1
    results = [("spf", spf_result, [("smtp.mailfrom" if envelope.sender else "smtp.helo", spf_domain)])]
    results += [("dkim", one.result, [("header.d", one.domain), ("header.s", one.selector)]) for one in signed]
    if author:
        results.append(("dmarc", result, [("header.from", author), ("policy.dmarc", policy.p)]))
    chain = arc.verify(message, ask)
    if chain.result != "none":
        results.append(("arc", chain.result, [("header.d", domain) for domain in chain.sealers[:1]]))
    # RFC 8617 section 7.2: the site's own policy
    sealed = chain.dmarc_passed and set(chain.sealers) <= set(core.config.incoming.sealers)
    disposition = Disposition.ACCEPT if sealed else _disposition(result, policy)
    return Verdict(
        author=author,
        spf=spf_result,
        dkim="pass" if any(s.result == "pass" for s in signed) else "none",
        dmarc=result,
        policy=policy.p,
        spf_aligned=by_spf == "pass",
        dkim_aligned="pass" in by_dkim,
        several_authors=several,
        sealed=sealed,
        disposition=disposition,
        field=authresults.field(core.config.host, results),
        outside=True,
    )


def _ascii(domain: str) -> str:
    try:
        return domain.strip().rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return ""


# SPF


class _Spf(spf.query):  # type: ignore[misc]  # pyspf has no types
    """pyspf with our DNS: its own look-up knows no servers but the system's."""

    def __init__(self, ask: Ask, ip: str, sender: str, helo: str) -> None:
        super().__init__(i=ip, s=sender, h=helo)
        self._ask = ask
        self._end = time.monotonic() + SPF_SECONDS

    # pyspf names what it gives
    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[object]:  # noqa: ARG002
        if time.monotonic() > self._end:
            raise spf.TempError("it takes too long")
        try:
            records = self._ask(str(name).rstrip("."), qtype)
        except DnsTrouble:
            raise spf.TempError("DNS did not answer") from None
        if not records and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many look-ups without an answer")
        return [_plain(qtype, record) for record in records]


def _plain(qtype: str, record: object) -> object:
    """A record in the form that pyspf knows."""
    r: Records = (record,)
    match qtype:
        case "TXT" | "SPF":
            return r[0].strings
        case "MX":
            return r[0].preference, r[0].exchange.to_text(True)
        case "PTR":
            return r[0].target.to_text(True)
    return r[0].address


def _spf(envelope: Envelope, ask: Ask) -> tuple[str, str]:
    """Result, and the domain it is about: of the envelope sender, else of HELO (RFC 7208 section 2.4)."""
    domain = _ascii(envelope.sender.rpartition("@")[2]) if envelope.sender else _ascii(envelope.helo)
    if not domain or not envelope.peer:
        return "none", domain
    sender = f"{envelope.sender.rpartition('@')[0] or 'postmaster'}@{domain}"
    try:
        result, _code, _text = _Spf(ask, envelope.peer, sender, envelope.helo).check()
    except NotKnownYet:
        raise
    except Exception:  # a library that walks strangers' records
        log.info("SPF of %s cannot be read", domain)
        return "permerror", domain
    return str(result), domain


# DKIM


@dataclass(frozen=True, slots=True)
class _Signature:
    result: str
    domain: str
    selector: str


def _dkim(message: Message, ask: Ask, author: str) -> list[_Signature]:
    written = message.header.raw_values("dkim-signature")
    if not written:
        return []

    try:
        verifier = signatures.Dkim(message.header.block, message.octets)
    except dkim.DKIMException:
        return [_Signature("permerror", "", "")]
    return [_verified(verifier, index, signatures.Keys(ask)) for index in _looked_at(written, author)]


def _looked_at(written: list[bytes], author: str) -> list[int]:
    """Those of the author's organisation first: each house on the way may have put its own above them."""
    if len(written) <= MAX_SIGNATURES:
        return list(range(len(written)))
    found = (_DOMAIN.search(value) for value in written)
    domains = [one[1].decode("ascii", "replace").lower() if one else "" for one in found]
    own = organisational(author)
    return sorted(range(len(written)), key=lambda n: organisational(domains[n]) != own)[:MAX_SIGNATURES]


def _verified(verifier: signatures.Dkim, index: int, key: signatures.Keys) -> _Signature:
    try:
        result = "pass" if verifier.verify(index, dnsfunc=key) else "fail"
    except DnsTrouble:
        result = "temperror"
    except dkim.ValidationError:
        result = "fail"
    except Exception:  # a library that reads strangers' fields and keys
        result = "permerror"
    fields = getattr(verifier, "signature_fields", None) or {}
    agent = fields.get(b"i", b"").rpartition(b"@")[2].strip().lower()
    if key.exact and agent not in (b"", fields.get(b"d", b"").strip().lower()):
        result = "fail"
    words = [fields.get(tag, b"").decode("ascii", "replace").strip() for tag in (b"d", b"s")]
    return _Signature(result, words[0].lower(), words[1])


# DMARC


def _related(result: str, domain: str, author: str, mode: str, ask: Ask) -> str:
    """The result where it says something of the author, else ""."""
    return result if result in ("pass", "temperror") and dmarc.aligned(domain, author, mode, ask) else ""


def _dmarc(policy: Policy, related: list[str]) -> str:
    """`related`: what came of the checks of names that are of the author's organisation.

    No other counts: whose name servers fail when they please would have a way around every policy.
    """
    if policy.trouble:
        return "temperror"
    if not policy.p:
        return "none"
    return next((result for result in ("pass", "temperror") if result in related), "fail")


def _disposition(result: str, policy: Policy) -> Disposition:
    if result != "fail":
        return Disposition.ACCEPT
    p = policy.p
    if policy.percent < 100 and secrets.randbelow(100) >= policy.percent:  # RFC 7489 section 6.6.4
        p = _STEPS.get(p, p)
    return {"reject": Disposition.REFUSE, "quarantine": Disposition.JUNK}.get(p, Disposition.ACCEPT)
