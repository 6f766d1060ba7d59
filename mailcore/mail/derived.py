"""What IMAP asks again and again, computed once when a Blob is stored."""

from dataclasses import dataclass

from mailcore.mail import header, structure
from mailcore.mail.envelope import serialize_envelope


@dataclass(frozen=True, slots=True)
class Derived:
    """`header` is the block with its blank line; `envelope`, `body`, `structure` are ready wire octets."""

    size: int
    header: bytes
    envelope: bytes
    body: bytes
    structure: bytes


def derive(octets: bytes) -> Derived:
    """Parse a message once; never raises, whatever the octets."""
    block, _ = header.split(octets)
    part = structure.parse(octets)
    return Derived(
        len(octets), block, serialize_envelope(block), structure.serialize_body(part),
        structure.serialize_bodystructure(part),
    )  # fmt: skip
