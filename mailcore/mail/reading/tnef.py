"""Files and text within `winmail.dat`: TNEF, in which Outlook packs what it sends to programs that it takes for Outlook.

A stream is a signature and attributes, each with its length; one of them holds MAPI properties, others begin a file or give
its name and octets (MS-OXTNEF sections 2.1.3 and 2.1.4).  Whatever the octets are, `read_tnef` returns what is found before
they break, or None where they are no TNEF.  Nothing is copied but strings: files are slices.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mailcore.mail.reading import charsets
from mailcore.mail.reading.rtf_packing import unpacked_rtf

MAX_FILES = 200
MAX_ATTRIBUTES, MAX_PROPERTIES, MAX_VALUES = 20_000, 5_000, 1_000
MAX_TEXT = 2 * 2**20  # octets of a text
_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEAD = struct.Struct("<BIL")
_PAIR = struct.Struct("<HH")
_LONG = struct.Struct("<L")

_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x8004, 0x800C, 0x9003, 0x9007
_FILE_BEGINS, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005

_P_SUBJECT, _P_BODY, _P_HTML, _P_RTF = 0x0037, 0x1000, 0x1013, 0x1009
_P_SENDER, _P_ADDRESS, _P_SMTP, _P_TO, _P_CC, _P_SENT = 0x0C1A, 0x0C1F, 0x5D01, 0x0E04, 0x0E03, 0x0039
_P_DATA, _P_LONG_NAME, _P_NAME, _P_DISPLAY, _P_MIME, _P_ID = 0x3701, 0x3707, 0x3704, 0x3001, 0x370E, 0x3712

_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY, _TIME = 0x1E, 0x1F, 0x0D, 0x102, 0x40
_MANY = 0x1000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PackedFile:
    """`is_message`: the octets are a TNEF stream of their own, a message within this one."""

    name: str = ""
    kind: str = ""
    octets: memoryview = field(default_factory=lambda: memoryview(b""))
    id: str = ""
    is_message: bool = False


@dataclass(frozen=True, slots=True)
class PackedMessage:
    """Files, and the words of the message: the mail around says these, too, but those of a message within stand only here."""

    files: tuple[PackedFile, ...]
    subject: str = ""
    sender_name: str = ""
    sender: str = ""
    to: str = ""
    cc: str = ""
    sent_at: datetime | None = None
    text: str = ""
    html: bytes = b""
    rtf: bytes = b""


class _Value(NamedTuple):
    kind: int
    octets: memoryview


def is_tnef(octets: bytes | memoryview) -> bool:
    return bytes(octets[:4]) == _SIGNATURE


def read_tnef(octets: bytes | memoryview) -> PackedMessage | None:
    """Read a stream; None for octets of another kind."""
    if not is_tnef(octets):
        return None
    label, files, message = "cp1252", list[PackedFile](), dict[int, _Value]()
    subject, body = memoryview(b""), memoryview(b"")
    for name, data in _attributes(memoryview(octets)):
        if name == _CODEPAGE and len(data) >= 4:
            label = _label(_LONG.unpack_from(data)[0])
        elif name == _SUBJECT:
            subject = data
        elif name == _BODY:
            body = data
        elif name == _MESSAGE_PROPERTIES:
            message |= _properties(data)
        elif name == _FILE_BEGINS:
            if len(files) == MAX_FILES:
                break
            files.append(PackedFile())
        elif files and name in (_FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES):
            files[-1] = _with_attribute(files[-1], name, data, label)
    words = _Words(label, message)
    return PackedMessage(
        tuple(one for one in files if one.octets),
        words.get(_P_SUBJECT) or words.read(_Value(_STRING, subject)),
        words.get(_P_SENDER),
        words.get(_P_SMTP) or words.get(_P_ADDRESS),
        words.get(_P_TO),
        words.get(_P_CC),
        _time(message.get(_P_SENT)),
        words.get(_P_BODY) or words.read(_Value(_STRING, body)),
        bytes(message[_P_HTML].octets[:MAX_TEXT]) if _P_HTML in message else b"",
        unpacked_rtf(bytes(message[_P_RTF].octets[:MAX_TEXT]), MAX_TEXT) if _P_RTF in message else b"",
    )


def _attributes(octets: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Give name and octets of each attribute, whatever its check sum says: some programs write none."""
    at = len(_SIGNATURE) + 2  # a key that means nothing
    for _ in range(MAX_ATTRIBUTES):
        if at + _HEAD.size > len(octets):
            return
        level, name, length = _HEAD.unpack_from(octets, at)
        at += _HEAD.size
        if level not in (1, 2) or at + length > len(octets):
            return
        yield name & 0xFFFF, octets[at : at + length]
        at += length + 2


def _with_attribute(packed: PackedFile, name: int, data: memoryview, label: str) -> PackedFile:
    if name == _FILE_TITLE:
        return packed if packed.name else replace(packed, name=_Words(label, {}).read(_Value(_STRING, data)))
    if name == _FILE_DATA:
        return packed if packed.is_message else replace(packed, octets=data)
    found = _properties(data)
    words = _Words(label, found)
    whole = found.get(_P_DATA)
    if whole and whole.kind == _OBJECT and is_tnef(whole.octets[16:20]):  # behind the name of its interface
        packed = replace(packed, octets=whole.octets[16:], is_message=True)
    elif whole and not packed.octets:
        packed = replace(packed, octets=whole.octets[16:] if whole.kind == _OBJECT else whole.octets)
    named = words.get(_P_LONG_NAME) or words.get(_P_NAME) or packed.name or words.get(_P_DISPLAY)
    return replace(packed, name=named, kind=words.get(_P_MIME).lower(), id=words.get(_P_ID))


def _properties(octets: memoryview) -> dict[int, _Value]:
    """Read properties by their identifiers; those with names of their own are passed over.  Of many values the first counts."""
    found: dict[int, _Value] = {}
    try:
        number, at = _LONG.unpack_from(octets)[0], 4
        for _ in range(min(number, MAX_PROPERTIES)):
            kind, id_ = _PAIR.unpack_from(octets, at)
            at += 4
            if id_ >= 0x8000:
                by_name = _LONG.unpack_from(octets, at + 16)[0]
                length = _padded(_LONG.unpack_from(octets, at + 20)[0]) if by_name else 0
                at += 24 + length
            value, at = _value(octets, at, kind)
            if value is None:
                break
            if id_ < 0x8000:
                found.setdefault(id_, value)
    except struct.error:  # it ends within a value
        pass
    return found


def _value(octets: memoryview, at: int, kind: int) -> tuple[_Value | None, int]:
    """Read one value and find where the next begins.  None for a kind that nobody knows, or for values past the end."""
    bare = kind & ~_MANY
    size = _FIXED.get(bare)
    number = 1
    if size is None or kind & _MANY:
        number = _LONG.unpack_from(octets, at)[0]
        at += 4
    if number > MAX_VALUES or (size is None and bare not in (_STRING, _UNICODE, _OBJECT, _BINARY)):
        return None, at
    first = _Value(bare, octets[:0])
    for index in range(number):
        length = size
        if length is None:
            length = _LONG.unpack_from(octets, at)[0]
            at += 4
        if at + length > len(octets):
            return None, at
        if index == 0:
            first = _Value(bare, octets[at : at + length])
        at += _padded(length)
    return first, at


def _padded(length: int) -> int:
    return length + -length % 4


def _label(codepage: int) -> str:
    return {65001: "utf-8", 20127: "us-ascii", 28591: "iso-8859-1"}.get(codepage, f"cp{codepage}")


class _Words:
    """Texts among properties, in the charset of the stream or in UTF-16."""

    def __init__(self, label: str, properties: dict[int, _Value]) -> None:
        self._label, self._properties = label, properties

    def get(self, id_: int) -> str:
        value = self._properties.get(id_)
        return self.read(value) if value and value.kind in (_STRING, _UNICODE) else ""

    def read(self, value: _Value) -> str:
        octets = bytes(value.octets[:MAX_TEXT])
        if value.kind == _UNICODE:
            return charsets.to_scalars(octets.decode("utf-16-le", "replace").partition("\0")[0])
        return charsets.decode(octets.partition(b"\0")[0], self._label)


def _time(value: _Value | None) -> datetime | None:
    """Read a count of 100 nanoseconds since 1601."""
    if value is None or value.kind != _TIME:
        return None
    count = int.from_bytes(value.octets[:8], "little")
    try:
        return _EPOCH + timedelta(microseconds=count // 10)
    except OverflowError:
        return None
