"""Encoded words (RFC 2047) as programs write them: the text of an unstructured field, of a phrase, of a file name.

Fields are parsed before words are decoded (section 6.2): nothing that a word says is an address, a separator or an
identifier.  Linear in the octets and never raises.
"""

import binascii
import re

from mailcore.mail.reading import charsets
from mailcore.mail.reading.transfer import unbase64

_ENDS_OF_TWO, _ENDS_OF_THREE = b"AQgw=", b"AEIMQUYcgkosw048="
_BESIDE = re.compile(rb"\s{0,1000}+=\?([^?\s]{0,100})\?[Bb]\?")
_WORD = re.compile(rb"=\?([^?\s]{0,100})\?([BbQq])\?")


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
        between = value[at : begin.start()]
        written, at = _whole(value, begin, end)
        octets = _octets(begin[2], written)
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


def _whole(value: bytes, begin: re.Match[bytes], end: int) -> tuple[bytes, int]:
    """Return what is written in a word, and where it ends; base64 that was cut within four digits goes on in the next word."""
    written, at = value[begin.end() : end], end + 2
    if begin[2] in b"Qq":
        return written, at
    pieces, length = [written], len(written)
    while (
        _is_cut(length, pieces[-1])
        and (after := _BESIDE.match(value, at))
        and after[1].lower() == begin[1].lower()
        and (end := value.find(b"?=", after.end())) >= 0
    ):
        pieces.append(value[after.end() : end])
        length += end - after.end()
        at = end + 2
    return b"".join(pieces), at


def _is_cut(length: int, last: bytes) -> bool:
    """Say if so many digits of base64 cannot be the end: what only lacks its padding ends with bits that are not used."""
    match length % 4:
        case 1:
            return True
        case 2:
            return last[-1:] not in _ENDS_OF_TWO
        case 3:
            return last[-1:] not in _ENDS_OF_THREE
        case _:
            return False


def _octets(encoding: bytes, written: bytes) -> bytes | None:
    """Decode the octets of an encoded word; None if they are not base64 at all."""
    if encoding in b"Qq":
        return binascii.a2b_qp(written, header=True)
    if not written.isascii():  # a name that a program put in without encoding it
        return None
    return unbase64(written) or (None if written else b"")
