"""Cautions about a message, from its parsed authors and the places its links lead to.

Names are decoded after the addresses were separated (RFC 2047 section 6.2): an encoded word is never an address and no
comma in one parts two authors.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.mail.reading.fields import Header
from mailcore.services.webmail import links

MAX_AUTHORS = 20  # that are looked at
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to be careful about; the portal says it in words.

    Kinds: unconfirmed (DMARC failed), lookalike (`shown` is the sender's domain, `real` the known one), name (the
    sender's name holds the address `shown`, the sender is `real`), link (words `shown` lead to `real`).
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
        if other := links.looks_like(author.domain, (core.config.domain, *known)):
            found.append(Caution("lookalike", links.unmistakable(author.domain), other))
        for claimed in _addresses_in(author.name):
            if claimed.rpartition("@")[2].lower() != author.domain:
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


def _failed(core: Core, fields: Header) -> bool:
    """Say if DMARC failed.  Only our own field counts; others could have written theirs."""
    ours = f"{core.config.host};".lower()
    return any(
        value.lower().startswith(ours) and "dmarc=fail" in value.lower()
        for value in fields.values("authentication-results")
    )
