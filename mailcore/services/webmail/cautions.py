"""Cautions about a message, from its parsed authors and the places its links lead to.

Names are decoded after the addresses were separated (RFC 2047 section 6.2): an encoded word is never an address and no
comma in one parts two authors.
"""

from dataclasses import dataclass
from functools import partial

from mailcore.core import Core
from mailcore.mail.judging import links
from mailcore.mail.judging.impersonation import find_impersonations, is_within
from mailcore.mail.reading.fields import Header


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to be careful about; the portal says it in words.

    Kinds: unconfirmed (DMARC failed), lookalike (`shown` is the sender's domain, `real` the known one), name (the
    sender's name holds the address `shown`, the sender is `real`; not where a mailing list wrote it), link
    (words `shown` lead to `real`).
    """

    kind: str
    shown: str = ""
    real: str = ""


def find_cautions(core: Core, fields: Header, html: str, known: tuple[str, ...]) -> tuple[Caution, ...]:
    """Everything to be careful about, each once.

    Args:
        html: what is shown as HTML.
        known: domains that the reader has written to.
    """
    found: list[Caution] = []
    if _failed(core, fields):
        found.append(Caution("unconfirmed"))
    domains = (*core.config.filter.protected, *known)
    for one in find_impersonations(fields, core.config.mail_domains, domains, partial(_passed, core, fields)):
        shown = links.unmistakable(one.shown) if one.kind == "lookalike" else one.shown
        found.append(Caution(one.kind, shown, one.real))
    found += [Caution("link", words[:200], target) for words, target in links.mismatches(html)]
    return tuple(dict.fromkeys(found))


def own_results(core: Core, fields: Header) -> list[str]:
    """List the results of our own checks.  Only our own field counts; others could have written theirs."""
    ours = f"{core.config.host};".lower()
    return [
        result.strip()
        for value in fields.values("authentication-results")
        if value.lower().startswith(ours)
        for result in value.lower().split(";")[1:]
    ]


def _failed(core: Core, fields: Header) -> bool:
    return any("dmarc=fail" in result for result in own_results(core, fields))


def _passed(core: Core, fields: Header, domain: str) -> bool:
    """Say if the domain has said that the message is its own: by DMARC, or by a DKIM signature where it has no policy."""
    for result in own_results(core, fields):
        words = result.split()
        named = {key: value for key, _, value in (word.partition("=") for word in words)}
        if "dmarc=pass" in words[:1] and named.get("header.from") == domain:
            return True
        if "dkim=pass" in words[:1] and is_within(domain, named.get("header.d", "-")):
            return True
    return False
