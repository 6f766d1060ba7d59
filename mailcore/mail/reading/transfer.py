"""Transfer encodings (RFC 2045 section 6) as they come: decoded whole, or piece by piece.

Both give the same octets, cost time in proportion to what they read, and raise nothing: what is broken is decoded as far
as it goes.
"""

import binascii
import re
from collections.abc import Iterator

from mailcore.mail.reading.comments import without_comments
from mailcore.mail.reading.octets import BLOCK, Octets, forget

BASE64, QUOTED_PRINTABLE, UUENCODE, IDENTITY = "base64", "quoted-printable", "uuencode", ""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_BLANKS = b" \t\r\n"
# RFC 4648 section 5: what programs write that take the encoder of web addresses; a line of "_" or "-" alone is a footer's
_URL_SAFE = re.compile(rb"(?=[-_]*[A-Za-z0-9])[A-Za-z0-9_-]++=*+\Z")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_CLEAN = re.compile(rb"[A-Za-z0-9+/\r\n]*+\Z")
_NO_CODE = re.compile(rb"=(?==)")
_TOKEN = re.compile(r"[a-z0-9_-]+")
_NAMES = {
    "base64": BASE64, "base-64": BASE64, "base_64": BASE64, "b64": BASE64,
    "quoted-printable": QUOTED_PRINTABLE, "quoted_printable": QUOTED_PRINTABLE, "quotedprintable": QUOTED_PRINTABLE,
    "quoted": QUOTED_PRINTABLE, "qp": QUOTED_PRINTABLE,
    "x-uuencode": UUENCODE, "uuencode": UUENCODE, "x-uue": UUENCODE, "uue": UUENCODE, "x-uuencoded": UUENCODE,
}  # fmt: skip


def named(value: str) -> str:
    """Recognise the encoding that a Content-Transfer-Encoding means, in any case, with comments, quotes or a semicolon.

    One of BASE64, QUOTED_PRINTABLE, UUENCODE, or IDENTITY for all others.
    """
    lowered = value[:200].lower()
    if lowered in _NAMES:
        return _NAMES[lowered]
    token = _TOKEN.search(without_comments(lowered))
    return _NAMES.get(token[0], IDENTITY) if token else IDENTITY


def is_known(value: str) -> bool:
    """Return True if we can decode this encoding, or there is nothing to decode."""
    return value.lower() in ("7bit", "8bit", "binary") or bool(named(value))


def decode(octets: bytes, encoding: str) -> bytes:
    """Decode octets in one of the four encodings above."""
    if encoding == IDENTITY:
        return octets
    decoder = _DECODERS[encoding]()
    return decoder.feed(octets) + decoder.finish()


def decode_pieces(octets: Octets, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """Decode a range piece by piece: a file of 25 MB is never in memory as a whole."""
    decoder = _DECODERS[encoding]() if encoding else None
    for at in range(start, end, BLOCK):
        block = octets[at : min(end, at + BLOCK)]
        yield decoder.feed(block) if decoder else block
        forget(octets)
    if decoder:
        yield decoder.finish()


def unbase64(octets: bytes) -> bytes:
    """Base64 without line structure, as in an encoded word: others characters are skipped, padding may be missing."""
    if (b"-" in octets or b"_" in octets) and b"+" not in octets and b"/" not in octets and _URL_SAFE.match(octets):
        octets = octets.translate(_TO_STANDARD)
    return b"".join(_unpadded(run) for run in octets.split(b"=") if run)


def _unpadded(run: bytes) -> bytes:
    """Decode a run of digits; a lone last one is dropped."""
    digits = run.translate(None, _OTHERS)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


class _Lines:
    """Hold back the line that is not whole yet, so that where octets are cut never matters."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, octets: bytes) -> bytes:
        whole = octets.rfind(b"\n") + 1
        if not whole:
            self._begun.append(octets)
            return b""
        lines = b"".join((*self._begun, octets[:whole]))
        self._begun = [octets[whole:]]
        return self._decode(lines)

    def finish(self) -> bytes:
        rest, self._begun = b"".join(self._begun), []
        return self._decode(rest)

    def _decode(self, lines: bytes) -> bytes:
        raise NotImplementedError


class _Base64(_Lines):
    """Several runs may follow one another, each with its padding.

    What mailing lists and scanners append is no part of it: after padding, or after an empty line, the first line that
    is not base64 ends the text.  Elsewhere other characters are skipped (RFC 2045 section 6.8), but where no `+` and `/`
    came before, a line of digits with `-` or `_` is in the alphabet of web addresses.
    """

    def __init__(self) -> None:
        super().__init__()
        self._digits = b""  # of the run at hand, fewer than four
        self._began = self._padded = self._gap = self._ended = False
        self._standard = False  # a digit came that the other alphabet has not

    def _decode(self, lines: bytes) -> bytes:
        if self._ended or not lines:
            return b""
        if (
            not self._padded
            and not self._gap
            and b"\n\r\n" not in lines
            and b"\n\n" not in lines
            and _CLEAN.match(lines)
        ):
            self._standard = self._standard or b"+" in lines or b"/" in lines
            return self._take(lines)
        return b"".join(self._line(line) for line in lines.split(b"\n"))

    def finish(self) -> bytes:
        return super().finish() + self._flush()

    def _line(self, line: bytes) -> bytes:
        line = line.strip(_BLANKS)
        if self._ended or not line:
            self._gap = self._gap or self._began
            return b""
        self._standard = self._standard or b"+" in line or b"/" in line
        if not (self._standard or self._padded or self._gap) and _URL_SAFE.match(line):
            line = line.translate(_TO_STANDARD)
        core = line.rstrip(b"=")
        if core.translate(None, _ALPHABET) and b"=" not in core:
            if self._padded or self._gap:
                self._ended = True
                return b""
        elif self._padded and (len(line) % 4 or self._is_odd(core)):
            self._ended = True
            return b""
        self._gap = False
        *runs, last = line.split(b"=")
        out = b"".join(self._take(run) + self._pad() for run in runs if run or self._digits)
        return out + self._take(last)

    def _is_odd(self, core: bytes) -> bool:
        return bool(core.translate(None, _ALPHABET + b"="))

    def _take(self, digits: bytes) -> bytes:
        digits = self._digits + digits.translate(None, _OTHERS)
        whole = len(digits) // 4 * 4
        self._digits = digits[whole:]
        self._began = self._began or bool(digits)
        return binascii.a2b_base64(digits[:whole])

    def _pad(self) -> bytes:
        self._padded = True
        return self._flush()

    def _flush(self) -> bytes:
        rest, self._digits = self._digits, b""
        return _unpadded(rest)


class _QuotedPrintable(_Lines):
    """Blanks at the end of a line were added on the way, also those behind a soft break (RFC 2045 section 6.7 rule 3)."""

    def _decode(self, lines: bytes) -> bytes:
        if (
            b" \r\n" in lines
            or b"\t\r\n" in lines
            or b" \n" in lines
            or b"\t\n" in lines
            or lines[-1:] in (b" ", b"\t")
        ):
            lines = b"\n".join(_trimmed(line) for line in lines.split(b"\n"))
        if b"==" in lines:  # Python reads two as one
            lines = _NO_CODE.sub(b"=3D", lines)
        return binascii.a2b_qp(lines)


def _trimmed(line: bytes) -> bytes:
    if line.endswith(b"\r"):
        return line[:-1].rstrip(b" \t") + b"\r"
    return line.rstrip(b" \t")


class _Uuencode(_Lines):
    """The lines between `begin` and `end`; what stands before is left out, as a reader of the file wants it."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = False

    def _decode(self, lines: bytes) -> bytes:
        return b"".join(self._line(line.rstrip(b"\r")) for line in lines.split(b"\n"))

    def _line(self, line: bytes) -> bytes:
        if not self._inside:
            self._inside = line.startswith(b"begin ")
            return b""
        if line.strip() == b"end":
            self._inside = False
            return b""
        if not line:  # Python reads 32 NULs
            return b""
        try:
            return binascii.a2b_uu(line)
        except binascii.Error:  # longer or shorter than its first octet says, as some programs write
            length = ((line[:1] or b" ")[0] - 32) & 63
            try:
                return binascii.a2b_uu(line[: 1 + (length + 2) // 3 * 4])
            except binascii.Error:
                return b""


_DECODERS: dict[str, type[_Base64] | type[_QuotedPrintable] | type[_Uuencode]] = {
    BASE64: _Base64,
    QUOTED_PRINTABLE: _QuotedPrintable,
    UUENCODE: _Uuencode,
}
