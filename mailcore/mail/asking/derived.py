"""Data that IMAP asks for again and again, computed once when a Blob is stored."""

from dataclasses import dataclass

from mailcore.mail.asking.envelope import serialize_envelope
from mailcore.mail.asking.summary import Summary, summarise
from mailcore.mail.reading import structure
from mailcore.mail.reading.message import Message


@dataclass(frozen=True, slots=True)
class Derived:
    """`header` is the block with its blank line; `envelope`, `body`, `structure` are ready wire octets."""

    size: int
    header: bytes
    envelope: bytes
    body: bytes
    structure: bytes
    summary: Summary


def derive(message: Message) -> Derived:
    """Never raises, whatever the octets."""
    fields, root = message.header, message.root
    return Derived(
        message.size, fields.block, serialize_envelope(fields), structure.serialize_body(root),
        structure.serialize_bodystructure(root), summarise(fields),
    )  # fmt: skip
