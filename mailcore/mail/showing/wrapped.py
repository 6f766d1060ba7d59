"""A message that S/MIME wrapped whole to sign it, read as if it stood there (RFC 8551 section 3.5.2).  Nothing is verified."""

from dataclasses import dataclass

from mailcore.mail.reading import cms, structure, text
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body

MAX_OPENED = 50 * 2**20  # octets of one that must be decoded, as sent


@dataclass(frozen=True, slots=True)
class Opened:
    """A message: octets, and the part of them that is its root."""

    octets: Octets
    root: Part

    @property
    def header(self) -> bytes:
        return self.octets[self.root.header_start : self.root.body_start]


def is_signed(octets: Octets, part: Part) -> bool:
    """Is it a signature with what was signed within?"""
    if part.type != "application" or part.subtype not in ("pkcs7-mime", "x-pkcs7-mime") or part.size > MAX_OPENED:
        return False
    says = part.param("smime-type").lower()
    return says == "signed-data" or (
        not says and part.filename.strip().lower().endswith(".p7m") and _holds(octets, part)
    )


def _holds(octets: Octets, part: Part) -> bool:
    return find_signed(octets, part) is not None


def find_signed(octets: Octets, part: Part) -> bytes | None:
    """Return the MIME entity that was signed."""
    return cms.find_signed_content(text.transfer_decoded(octets, part))


def unwrap(octets: Octets, root: Part, most: int = MAX_OPENED) -> Opened:
    """Return what is within where S/MIME wrapped all of a message, else the message itself.

    Args:
        most: octets of a message that is decoded, as sent.
    """
    whole = find_signed(octets, root) if root.size <= most and is_signed(octets, root) else None
    return Opened(whole, structure.parse(whole)) if whole else Opened(octets, root)


def readable(message: Message, most: int | None = None) -> str:
    """Return the text of a message as `body.readable` does, also of one that is wrapped."""
    opened = unwrap(message.octets, message.root)
    return body.readable(opened.octets, opened.root, most)
