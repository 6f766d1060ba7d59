"""IMAP's ENVELOPE, ready to be sent (RFC 9051 section 7.5.2)."""

import re

from mailcore.mail import address
from mailcore.mail.nstring import string

_NAMES = (b"date", b"subject", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"in-reply-to", b"message-id")
_LISTS = frozenset((b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"))
_FIELD = re.compile(
    rb"(?im)^(" + b"|".join(_NAMES) + rb")[ \t]*:((?:[^\r\n]++|\r(?!\n)|\r?\n[ \t])*+)"
)
_FOLD = re.compile(rb"[ \t]*+\r?\n[ \t]++")


def serialize_envelope(block: bytes) -> bytes:
    """The parenthesised list for a header block; fields that are missing are NIL.

    Of fields that may occur once (RFC 5322 section 3.6) and do not, addresses are joined and of others the last is told,
    as Dovecot does.
    """
    found: dict[bytes, bytes] = {}
    for m in _FIELD.finditer(block):
        name, value = m[1].lower(), m[2]
        value = (_FOLD.sub(b" ", value) if b"\n" in value else value).strip()
        if name in _LISTS and found.get(name):
            value = b"%b, %b" % (found[name], value) if value else found[name]
        found[name] = value
    author = _addresses(found.get(b"from"))
    words = [string(found.get(b"date")), string(found.get(b"subject")), author]
    for name in (b"sender", b"reply-to"):
        given = _addresses(found.get(name))
        words.append(author if given == b"NIL" else given)
    words += [_addresses(found.get(name)) for name in (b"to", b"cc", b"bcc")]
    words += [string(found.get(b"in-reply-to")), string(found.get(b"message-id"))]
    return b"(" + b" ".join(words) + b")"


def _addresses(value: bytes | None) -> bytes:
    if not value:
        return b"NIL"
    found = b"".join(_one(one) for one in address.parse_raw(value))
    return b"(" + found + b")" if found else b"NIL"


def _one(one: address.RawAddress) -> bytes:
    return b"(" + b" ".join((string(one.name), string(one.route), string(one.local), string(one.host))) + b")"
