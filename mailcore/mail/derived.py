"""What IMAP asks again and again, computed once when a Blob is stored."""

from dataclasses import dataclass

from mailcore.mail import header, structure
from mailcore.mail.envelope import serialize_envelope
from mailcore.mail.octets import Octets
from mailcore.mail.summary import Summary, summarise


@dataclass(frozen=True, slots=True)
class Derived:
    """`header` is the block with its blank line; `envelope`, `body`, `structure` are ready wire octets.

    `parts` counts all parts, the message itself too; `depth` is how deep they stand within one another.
    """

    size: int
    header: bytes
    envelope: bytes
    body: bytes
    structure: bytes
    summary: Summary
    parts: int = 1
    depth: int = 0


def derive(octets: Octets) -> Derived:
    """Parse a message once; never raises, whatever the octets."""
    block, _ = header.split(octets)
    part = structure.parse(octets)
    return Derived(
        len(octets), block, serialize_envelope(block), structure.serialize_body(part),
        structure.serialize_bodystructure(part), summarise(block), *structure.extent(part),
    )  # fmt: skip
