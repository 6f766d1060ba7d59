"""A header block cut into its fields once: whoever asks of a message's fields asks this value."""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from mailcore.mail.reading import address, dates, header
from mailcore.mail.reading.address import MailAddress

Piece = tuple[
    str, bytes, bytes
]  # name as written, raw octets with line end, raw value; what is no field has the name ""


class Header:
    """`block` with its blank line.  What is decoded is decoded when it is first asked for, and remembered."""

    def __init__(self, block: bytes) -> None:
        self.block = block
        self._unfolded: dict[str, list[bytes]] = {}
        self._texts: dict[str, tuple[str, ...]] = {}

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Return everything in its order, but the blank line (mail/reading/header.py)."""
        return tuple(header.pieces(self.block[: header.MAX_READ]))

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for name, _, value in self.pieces:
            if name:
                found.setdefault(name.lower(), []).append(value)
        return found

    def has(self, name: str) -> bool:
        return name.lower() in self._by_name

    def raw_values(self, name: str) -> list[bytes]:
        """Return the values of all fields of that name, unfolded, undecoded."""
        known = self._unfolded.get(name)
        if known is None:
            known = self._unfolded[name] = [header.unfold(value) for value in self._by_name.get(name.lower(), ())]
        return known

    def values(self, name: str) -> tuple[str, ...]:
        """Return the same as text, with encoded words decoded."""
        lower = name.lower()
        if lower not in self._texts:
            self._texts[lower] = tuple(map(header.decode, self.raw_values(lower)))
        return self._texts[lower]

    def text(self, name: str) -> str:
        """Return the field of that name that counts (`header.LAST_COUNTS`) on one line, or ""."""
        return " ".join("".join(header.counting(name.lower(), self.values(name))).split())

    def addresses(self, name: str) -> tuple[MailAddress, ...]:
        """Return all addresses of all fields of that name, parsed before they are decoded."""
        return tuple(one for value in self.raw_values(name) for one in address.parse(value))

    @cached_property
    def authors(self) -> tuple[MailAddress, ...]:
        """Return the addresses of From."""
        return self.addresses("from")

    @cached_property
    def sent_at(self) -> datetime | None:
        """Date, or None where it is none."""
        return dates.parse(self.text("date"))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Give names as written, and raw values."""
        return ((name, value) for name, _, value in self.pieces if name)
