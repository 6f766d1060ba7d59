"""Data that IMAP asks for again and again, computed once when a Blob is stored."""

from dataclasses import dataclass

from mailcore.mail.asking.bodystructure import serialize_body, serialize_bodystructure
from mailcore.mail.asking.envelope import serialize_envelope
from mailcore.mail.asking.summary import Summary, summarise
from mailcore.mail.reading.message import Message


@dataclass(frozen=True, slots=True)
class Derived:
    """`envelope`, `body`, `structure` are ready wire octets."""

    envelope: bytes
    body: bytes
    structure: bytes
    summary: Summary


def derive(message: Message) -> Derived:
    """Compute all of it from a message.  Never raises, whatever the octets."""
    octets, fields, root = message.octets, message.header, message.root
    return Derived(
        serialize_envelope(fields),
        serialize_body(octets, root),
        serialize_bodystructure(octets, root),
        summarise(fields),
    )
