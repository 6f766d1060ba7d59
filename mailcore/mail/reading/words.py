"""Encoded words (RFC 2047) as programs write them: the text of an unstructured field, of a phrase, of a file name.

Fields are parsed before words are decoded (section 6.2): nothing that a word says is an address, a separator or an
identifier.  Linear in the octets and never raises.
"""

import binascii
import re

from mailcore.mail.reading import charsets
from mailcore.mail.reading.transfer import unbase64

_WORD = re.compile(rb"=\?([^?\s]{1,100})\?([BbQq])\?")


def decode(value: bytes) -> str:
    """Decode text for people: encoded words decoded, other octets as undeclared text.

    Spaces between two words go; a word without an end, or that is not in its encoding, stays as written.
    """
    if b"=?" not in value:
        return charsets.decode_undeclared(value)
    found: list[str] = []
    held, charset = b"", ""  # neighbours in one charset are decoded together: some programs cut a character in two
    at = 0
    while begin := _WORD.search(value, at):
        end = _end(value, begin.end(), begin[2])
        if end < 0:
            break
        octets = _octets(begin[2], value[begin.end() : end])
        between = value[at : begin.start()]
        at = end + 2
        if octets is None:
            found += [charsets.decode(held, charset), charsets.decode_undeclared(between + value[begin.start() : at])]
            held, charset = b"", ""
            continue
        named = begin[1].partition(b"*")[0].decode("latin-1").lower()  # a language may follow (RFC 2231 section 5)
        beside = bool(charset) and not between.strip()
        if beside and named == charset:
            held += octets
            continue
        found += [charsets.decode(held, charset), "" if beside else charsets.decode_undeclared(between)]
        held, charset = octets, named
    return "".join((*found, charsets.decode(held, charset), charsets.decode_undeclared(value[at:])))


def _end(value: bytes, start: int, encoding: bytes) -> int:
    """Find the `?=` that ends a word, or -1.  In Q a `?` that should have been encoded may stand before a `=XX`."""
    end = value.find(b"?=", start)
    if encoding in b"Qq":
        while end >= 0 and _HEX.match(value, end + 2) and _closed_later(value, end + 2):
            end = value.find(b"?=", end + 2)
    return end


_HEX = re.compile(rb"[0-9A-F]{2}")
_LATER = re.compile(rb"[!-<>@-~=]{0,75}\?=")


def _closed_later(value: bytes, start: int) -> bool:
    """Does the same word go on to another `?=`, with no space before it?"""
    return bool(_LATER.match(value, start))


def _octets(encoding: bytes, written: bytes) -> bytes | None:
    """Decode the octets of an encoded word; None if they are not base64 at all."""
    if encoding in b"Qq":
        return binascii.a2b_qp(written, header=True)
    if not written.isascii():  # a name that a program put in without encoding it
        return None
    return unbase64(written) or (None if written else b"")
