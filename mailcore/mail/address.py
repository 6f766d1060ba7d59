"""Lists of addresses (RFC 5322 section 3.4), read leniently."""

import re
from dataclasses import dataclass
from email.utils import getaddresses

from mailcore.mail.envelope import addresses
from mailcore.mail.header import decode

# One address of plain words, as most authors are written: the library reads it the same, ten times slower.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"[ \t]*(?:({_ATOM}(?: {_ATOM})*) <)?({_ATOM}(?:\.{_ATOM})*)@({_ATOM}(?:\.{_ATOM})*)(>?)[ \t]*")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """One address.  `name` is as written (encoded words unread); a group's start and end have no host."""

    name: str | None
    localpart: str | None
    host: str | None


def parse_list(value: bytes | str) -> list[MailAddress]:
    """All addresses of a field's value; what cannot be read is left out."""
    text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
    plain = _PLAIN.fullmatch(text)
    if plain and bool(plain[1]) == bool(plain[4]):
        return [MailAddress(plain[1], plain[2], plain[3])]
    found = []
    for name, spec in _pairs(text):
        localpart, at, host = spec.rpartition("@")
        if at:
            found.append(MailAddress(name or None, localpart, host))
        elif spec:
            found.append(MailAddress(name or None, spec, ""))
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names and addresses as the library reads them; by our own reader what is nested too deep for it."""
    try:
        return getaddresses([text])
    except RecursionError:
        octets = text.encode("utf-8", "surrogateescape")
        specs = ((name or b"", b"@".join(filter(None, (local, host)))) for name, local, host in addresses(octets))
        return [(name.decode("utf-8", "surrogateescape"), spec.decode("utf-8", "surrogateescape")) for name, spec in specs]


def addr_specs(value: bytes | str) -> list[str]:
    """`localpart@host` of every address."""
    return [f"{a.localpart}@{a.host}" for a in parse_list(value) if a.localpart and a.host]


def display_name(value: bytes) -> str:
    """The first author's name for people, else the address."""
    for address in parse_list(value):
        if address.name:
            return decode(address.name.encode("utf-8", "surrogateescape"))
        return f"{address.localpart}@{address.host}"
    return ""
