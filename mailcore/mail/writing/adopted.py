"""A MIME entity that somebody gives us for a message of ours, such as a script's `vacation :mime` (RFC 5230 section 4.3).

Only its Content fields count (RFC 2045 section 9): a To, Bcc or Subject in it does nothing.  What is 7-bit in short lines
stays octet for octet; anything else is written anew part by part, so that every host takes it.
"""

from collections.abc import Iterator

from mailcore.mail.reading import header, structure, text
from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.lines import lines_of
from mailcore.mail.reading.structure import Part
from mailcore.mail.writing import entities
from mailcore.mail.writing.encoded_words import MOST_LINE
from mailcore.mail.writing.fields_out import media_field, text_field, token_field

_TAKEN = (
    "content-type",
    "content-disposition",
    "content-id",
    "content-description",
    "content-language",
    "content-location",
)
_ENCODINGS = ("quoted-printable", "base64")


def adopt(written: str) -> bytes:
    """Adopt an entity as it goes out, from its Content fields on.  Text without any field is plain text."""
    lines = lines_of(to_scalars(written))
    octets = "\r\n".join([*lines, ""]).encode()
    if not header.fields(header.split(octets)[0]):
        return entities.text("\n".join(lines))
    root = structure.parse(octets)
    block, body = octets[: root.body_start], octets[root.body_start :]
    if entities.encoding_of([body]) == "7bit":
        encoding = root.encoding if root.encoding in _ENCODINGS else "7bit"
        return b"".join((*_fields(block, root), token_field("Content-Transfer-Encoding", encoding), b"\r\n", body))
    return b"".join(_anew(octets, root))


def _anew(octets: bytes, part: Part) -> Iterator[bytes]:
    block = octets[part.header_start : part.body_start]
    if part.type == "multipart":
        given = {key: value for key, value in part.params if key != "boundary"}
        children = (_anew(octets, child) for child in part.contents)
        yield from entities.multipart(children, part.subtype, given)
        return
    if part.type == "message":
        yield from _message(octets[part.body_start : part.end])
        return
    fields = _fields(block, part)
    if (
        part.type == "text"
        and part.encoding not in _ENCODINGS
        and dict(part.params).get("charset", "us-ascii") == "us-ascii"
    ):
        # a script is UTF-8, whether it says so or not
        yield media_field("Content-Type", f"text/{part.subtype}", {**dict(part.params), "charset": "utf-8"})
        fields = (field for field in fields if not field.lower().startswith(b"content-type:"))
    yield from fields
    if part.type == "text":
        yield entities.encoded(text.transfer_decoded(octets, part))
    else:
        yield b"Content-Transfer-Encoding: base64\r\n\r\n"
        yield from entities.base64_lines([text.transfer_decoded(octets, part)])


def _message(octets: bytes) -> Iterator[bytes]:
    """Write a message; it may not be encoded (RFC 2046 section 5.2.1): what is not 7-bit goes as a file."""
    if entities.encoding_of([octets]) == "7bit":
        yield from entities.message("message.eml", [octets])
    else:
        yield from entities.file("message.eml", "application/octet-stream", [octets])


def _fields(block: bytes, part: Part) -> Iterator[bytes]:
    """Write the Content fields, each once: as they are where every host takes them, else by what was read of them."""
    seen: set[str] = set()
    for name, raw, value in header.pieces(block):
        lower = name.lower()
        if lower not in _TAKEN or lower in seen:
            continue
        seen.add(lower)
        if raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= MOST_LINE:
            yield raw
        elif lower == "content-type":
            yield media_field("Content-Type", f"{part.type}/{part.subtype}", dict(part.params))
        elif lower == "content-disposition" and part.disposition:
            yield media_field("Content-Disposition", part.disposition[0], dict(part.disposition[1]))
        elif lower == "content-description":
            yield text_field("Content-Description", header.unfolded(value))
