"""IMAP's ENVELOPE, ready to be sent (RFC 9051 section 7.5.2)."""

import re
from collections.abc import Iterable

from mailcore.mail.asking.nstring import string
from mailcore.mail.reading import address, header

_LISTS = frozenset("from sender reply-to to cc bcc".split())  # noqa: SIM905
_FOLD = re.compile(rb"(?:(?<![ \t])[ \t]++)?+\r?\n[ \t]++")


def serialize_envelope(fields: Iterable[tuple[str, bytes]]) -> bytes:
    """Write the parenthesised list for a header's fields, names and raw values; those that are missing are NIL.

    Of fields that may occur once (RFC 5322 section 3.6) and do not, addresses are joined, as Dovecot does, and of others
    the one that counts is told.
    """
    values: dict[str, list[bytes]] = {}
    for name, value in fields:
        name = name.lower()
        if name not in _LISTS and name not in header.LAST_COUNTS:
            continue
        values.setdefault(name, []).append((_FOLD.sub(b" ", value) if b"\n" in value else value).strip())
    found = {name: b", ".join(filter(None, given)) if name in _LISTS else given[-1] for name, given in values.items()}
    author = _addresses(found.get("from"))
    words = [string(found.get("date")), string(found.get("subject")), author]
    for name in ("sender", "reply-to"):
        given = _addresses(found.get(name))
        words.append(author if given == b"NIL" else given)
    words += [_addresses(found.get(name)) for name in ("to", "cc", "bcc")]
    words += [string(found.get("in-reply-to")), string(found.get("message-id"))]
    return b"(" + b" ".join(words) + b")"


def _addresses(value: bytes | None) -> bytes:
    if not value:
        return b"NIL"
    found = b"".join(_write_address(one) for one in address.parse_raw(value))
    return b"(" + found + b")" if found else b"NIL"


def _write_address(one: address.RawAddress) -> bytes:
    return b"(" + b" ".join((string(one.name), string(one.route), string(one.local), string(one.host))) + b")"
