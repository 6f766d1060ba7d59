"""Cautions about a message, from its parsed authors and the places its links lead to.

Names are decoded after the addresses were separated (RFC 2047 section 6.2): an encoded word is never an address and no
comma in one parts two authors.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.mail.judging import links
from mailcore.mail.reading.fields import Header

MAX_AUTHORS = 20  # that are looked at
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")


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


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    address: str
    domain: str


def find_cautions(core: Core, fields: Header, html: str, known: tuple[str, ...]) -> tuple[Caution, ...]:
    """Everything to be careful about, each once.

    Args:
        html: what is shown as HTML.
        known: domains that the reader has written to.
    """
    found: list[Caution] = []
    if _failed(core, fields):
        found.append(Caution("unconfirmed"))
    for author in _authors(fields):
        if other := links.looks_like(author.domain, (*core.config.mail_domains, *known)):
            found.append(Caution("lookalike", links.unmistakable(author.domain), other))
        for claimed in _addresses_in(author.name):
            if claimed.rpartition("@")[2].lower() != author.domain and not _is_of_list(core, fields, author, claimed):
                found.append(Caution("name", claimed, author.address))
                break
    found += [Caution("link", words[:200], target) for words, target in links.mismatches(html)]
    return tuple(dict.fromkeys(found))


def _authors(fields: Header) -> list[_Author]:
    return [
        _Author(one.name, one.spec, one.host.lower().rstrip(".")) for one in fields.authors[:MAX_AUTHORS] if one.host
    ]


def _addresses_in(name: str) -> Iterator[str]:
    """Yield what readers take for an address: full-width letters, invisible marks and spaces around the @ hide none."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", name[:1000]) if unicodedata.category(c) != "Cf")
    parts = plain.split("@")
    for before, behind in zip(parts, parts[1:], strict=False):
        local, host = _LOCAL.search(before.rstrip()[-64:]), _HOST.match(behind.lstrip())
        if local and host:
            yield f"{local[0]}@{host[0]}"


def _is_of_list(core: Core, fields: Header, author: _Author, claimed: str) -> bool:
    """Say if the name is of the form `ann@example.org via List`, by a mailing list that is what it says it is.

    Lists write so where the author's DMARC policy would have others refuse the message.  The List-Id (RFC 2919) must be of the
    author's domain, and that domain authenticated.  An address of ours in a name is warned of in any case.
    """
    if claimed.rpartition("@")[2].lower() in core.config.mail_domains or f"{claimed} via " not in author.name:
        return False
    lists = (value.rpartition("<")[2].partition(">")[0].strip().lower() for value in fields.values("list-id"))
    return any(_is_within(one, author.domain) for one in lists) and _passed(core, fields, author.domain)


def _is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


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
        if "dkim=pass" in words[:1] and _is_within(domain, named.get("header.d", "-")):
            return True
    return False
