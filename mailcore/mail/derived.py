"""What IMAP asks again and again, computed once when a Blob is stored."""

from dataclasses import dataclass

from mailcore.mail import header, structure
from mailcore.mail.envelope import serialize_envelope
from mailcore.mail.octets import Octets
from mailcore.mail.structure import Part
from mailcore.mail.summary import Summary, summarise


@dataclass(frozen=True, slots=True)
class Derived:
    """`header` is the block with its blank line; `envelope`, `body`, `structure` are ready wire octets."""

    size: int
    header: bytes
    envelope: bytes
    body: bytes
    structure: bytes
    summary: Summary


def derive(octets: Octets, part: Part | None = None) -> Derived:
    """Parse a message once; never raises, whatever the octets.

    Args:
        part: its structure, where that is known already.
    """
    block, _ = header.split(octets)
    part = part or structure.parse(octets)
    return Derived(
        len(octets), block, serialize_envelope(block[: header.MAX_READ]), structure.serialize_body(part),
        structure.serialize_bodystructure(part), summarise(block),
    )  # fmt: skip
