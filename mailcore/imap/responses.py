"""Responses of the server, as octets ready for the wire.  No I/O."""

from dataclasses import dataclass
from functools import lru_cache


@lru_cache(maxsize=4096)  # a mailbox has few combinations
def flag_list(flags: frozenset[str]) -> bytes:
    return b"(" + " ".join(sorted(flags)).encode("ascii", "replace") + b")"


@dataclass(frozen=True, slots=True)
class ResponseStyle:
    """Form of the responses about changes: what the client has enabled, and whether a UID command runs."""

    uid: bool = False  # UID in FETCH
    modseq: bool = False  # MODSEQ in FETCH (RFC 7162 section 3.2)
    vanished: bool = False  # VANISHED instead of EXPUNGE (RFC 7162 section 3.2.10)
    uid_only: bool = False  # UIDFETCH instead of FETCH (RFC 9586)


PLAIN = ResponseStyle()


def flag_update(seq: int, uid: int, flags: frozenset[str], modseq: int = 0, style: ResponseStyle = PLAIN) -> bytes:
    """Write FETCH with FLAGS (RFC 9051 section 7.5.2)."""
    items = b"FLAGS " + flag_list(flags) + (b" MODSEQ (%d)" % modseq if style.modseq else b"")
    if style.uid_only:
        return b"* %d UIDFETCH (%s)\r\n" % (uid, items)
    if style.uid:
        return b"* %d FETCH (UID %d %s)\r\n" % (seq, uid, items)
    return b"* %d FETCH (%s)\r\n" % (seq, items)


def modseq_update(seq: int, uid: int, modseq: int, style: ResponseStyle) -> bytes:
    """Write the response to STORE .SILENT for a client that knows modseqs (RFC 7162 section 3.1.3)."""
    if style.uid_only:
        return b"* %d UIDFETCH (MODSEQ (%d))\r\n" % (uid, modseq)
    if style.uid:
        return b"* %d FETCH (UID %d MODSEQ (%d))\r\n" % (seq, uid, modseq)
    return b"* %d FETCH (MODSEQ (%d))\r\n" % (seq, modseq)


def without_nul(octets: bytes) -> bytes:
    """Replace NUL by 0x80, as a literal holds none (RFC 9051 section 9, CHAR8); BINARY has them."""
    return octets.replace(b"\0", b"\x80") if b"\0" in octets else octets


def literal(octets: bytes) -> bytes:
    octets = without_nul(octets)
    return b"{%d}\r\n%s" % (len(octets), octets)


def string(octets: bytes) -> bytes:
    """Write octets in the shortest form that can carry them."""
    if len(octets) < 200 and octets.isascii() and not any(char in octets for char in b'\r\n"\\\0'):
        return b'"' + octets + b'"'
    return literal(octets)


def quoted_or_literal(octets: bytes) -> bytes:
    """Write what may be long or hold any octet: NUL needs a literal8 (RFC 3516)."""
    return b"~" + literal(octets) if b"\0" in octets else string(octets)


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
