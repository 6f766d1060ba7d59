"""A message as a Sieve script sees it: parsed when asked, once for all recipients."""

from collections.abc import Sequence
from datetime import datetime

import sieve
from mailcore.mail import header, structure, text
from mailcore.mail.octets import Octets


class MimePart(sieve.Part):
    """A part, decoded when asked."""

    def __init__(self, octets: Octets, part: structure.Part) -> None:
        self._octets, self._part = octets, part
        self.type, self.subtype, self.params = part.type, part.subtype, dict(part.params)
        self.children = [MimePart(octets, child) for child in part.children]

    def header(self, name: str) -> list[str]:
        return header.values(self._octets[self._part.header_start : self._part.body_start], name)

    def content(self) -> bytes:
        part, children = self._part, self._part.children
        if part.type == "multipart":  # RFC 5173 section 5.2: prologue and epilogue
            return self._octets[part.body_start : children[0].header_start] + self._octets[children[-1].end : part.end]
        if part.is_message:  # its header; the rest are parts of their own
            return self._octets[part.body_start : children[0].body_start]
        return text.transfer_decoded(self._octets, part)

    def text(self) -> str:
        return text.part_text(self._octets, self._part)


class MessageText:
    """What is the same for all recipients."""

    def __init__(self, octets: Octets, block: bytes | None = None) -> None:
        self.octets = octets
        self.block = header.split(octets)[0] if block is None else block
        self._headers: dict[str, list[str]] = {}
        self._fields: tuple[sieve.Field, ...] | None = None
        self._root: MimePart | None = None

    def header(self, name: str) -> list[str]:
        key = name.lower()
        if key not in self._headers:
            self._headers[key] = header.values(self.block, key)
        return self._headers[key]

    def fields(self) -> Sequence[sieve.Field]:
        if self._fields is None:
            self._fields = tuple(
                sieve.Field(name, header.unfolded(value), raw) for name, raw, value in header.pieces(self.block)
            )
        return self._fields

    def root(self) -> sieve.Part:
        if self._root is None:
            self._root = MimePart(self.octets, structure.parse(self.octets))
        return self._root

    def body(self) -> bytes:
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

    def fields(self) -> Sequence[sieve.Field]:
        return self._message.fields()

    def root(self) -> sieve.Part:
        return self._message.root()

    def body(self) -> bytes:
        return self._message.body()
