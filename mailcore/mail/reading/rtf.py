r"""RTF (Rich Text Format 1.9) as plain text: what Outlook packs, and what some programs send as the only text.

Text, paragraphs, tabs and signs are read; fonts, colours, pictures, hidden text and whatever a reader may ignore (`\*`) are left
out.  Where RTF wraps HTML (MS-OXRTFEX) the tags are such a thing, so their text remains.  Work is bounded by the number of
pieces, whatever they are; text that breaks ends there.  Never raises.

    group = "{" *piece "}"
    piece = group / "\" 1*ALPHA [["-"] 1*DIGIT] [SP] / "\'" 2HEXDIG / "\" octet / text
"""

import re
from dataclasses import dataclass, replace

from mailcore.mail.reading import charsets

MAX_PIECES = 200_000  # a fifth of a second
MAX_DEPTH = 500
_SIGNATURE = re.compile(rb"\s*\{\\rtf")
_PIECE = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|([^\\{}\r\n]+)|.", re.DOTALL
)
_BLANK = re.compile(r"\n{3,}")
_LEFT_OUT = frozenset(
    {
        "bkmkend",
        "bkmkstart",
        "colortbl",
        "datastore",
        "filetbl",
        "fonttbl",
        "info",
        "listoverridetable",
        "listtable",
        "nonshppict",
        "object",
        "pict",
        "revtbl",
        "rsidtbl",
        "stylesheet",
        "themedata",
        "xmlnstbl",
        *(place + pages for place in ("header", "footer") for pages in ("", "f", "l", "r")),
    }  # fmt: skip
)
_SIGNS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t", "nestcell": "\t",
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
    "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
_ENCODINGS = {"ansi": "windows-1252", "mac": "macintosh", "pc": "cp437", "pca": "cp850"}
_OF_FONT = {
    128: "shift_jis", 129: "euc-kr", 134: "gbk", 136: "big5", 161: "windows-1253", 162: "windows-1254", 163: "windows-1258",
    177: "windows-1255", 178: "windows-1256", 186: "windows-1257", 204: "windows-1251", 222: "windows-874",
    238: "windows-1250",
}  # fmt: skip
_OF_PAGE = {
    874: "windows-874", 932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 10000: "macintosh", 65001: "utf-8",
}  # fmt: skip


def is_rtf(octets: bytes) -> bool:
    return _SIGNATURE.match(octets) is not None


def read_rtf(octets: bytes, most: int) -> str:
    """Read the text of a document, `most` characters at most, a few more perhaps; "" for octets of another kind."""
    return _Reader(octets, most).read() if is_rtf(octets) else ""


@dataclass(frozen=True, slots=True)
class _Group:
    """State that ends with its group; `fallback` is how many characters stand behind each of Unicode for old readers."""

    is_left_out: bool = False
    is_hidden: bool = False
    is_font_table: bool = False
    fallback: int = 1
    label: str = ""


class _Reader:
    def __init__(self, octets: bytes, most: int) -> None:
        self._octets, self._most = octets, most
        self._group, self._around = _Group(), list[_Group]()
        self._too_deep = 0
        self._label, self._fonts, self._font = "windows-1252", dict[int, str](), 0
        self._out, self._length = list[str](), 0
        self._pending = bytearray()  # octets of one charset, which may take two for a letter
        self._units = bytearray()  # UTF-16, where a letter may be two controls
        self._skip = 0

    def read(self) -> str:
        at = 0
        for _ in range(MAX_PIECES):
            piece = _PIECE.match(self._octets, at)
            if piece is None or self._length >= self._most:
                break
            at = piece.end()
            word, number, octet, symbol, brace, text = piece.groups()
            if brace:
                if not self._cross(brace):
                    break
            elif word:
                value = int(number) if number else None
                if word == b"bin":
                    at += max(value or 0, 0)
                else:
                    self._control(word.decode(), value)
            elif octet:
                self._add_octets(bytes.fromhex(octet.decode()))
            elif symbol == b"*":
                self._group = replace(self._group, is_left_out=True)
            elif symbol:
                self._add(_SYMBOLS.get(symbol.decode("latin-1"), ""))
            elif text:
                self._add_octets(text)
        self._flush()
        return _BLANK.sub("\n\n", "".join(self._out)).strip()

    def _cross(self, brace: bytes) -> bool:
        """Enter or leave a group; False at the end of the document."""
        self._flush()
        self._skip = 0
        if brace == b"{":
            if len(self._around) >= MAX_DEPTH:
                self._too_deep += 1
            else:
                self._around.append(self._group)
        elif self._too_deep:
            self._too_deep -= 1
        elif self._around:
            self._group = self._around.pop()
        return bool(self._around)

    def _control(self, word: str, value: int | None) -> None:
        if word == "u" and value is not None:
            self._flush_octets()
            if not self._is_silent():
                self._units += (value & 0xFFFF).to_bytes(2, "little")
            self._skip = self._group.fallback
            return
        self._flush()
        if word in _SIGNS:
            self._add(_SIGNS[word])
        elif word == "uc":
            self._group = replace(self._group, fallback=min(max(value or 0, 0), 9))
        elif word == "v":
            self._group = replace(self._group, is_hidden=value != 0)
        elif word == "plain":
            self._group = replace(self._group, is_hidden=False)
        elif word in _ENCODINGS:
            self._label = _ENCODINGS[word]
        elif word == "ansicpg" and value:
            self._label = _OF_PAGE.get(value) or f"cp{value}"
        elif word == "f":
            self._font = value or 0
            if not self._group.is_font_table:
                self._group = replace(self._group, label=self._fonts.get(self._font, ""))
        elif word == "fcharset" and self._group.is_font_table:
            self._fonts[self._font] = _OF_FONT.get(value or 0, "")
        elif word in _LEFT_OUT:
            self._group = replace(self._group, is_left_out=True, is_font_table=word == "fonttbl")

    def _is_silent(self) -> bool:
        return self._group.is_left_out or self._group.is_hidden

    def _add_octets(self, octets: bytes) -> None:
        skipped = min(self._skip, len(octets))
        self._skip -= skipped
        octets = octets[skipped:]
        if octets and not self._is_silent():
            self._flush_units()
            self._pending += octets[: self._most]

    def _add(self, text: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        self._flush()
        if text and not self._is_silent():
            self._out.append(text)
            self._length += len(text)

    def _flush(self) -> None:
        self._flush_octets()
        self._flush_units()

    def _flush_octets(self) -> None:
        if self._pending:
            text = charsets.decode(bytes(self._pending), self._group.label or self._label)
            self._pending.clear()
            self._out.append(text)
            self._length += len(text)

    def _flush_units(self) -> None:
        if self._units:
            text = charsets.to_scalars(self._units.decode("utf-16-le", "replace"))
            self._units.clear()
            self._out.append(text)
            self._length += len(text)
