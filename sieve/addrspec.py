"""An address as it is written and as it means (RFC 5321 section 4.1.2): `"ola"@a.example` and `ola@a.example` are one mailbox.

The one place that quotes and unquotes local parts; whoever compares addresses compares what comes from here.
"""

import re
from typing import NamedTuple

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
QUOTED = rf'"(?:[^"\\{_CONTROL}]|\\[^{_CONTROL}])*"'
# Words parted by dots (RFC 5322 section 4.4); an unquoted one may hold what no standard allows and people have.
_WORD = rf'(?:{QUOTED}|[^.@\s<>"{_CONTROL}]*)'
LOCAL = rf"{_WORD}(?:\.{_WORD})*"
_WHOLE = re.compile(rf'({LOCAL})@([^@\s<>"{_CONTROL}]+)')
_WORDS = re.compile(rf"{QUOTED}|[^\"]+")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
# A local part that needs no quotes: RFC 5322 section 3.2.3, with the letters of RFC 6532.
_ATOM = rf'[^\s"(),.:;<>@\[\]\\{_CONTROL}]+'
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


class AddrSpec(NamedTuple):
    """A mailbox: `local` without quotes and quoted pairs."""

    local: str
    domain: str

    def written(self) -> str:
        """`local@domain`, quoted only where it must be."""
        return f"{quoted_local(self.local)}@{self.domain}"


def quoted_local(local: str) -> str:
    """A local part as it is written: as it is if it can be, else in quotes."""
    return local if _PLAIN.fullmatch(local) else '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def unquoted_local(written: str) -> str:
    """Unquote a local part; one that is not well quoted is returned as it is."""
    if '"' not in written or not re.fullmatch(LOCAL, written):
        return written
    return "".join(_PAIR.sub(r"\1", word[1:-1]) if word[0] == '"' else word for word in _WORDS.findall(written))


def read_addr_spec(text: str) -> AddrSpec | None:
    """`local@domain` and nothing around it, or None.  A local part may be empty, or have dots in odd places."""
    found = _WHOLE.fullmatch(text)
    return AddrSpec(unquoted_local(found[1]), found[2]) if found and found[1] else None


def normal_address(text: str) -> str:
    """The address with its local part quoted only where it must be; what is no address stays as it is.

    An unquoted local part stays as it is, whatever it holds: the next server may know such a name.
    """
    if '"' not in text:
        return text
    found = read_addr_spec(text)
    return found.written() if found else text


def comparable(text: str) -> str:
    """Return one text for each mailbox: what the address means, in lower case."""
    found = read_addr_spec(text) if '"' in text else None
    return (f"{found.local}@{found.domain}" if found else text).lower()
