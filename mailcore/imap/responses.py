"""What the server says, as octets ready for the wire.  No I/O."""

from dataclasses import dataclass
from functools import lru_cache
from time import gmtime

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


@lru_cache(maxsize=4096)
@lru_cache(maxsize=4096)  # a mailbox has few combinations
def flag_list(flags: frozenset[str]) -> bytes:
    return b"(" + " ".join(sorted(flags)).encode("ascii", "replace") + b")"


def flag_update(seq: int, uid: int, flags: frozenset[str], *, with_uid: bool = False) -> bytes:
    """FETCH with FLAGS, RFC 9051 section 7.5.2; with UID after a UID command."""
    if with_uid:
        return b"* %d FETCH (UID %d FLAGS %s)\r\n" % (seq, uid, flag_list(flags))
    return b"* %d FETCH (FLAGS %s)\r\n" % (seq, flag_list(flags))


def date_time(seconds: int) -> bytes:
    """date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE"""
    year, month, day, hour, minute, second, *_ = gmtime(seconds)
    return b'"%2d-%s-%04d %02d:%02d:%02d +0000"' % (day, _MONTHS[month - 1], year, hour, minute, second)


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(octets), octets)


def string(octets: bytes) -> bytes:
    """The shortest form that can carry the octets."""
    if len(octets) < 200 and octets.isascii() and not any(char in octets for char in b'\r\n"\\\0'):
        return b'"' + octets + b'"'
    return literal(octets)


def untagged(text: bytes) -> bytes:
    return b"* " + text + b"\r\n"


@dataclass(frozen=True, slots=True)
class Tagged:
    """The closing answer to one command, RFC 9051 section 7.1."""

    tag: bytes
    status: str
    text: str
    code: str = ""

    def serialize(self) -> bytes:
        code = f"[{self.code}] " if self.code else ""
        return self.tag + f" {self.status} {code}{self.text}\r\n".encode("ascii", "replace")
