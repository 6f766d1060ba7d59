"""The text of a message for search and for scripts: decoded parts, decoded header fields.

Read by our own structure, which bounds depth and parts: the standard library's parser recurses per level.
Nothing is raised, whatever the octets, and all text is Unicode scalar values (mail/reading/charsets.py).
"""

import unicodedata
from collections.abc import Iterator

from mailcore.mail.reading import charsets, header, structure, transfer
from mailcore.mail.reading.octets import Octets


def fold(value: str) -> str:
    """Fold text to be compared, i;unicode-casemap in effect (RFC 5051): one case, accents apart."""
    if value.isascii():
        return value.upper()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", value).upper())


def header_text(block: bytes) -> str:
    """Return all fields, decoded, a line each."""
    return "\n".join(f"{name}: {header.decode(value.strip())}" for name, value in header.fields(block))


def decoded(octets: Octets) -> str:
    """Decode the text/* parts, one after another; other parts are left out."""
    return "\n".join(
        part_text(octets, part) for part in structure.leaves(structure.parse(octets)) if part.type == "text"
    )


def plain(octets: Octets) -> str:
    """Decode the first text/plain part, else any text."""
    for part in structure.leaves(structure.parse(octets)):
        if (part.type, part.subtype) == ("text", "plain"):
            return part_text(octets, part)
    return decoded(octets)


def transfer_decoded(octets: Octets, part: structure.Part, most: int | None = None) -> bytes:
    """Undo the transfer encoding of a part (mail/reading/transfer.py).

    Args:
        most: how many encoded octets to look at; all, if None.
    """
    body = octets[part.body_start : part.end if most is None else min(part.end, part.body_start + most)]
    return transfer.decode(body, part.encoding)


def decoded_pieces(octets: Octets, part: structure.Part) -> Iterator[bytes]:
    """`transfer_decoded` piece by piece, so that a file of 25 MB is never in memory as a whole."""
    return transfer.decode_pieces(octets, part.body_start, part.end, part.encoding)


def part_text(octets: Octets, part: structure.Part, most: int | None = None) -> str:
    """Decode a leaf in its charset, or its beginning."""
    label, read = part.param("charset"), transfer_decoded(octets, part, most)
    if part.wire.subtype.lower() == "html" and not charsets.is_known(label):
        label = charsets.of_html(read) or label
    return charsets.decode(read, label)
