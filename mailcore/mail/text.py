"""The text of a message for search and for scripts: decoded parts, decoded header fields.

Read by our own structure, which bounds depth and parts: the standard library's parser recurses per level.
Nothing is raised, whatever the octets: what cannot be decoded is shown as Latin-1.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterator

from mailcore.mail import header, structure
from mailcore.mail.charsets import in_charset
from mailcore.mail.octets import BLOCK, Octets, forget

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def fold(value: str) -> str:
    """The form in which texts are compared, i;unicode-casemap in effect (RFC 5051): one case, accents apart."""
    if value.isascii():
        return value.upper()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", value).upper())


def header_text(block: bytes) -> str:
    """All fields, decoded, a line each."""
    return "\n".join(f"{name}: {header.decode(value.strip())}" for name, value in header.fields(block))


def decoded(octets: Octets) -> str:
    """The text/* parts, one after another; other parts are left out."""
    return "\n".join(part_text(octets, part) for part in structure.leaves(structure.parse(octets)) if part.type == "text")


def plain(octets: Octets) -> str:
    """The first text/plain part, else any text."""
    for part in structure.leaves(structure.parse(octets)):
        if (part.type, part.subtype) == ("text", "plain"):
            return part_text(octets, part)
    return decoded(octets)


def transfer_decoded(octets: Octets, part: structure.Part, most: int | None = None) -> bytes:
    """The octets of a part without its transfer encoding (RFC 2045 section 6); broken ones as far as they go.

    Args:
        most: how many encoded octets to look at; all, if None.
    """
    body = octets[part.body_start : part.end if most is None else min(part.end, part.body_start + most)]
    if part.encoding == "base64":
        return unbase64(body)
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body


def decoded_pieces(octets: Octets, part: structure.Part) -> Iterator[bytes]:
    """`transfer_decoded` piece by piece, so that a file of 25 MB is never in memory as a whole."""
    left = b""
    for at in range(part.body_start, part.end, BLOCK):
        block = left + octets[at : min(part.end, at + BLOCK)]
        if part.encoding == "base64":
            digits = _NOT_BASE64.sub(b"", block)
            whole = len(digits) // 4 * 4
            left = digits[whole:]
            yield binascii.a2b_base64(digits[:whole])
        elif part.encoding == "quoted-printable":
            line = block.rfind(b"\n") + 1  # what is not a whole line may end within a character
            left = block[line:]
            yield binascii.a2b_qp(block[:line])
        else:
            yield block
        forget(octets)
    if part.encoding == "base64":
        yield unbase64(left)
    elif part.encoding == "quoted-printable":
        yield binascii.a2b_qp(left)


def unbase64(body: bytes) -> bytes:
    """Base64 read leniently: other characters are skipped, missing padding is added, a lone last digit is dropped."""
    digits = _NOT_BASE64.sub(b"", body)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def part_text(octets: Octets, part: structure.Part, most: int | None = None) -> str:
    """A leaf in its charset, or its beginning."""
    charset = dict(part.params).get("charset", "")
    body = transfer_decoded(octets, part, most)
    # undeclared octets outside ASCII are UTF-8 in practice
    return in_charset(body, "utf-8" if charset.lower() in ("", "us-ascii", "ascii") else charset)
