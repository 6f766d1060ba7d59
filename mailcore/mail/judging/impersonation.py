"""Authors who are not whom a reader takes them for: names that hold another address, domains that look like known ones.

Names are decoded after the addresses were separated (RFC 2047 section 6.2): an encoded word is never an address and no
comma in one parts two authors.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailcore.mail.judging import links
from mailcore.mail.reading.fields import Header

MAX_AUTHORS = 20  # that are looked at
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")
Passed = Callable[[str], bool]  # the domain has said that the message is its own


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Something about an author to be careful of.

    Attributes:
        kind: lookalike (`shown` is the author's domain, `real` the known one), or name (the author's name holds the address
            `shown`, the author is `real`; the sender of the envelope where From has no address at all).
    """

    kind: str
    shown: str
    real: str


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    address: str
    domain: str


def find_impersonations(
    fields: Header, ours: Sequence[str], known: Sequence[str], passed: Passed
) -> Iterator[Impersonation]:
    """Find what is wrong with the authors of a message.

    Args:
        ours: domains of ours.
        known: other domains that strangers may imitate.
    """
    for author in _authors(fields):
        if author.domain and (other := links.looks_like(author.domain, (*ours, *known))):
            yield Impersonation("lookalike", author.domain, other)
        for claimed in _addresses_in(author.name):
            domain = claimed.rpartition("@")[2].lower()
            if domain != author.domain and (domain in ours or not _is_of_list(fields, author, claimed, passed)):
                yield Impersonation("name", claimed, author.address or _sender(fields))
                break


def _authors(fields: Header) -> list[_Author]:
    return [
        _Author(one.name, one.spec, one.host.lower().rstrip("."))
        for one in fields.authors[:MAX_AUTHORS]
        if one.host or one.name
    ]


def _sender(fields: Header) -> str:
    return next((one.spec for one in fields.addresses("return-path") if one.host), "<>")


def _addresses_in(name: str) -> Iterator[str]:
    """Yield what readers take for an address: full-width letters, invisible marks and spaces around the @ hide none."""
    if "@" not in name and name.isascii():
        return
    plain = "".join(c for c in unicodedata.normalize("NFKC", name[:1000]) if unicodedata.category(c) != "Cf")
    parts = plain.split("@")
    for before, behind in zip(parts, parts[1:], strict=False):
        local, host = _LOCAL.search(before.rstrip()[-64:]), _HOST.match(behind.lstrip())
        if local and host:
            yield f"{local[0]}@{host[0]}"


def _is_of_list(fields: Header, author: _Author, claimed: str, passed: Passed) -> bool:
    """Say if the name is of the form `ann@example.org via List`, by a mailing list that is what it says it is.

    Lists write so where the author's DMARC policy would have others refuse the message.  The List-Id (RFC 2919) must be of the
    author's domain, and that domain authenticated.  An address of ours in a name is warned of in any case.
    """
    if not author.domain or f"{claimed} via " not in author.name:
        return False
    lists = (value.rpartition("<")[2].partition(">")[0].strip().lower() for value in fields.values("list-id"))
    return any(is_within(one, author.domain) for one in lists) and passed(author.domain)


def is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
