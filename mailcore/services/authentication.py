"""Is a message from whom it says?  SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489), judged once on arrival.

DNS that is remembered is asked on the spot; only what must be fetched, or a signature that must be verified,
goes to a thread.  DNS trouble is `temperror`: it never refuses a message and never vouches for one.
"""

import secrets
from dataclasses import dataclass
from functools import cache

import dkim
import spf
from publicsuffixlist import PublicSuffixList

from mailcore.core import Core
from mailcore.domain import Disposition, Envelope, Verdict
from mailcore.log import log_for
from mailcore.mail import address, authresults, header
from mailcore.mail.octets import Octets
from mailcore.names import DnsTrouble, NotKnownYet, Records, text_of
from mailcore.services import arc, signatures
from mailcore.services.signatures import Ask

log = log_for(__name__)
MAX_SIGNATURES = 5  # more are not looked at
_STEPS = {"reject": "quarantine", "quarantine": "none"}


async def judge(core: Core, envelope: Envelope, octets: Octets) -> Verdict:
    """What the checks say of a message from outside."""
    block, _ = header.split(octets)
    if not header.raw_values(block, "dkim-signature") and not header.raw_values(block, "arc-seal"):
        try:
            return _judge(core, envelope, block, octets, core.names.remembered)
        except NotKnownYet:
            pass
    return await core.threads.wait(_judge, core, envelope, block, octets, core.names.lookup)


def _judge(core: Core, envelope: Envelope, block: bytes, octets: Octets, ask: Ask) -> Verdict:
    named = (spec.lower() for value in header.raw_values(block, "from") for spec in address.addr_specs(value))
    authors = list(dict.fromkeys(named))  # some programs write `me@x.example <me@x.example>`
    author = _ascii(authors[0].rpartition("@")[2]) if authors else ""
    spf_result, spf_domain = _spf(core, envelope, ask)
    signed = _dkim(block, octets, ask)
    policy = _policy(author, ask)
    spf_aligned = spf_result == "pass" and aligned(spf_domain, author, policy.aspf)
    dkim_aligned = any(one.result == "pass" and aligned(one.domain, author, policy.adkim) for one in signed)
    dmarc = _dmarc(policy, spf_aligned or dkim_aligned, [spf_result, *(one.result for one in signed)])
    several = len(header.raw_values(block, "from")) > 1 or len(authors) > 1
    results = [("spf", spf_result, [("smtp.mailfrom" if envelope.sender else "smtp.helo", spf_domain)])]
    results += [("dkim", one.result, [("header.d", one.domain), ("header.s", one.selector)]) for one in signed]
    if author:
        results.append(("dmarc", dmarc, [("header.from", author), ("policy.dmarc", policy.p)]))
    chain = arc.verify(block, octets, ask)
    if chain.result != "none":
        results.append(("arc", chain.result, [("header.d", domain) for domain in chain.sealers[:1]]))
    # RFC 8617 section 7.2: the site's own policy
    sealed = chain.dmarc_passed and set(chain.sealers) <= set(core.config.incoming.sealers)
    disposition = Disposition.ACCEPT if sealed else _disposition(dmarc, policy)
    return Verdict(
        author=author, spf=spf_result, dkim="pass" if any(s.result == "pass" for s in signed) else "none",
        dmarc=dmarc, policy=policy.p, spf_aligned=spf_aligned, dkim_aligned=dkim_aligned, several_authors=several, sealed=sealed,
        disposition=disposition, field=authresults.field(core.config.host, results), outside=True,
    )  # fmt: skip


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

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[object]:
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


def _spf(core: Core, envelope: Envelope, ask: Ask) -> tuple[str, str]:
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


def _dkim(block: bytes, octets: Octets, ask: Ask) -> list[_Signature]:
    count = min(len(header.raw_values(block, "dkim-signature")), MAX_SIGNATURES)
    if not count:
        return []

    try:
        verifier = signatures.Dkim(block, octets)
    except dkim.DKIMException:
        return [_Signature("permerror", "", "")]
    return [_verified(verifier, index, signatures.Keys(ask)) for index in range(count)]


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


@dataclass(frozen=True, slots=True)
class _Policy:
    """`p` is what holds for this very domain; "" where none is published, or DNS did not say (`trouble`)."""

    p: str = ""
    aspf: str = "r"
    adkim: str = "r"
    percent: int = 100
    trouble: bool = False


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisational(domain: str) -> str:
    """RFC 7489 section 3.2."""
    return _suffixes().privatesuffix(domain) or domain


def aligned(domain: str, author: str, mode: str) -> bool:
    if not domain or not author:
        return False
    return domain == author or (mode != "s" and organisational(domain) == organisational(author))


def _policy(author: str, ask: Ask) -> _Policy:
    if not author:
        return _Policy()
    try:
        found = _record(author, ask)
        if found is not None:
            return _read(found, found.get("p", ""))
        parent = organisational(author)
        found = _record(parent, ask) if parent != author else None
        return _read(found, found.get("sp") or found.get("p", "")) if found is not None else _Policy()
    except DnsTrouble:
        return _Policy(aspf="s", adkim="s", trouble=True)  # as strict as it may be


def _record(domain: str, ask: Ask) -> dict[str, str] | None:
    texts = [text for text in map(text_of, ask(f"_dmarc.{domain}", "TXT")) if text.replace(" ", "").startswith("v=DMARC1")]
    if len(texts) != 1:
        return None
    pairs = (part.partition("=") for part in texts[0].split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}


def _read(tags: dict[str, str], p: str) -> _Policy:
    percent = tags.get("pct", "100")
    return _Policy(
        p if p in ("reject", "quarantine") else "none", tags.get("aspf", "r"), tags.get("adkim", "r"),
        min(int(percent), 100) if percent.isdigit() else 100,
    )  # fmt: skip


def _dmarc(policy: _Policy, passes: bool, checks: list[str]) -> str:
    if policy.trouble:
        return "temperror"
    if not policy.p:
        return "none"
    if passes:
        return "pass"
    return "temperror" if "temperror" in checks else "fail"


def _disposition(dmarc: str, policy: _Policy) -> Disposition:
    if dmarc != "fail":
        return Disposition.ACCEPT
    p = policy.p
    if policy.percent < 100 and secrets.randbelow(100) >= policy.percent:  # RFC 7489 section 6.6.4
        p = _STEPS.get(p, p)
    return {"reject": Disposition.REFUSE, "quarantine": Disposition.JUNK}.get(p, Disposition.ACCEPT)
