"""A message as a Sieve script sees it: parsed when asked, once for all recipients."""

import copy
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Self

import sieve
from mailcore.mail.reading import address, header, parameters, structure, text, transfer
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.writing import entities, fields_out

_EMPTY = (b"\r\n", b"\n")


MAX_REMEMBERED = 500  # octets of a value that is read once for all rules
_NONE = (sieve.Address("", None, None),)


@lru_cache(maxsize=1024)
def _remembered(value: bytes) -> tuple[sieve.Address, ...]:
    return _addresses(value)


def _addresses(value: bytes) -> tuple[sieve.Address, ...]:
    whole = " ".join(value.decode("utf-8", "replace").split())
    if whole in ("", "<>"):
        return _NONE
    found = address.parse(value)
    readable = tuple(one for each in found if (one := sieve.read_address(each.spec)))
    # what is not valid has no parts (RFC 5228 section 2.7.4); groups without members have nothing at all
    is_empty_group = not found and b"<" not in value
    return readable if readable or is_empty_group else (sieve.Address(whole, None, None),)


class MimePart(sieve.Part):
    """A part, decoded when asked."""

    def __init__(self, octets: Octets, part: structure.Part) -> None:
        self._octets, self._part = octets, part
        written = (part.wire.type.lower(), part.wire.subtype.lower())  # scripts ask for what is written
        self.type, self.subtype = (part.type, part.subtype) if part.contents else written
        self.params = dict(part.params)
        self.begin, self.end = part.header_start, part.end
        if any(value.count("/") > 1 for value in self.header("content-type")):
            self.type, self.subtype = "application", "octet-stream"  # text/plain/x is no type (RFC 5173 section 5.2)
        self.children = [MimePart(octets, child) for child in part.contents]

    def header(self, name: str) -> list[str]:
        return header.values(self._octets[self._part.header_start : self._part.body_start], name)

    def raw_header(self, name: str) -> list[bytes]:
        return header.raw_values(self._octets[self._part.header_start : self._part.body_start], name)

    def content(self) -> bytes:
        part = self._part
        if part.is_message:  # its header; the rest are parts of their own
            block = self._octets[part.body_start : part.children[0].body_start]
            return block.removesuffix(b"\r\n") if block.endswith(b"\r\n\r\n") else block
        return text.transfer_decoded(self._octets, part)

    def around(self) -> tuple[str, ...]:
        part = self._part
        if not part.contents:
            return (self.text(),)
        mark = b"--" + self.params.get("boundary", "").encode("latin-1", "replace")
        before = self._octets[part.body_start : part.contents[0].header_start]
        after = self._octets[part.contents[-1].end : part.end]
        prologue = before[: max(before.rfind(mark), 0)]
        at = after.find(mark)
        epilogue = after[at:].partition(b"\n")[2] if at >= 0 else b""
        return (prologue.decode("utf-8", "replace"), epilogue.decode("utf-8", "replace"))

    def text(self) -> str:
        return text.part_text(self._octets, self._part)

    def is_readable(self) -> bool:
        return transfer.is_known(self._part.wire.encoding)


class MessageText:
    """The parts of a message view that are the same for all recipients."""

    def __init__(self, message: Message) -> None:
        self.octets = message.octets
        self.block = message.header.block
        self.head = message.header
        self._read = message
        self._fields: tuple[sieve.Field, ...] | None = None
        self._root: MimePart | None = None

    def header(self, name: str) -> list[str]:
        return list(self._read.header.values(name))

    def raw_header(self, name: str) -> list[bytes]:
        return self._read.header.raw_values(name)

    def fields(self) -> Sequence[sieve.Field]:
        if self._fields is None:
            self._fields = tuple(
                sieve.Field(name, header.unfolded(value), raw) for name, raw, value in self._read.header.pieces
            )
        return self._fields

    def root(self) -> sieve.Part:
        if self._root is None:
            self._root = MimePart(self.octets, self._read.root)
        return self._root

    def body(self) -> bytes | None:
        if len(self.octets) == len(self.block) and not (
            self.block in _EMPTY or self.block.endswith((b"\n\r\n", b"\n\n"))
        ):
            return None
        return self.octets[len(self.block) :]


class ScriptView(sieve.MessageView):
    """The message for one recipient; who knows of mailboxes and settings derives from it."""

    def __init__(self, message: MessageText, sender: str, recipient: str, now: datetime) -> None:
        self._message = message
        self.size = len(message.octets)
        self.envelope_from, self.envelope_to = sender, recipient
        self.now = now

    def header(self, name: str) -> list[str]:
        return self._message.header(name)

    def raw_header(self, name: str) -> list[bytes]:
        return self._message.raw_header(name)

    def addresses(self, value: bytes) -> Sequence[sieve.Address]:
        return _remembered(value) if len(value) <= MAX_REMEMBERED else _addresses(value)

    def structured(self, value: bytes) -> sieve.Structured:
        read = parameters.parse(value)
        return sieve.Structured(read.words, read.params)

    def fields(self) -> Sequence[sieve.Field]:
        return self._message.fields()

    def root(self) -> sieve.Part:
        return self._message.root()

    def body(self) -> bytes | None:
        return self._message.body()

    def whole(self) -> bytes:
        return self._message.octets[:]

    def new_field(self, name: str, value: str) -> bytes:
        return fields_out.script_field(name, value)

    def new_text(self, text: str) -> bytes:
        return entities.text(text)

    def reread(self, octets: bytes) -> Self:
        other = copy.copy(self)
        other._message, other.size = MessageText(Message(octets)), len(octets)
        return other
