"""A message that was read once: its octets, its header cut into fields, its parts.  It travels from the door to the box.

Whoever asks of a message, SMTP's checks, Sieve, the help desk or the webmail, asks this value: nothing cuts a header or
parses a tree anew.
"""

from functools import cached_property

from mailcore.mail.reading import header, structure
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.octets import Octets


class Message:
    """`octets` may be a mapped file: nothing copies the whole of a large one.  Read when first asked, and remembered."""

    def __init__(self, octets: Octets) -> None:
        self.octets = octets

    @cached_property
    def header(self) -> Header:
        return Header(header.split(self.octets)[0])

    @cached_property
    def root(self) -> structure.Part:
        """Return the message's MIME structure (mail/reading/structure.py)."""
        return structure.parse(self.octets, self.header)

    @property
    def size(self) -> int:
        return len(self.octets)
