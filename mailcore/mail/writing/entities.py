"""Bodies as we write them (RFC 2045, RFC 2046): each function gives a MIME entity, its Content fields with the body.

Nothing here is 8-bit, and no line is longer than 998 octets: every host takes it as it is, so that nobody on the way
needs to change it and our signatures stay whole.  The message of somebody else that goes along as a file is the one
exception; where it is 8-bit, the entity says so.
"""

import base64
import binascii
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.lines import lines_of
from mailcore.mail.showing.files import safe_name
from mailcore.mail.writing.encoded_words import MOST_LINE
from mailcore.mail.writing.fields_out import is_plain, media_field, token_field

_LINE = 76  # characters (RFC 2045 section 6.7 rule 5)
# A line that could be folded, and one that nobody has to take: a lone address of the web may be as long as it is.
_LONG = re.compile(r"(?m)^(?=[^\r\n]{79})[^\r\n]*[^\s] +[^\s]|[^\r\n]{999}")
_ENVELOPE = re.compile(r"(?m)^From ")  # mbox takes it for one, and some programs change it on the way
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_TYPE = re.compile(r"(?:application|audio|font|image|model|text|video)/[a-zA-Z0-9.+-]{1,60}")
_LETTERS = str.maketrans({
    "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "å": "a", "Å": "A", "ß": "ss", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "Ł": "L",
    "œ": "oe", "Œ": "OE", "–": "-", "—": "-", "‘": "'", "’": "'", "“": "'", "”": "'",
})  # fmt: skip


# Text


def text(words: str, subtype: str = "plain") -> bytes:
    """Text for people: as it is where it is ASCII in short lines, else quoted-printable, or base64 where that is shorter."""
    whole = "\r\n".join([*lines_of(to_scalars(words)), ""])
    octets = whole.encode()
    kind = f"Content-Type: text/{subtype}; charset=utf-8\r\n".encode()
    if whole.isascii() and not _LONG.search(whole) and not _ENVELOPE.search(whole):
        return kind + b"Content-Transfer-Encoding: 7bit\r\n\r\n" + octets
    return kind + encoded(octets)


def encoded(octets: bytes) -> bytes:
    """Encode lines of octets: the field of the encoding, a blank line, and the lines encoded."""
    if _has_bare(octets):
        octets = _BARE.sub(b"\r\n", octets)
    quoted = binascii.b2a_qp(octets)
    if len(quoted) <= len(octets) * 4 // 3 + 100:
        return b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + _rewrapped(quoted)
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + b"".join(base64_lines([octets]))


def _has_bare(octets: bytes) -> bool:
    """Is there a CR or an LF that is no part of CRLF?"""
    ends = octets.count(b"\r\n")
    return octets.count(b"\n") != ends or octets.count(b"\r") != ends


def _rewrapped(quoted: bytes) -> bytes:
    """Quoted-printable whose soft line ends stand behind blanks where there are some: words stay whole, and addresses."""
    if b"=\r\n" not in quoted and b"From " not in quoted:
        return quoted
    lines: list[bytes] = []
    for logical in quoted.replace(b"=\r\n", b"").split(b"\r\n"):
        line = logical
        while True:
            if line.startswith(b"From "):
                line = b"=46" + line[1:]
            if len(line) <= _LINE:
                break
            end = line.rfind(b" ", 1, _LINE - 1) + 1
            if not end:
                end = _LINE - 1
                mark = line.rfind(b"=", end - 2, end)
                end = mark if mark >= 0 else end
            lines.append(line[:end] + b"=")
            line = line[end:]
        lines.append(line)
    return b"\r\n".join(lines)


def base64_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Base64 in lines of 76 characters (RFC 2045 section 6.8); one run, however the octets are cut."""
    rest = b""
    for piece in pieces:
        octets = rest + piece if rest else piece
        whole = len(octets) // 57 * 57
        rest = octets[whole:]
        if whole:
            yield base64.encodebytes(octets[:whole]).replace(b"\n", b"\r\n")
    if rest:
        yield binascii.b2a_base64(rest, newline=False) + b"\r\n"


# Files


def file(name: str, kind: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Write a file by base64, for whatever program reads it.

    Its name stands in Content-Disposition: plain where every reader takes it so, else by RFC 2231 alone.  A plain
    `filename` beside `filename*` is what half of the readers show, Python's among them.  Who knows nothing of RFC 2231
    finds the likest ASCII name in Content-Type; an encoded word there is common and forbidden (RFC 2047 section 5).
    """
    name = safe_name(name).strip(" .") or "file"  # a name that was cut may begin with a blank
    kind = kind if _TYPE.fullmatch(kind) else "application/octet-stream"
    yield (
        media_field("Content-Type", kind, {} if is_plain(name) else {"name": ascii_name(name)})
        + media_field("Content-Disposition", "attachment", {"filename": name})
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    yield from base64_lines(pieces)


def ascii_name(name: str) -> str:
    """Find the likest name in ASCII: `rømmegrøt.txt` is `rommegrot.txt`."""
    apart = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    return re.sub(
        r"[^A-Za-z0-9 !#$&'()+,.=@^_`{}~-]", "_", "".join(char for char in apart if not unicodedata.combining(char))
    )


# Messages within messages


def message(name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Somebody's message as it is, in one that goes to others; as a file where it is not in lines of CRLF.

    Args:
        pieces: of the octets; they are read twice.
    """
    shape = encoding_of(pieces)
    if shape == "binary":  # message/rfc822 may not be encoded (RFC 2046 section 5.2.1)
        yield from file(name, "application/octet-stream", pieces)
        return
    yield (
        media_field("Content-Type", "message/rfc822")
        + media_field("Content-Disposition", "attachment", {"filename": safe_name(name)})
        + token_field("Content-Transfer-Encoding", shape)
        + b"\r\n"
    )
    yield from pieces


def encoding_of(pieces: Iterable[bytes]) -> str:
    """`7bit`, `8bit` or `binary` (RFC 2045 section 2.7 to 2.9), by what the octets are."""
    plain, line, last = True, 0, b""
    for piece in pieces:
        octets = last + piece
        last = b"\r" if octets.endswith(b"\r") else b""
        octets = octets.removesuffix(b"\r")
        if b"\0" in octets or _has_bare(octets):
            return "binary"
        begin, *more = octets.split(b"\r\n")
        lengths = (line + len(begin), *map(len, more))
        if max(lengths) > MOST_LINE:
            return "binary"
        line = lengths[-1]
        plain = plain and octets.isascii()
    return "binary" if last else "7bit" if plain else "8bit"


# Several


def multipart(
    parts: Iterable[Iterable[bytes]],
    subtype: str = "mixed",
    params: Mapping[str, str] | None = None,
    encoding: str = "7bit",
) -> Iterator[bytes]:
    """Join entities in one, piece by piece.

    Args:
        encoding: `8bit` where one of the parts is.
    """
    boundary = f"=_{secrets.token_hex(16)}"
    head = media_field("Content-Type", f"multipart/{subtype}", params)
    yield head.removesuffix(b"\r\n") + f';\r\n boundary="{boundary}"\r\n'.encode()
    if encoding != "7bit":
        yield token_field("Content-Transfer-Encoding", encoding)
    for part in parts:
        yield f"\r\n--{boundary}\r\n".encode()
        yield from part
    yield f"\r\n--{boundary}--\r\n".encode()
