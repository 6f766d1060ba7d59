"""IMAP's nstring (RFC 9051 section 9), of which ENVELOPE and BODYSTRUCTURE consist."""

import re

_PLAIN = re.compile(rb"[^\r\n\0\x80-\xff\\\"]*\Z")
_QUOTABLE = re.compile(rb"[^\r\n\0\x80-\xff]*\Z")


def string(value: bytes | str | None) -> bytes:
    """An IMAP nstring: quoted where it can be, else a literal."""
    if value is None:
        return b"NIL"
    octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if len(octets) < 1000 and _PLAIN.match(octets):
        return b'"%b"' % octets
    if len(octets) < 1000 and _QUOTABLE.match(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    octets = octets.replace(b"\0", b"")
    return b"{%d}\r\n%b" % (len(octets), octets)
