"""Octets in a charset that strangers name: text parts, and the encoded words of header fields (RFC 2047).

Linear in the octets and never raises: whoever writes to us chooses both.
"""

import binascii
import re
from encodings import normalize_encoding
from encodings.aliases import aliases

# Others are not looked for: Python would search the disk for each and remember it for good, and some of its codecs
# that are no charsets (punycode) take the square of the time.
_CHARSETS = frozenset({*aliases, *aliases.values(), "cp737", "cp856", "cp874", "koi8_t", "koi8_u"})
_WORD = re.compile(r"=\?([^?\s]{1,100})\?([BbQq])\?")


def in_charset(octets: bytes, charset: str) -> str:
    """In one that is not known, as Latin-1."""
    if octets and normalize_encoding(charset).lower() in _CHARSETS:
        try:
            return octets.decode(charset, "replace")
        except (LookupError, ValueError):  # base64 and the like are among the codecs
            pass
    return octets.decode("latin-1")


def words_read(text: str) -> str:
    """The text with its encoded words read; spaces between two of them go (section 6.2), broken ones stay as written."""
    found: list[str] = []
    held, charset = b"", ""  # neighbours in one charset are read together: some programs cut a character in two
    at = 0
    while begin := _WORD.search(text, at):
        end = text.find("?=", begin.end())
        if end < 0:
            break
        octets = _octets(begin[2], text[begin.end() : end])
        between = text[at : begin.start()]
        at = end + 2
        if octets is None:
            found += [in_charset(held, charset), between, text[begin.start() : at]]
            held, charset = b"", ""
            continue
        named = begin[1].partition("*")[0].lower()  # a language may follow (RFC 2231 section 5)
        if charset and not between.strip() and named == charset:
            held += octets
            continue
        found += [in_charset(held, charset), "" if charset and not between.strip() else between]
        held, charset = octets, named
    return "".join((*found, in_charset(held, charset), text[at:]))


def _octets(encoding: str, written: str) -> bytes | None:
    octets = written.encode("utf-8", "replace")
    if encoding in "Qq":
        return binascii.a2b_qp(octets, header=True)
    try:
        return binascii.a2b_base64(octets + b"===")  # missing padding is common
    except binascii.Error:
        return None
