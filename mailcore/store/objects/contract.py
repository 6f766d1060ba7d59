"""Stores of large messages: octets under their SHA-256, which never change.

All that `put` promises is on disk when it returns (order 1: blob before row).  Putting what is there already is no error,
and of many who put the same at once one copy stays.  Nothing here knows rows: who names what, and when it may be removed,
is said by store/mail/blob_sweep.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mailcore.mail.reading.octets import Octets

TURNS = 24  # of the sweep, until it has seen everything


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`at`: when it was last written, in seconds since 1970."""

    name: bytes
    size: int
    at: float


class Objects(Protocol):
    """Every method raises Busy when the disk or the server does not do what is asked."""

    is_far: bool  # another server is asked, which may take a while

    def put(self, name: bytes, octets: Octets) -> None:
        """Store octets durably."""

    def adopt(self, name: bytes, file: Path, octets: Octets) -> None:
        """Store what stands in a file of the same file system, complete and synced; the file may be moved away.

        Args:
            octets: the file, mapped.
        """

    def near(self, name: bytes) -> Octets | None:
        """Return the octets, mapped; None if they are to be fetched first.  Raises Busy if they are not stored at all."""

    def fetch(self, names: Sequence[bytes]) -> None:
        """Bring octets to this machine, for `near`, which then knows of those that are not stored."""

    def read(self, name: bytes, start: int, stop: int) -> bytes:
        """Return a range of the octets, from `start` to before `stop`, less where they end earlier."""

    def size(self, name: bytes) -> int | None:
        """Return the size of what is stored, None if nothing is."""

    def is_lost(self, name: bytes, size: int, /) -> bool:
        """Say if it can be seen at once that the octets are not there; False where that would have to be asked for."""

    def list(self, turn: int) -> Iterator[StoredObject]:
        """List a TURNS-th of all that is stored."""

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove octets; those that are not there are no error."""

    def claim(self, owner: str) -> None:
        """Check that all that is needed can be done there, and that it is nobody else's.

        Args:
            owner: says which installation this is.

        Raises:
            ConfigError: it cannot be used; the text is one line.
        """

    def tidy(self, before: float) -> None:
        """Remove what killed processes left unfinished before that time, in seconds since 1970."""
