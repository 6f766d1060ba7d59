"""A part of a large message that is far away: it alone is read, where the whole has not been brought here.

Who asks for a second part of the same message reads on, as a rule, and gets the whole.
"""

import mmap
import time
from functools import partial

from mailcore.mail.reading.octets import Octets
from mailcore.store.engine.db import Outside
from mailcore.store.objects.contract import Objects

MOST = 2**20  # octets of a part; for more the whole is brought
READS_ON_SECONDS = 300
MOST_KNOWN = 1000  # messages of which a part was read lately
MOST_READ = 32  # parts that wait to be taken

Part = tuple[bytes, int, int]


class BlobRanges:
    """Parts of the blobs of one process."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._read: dict[Part, bytes] = {}
        self._read_at: dict[bytes, float] = {}

    def find(self, name: bytes, size: int, start: int, stop: int) -> Octets | None:
        """Return octets of the blob's size that hold this part and nothing else; None where the whole is to be brought.

        Raises:
            Outside: the part is to be read first; the transaction begins anew.
            Busy: the blob is not stored.
        """
        start, stop = max(0, start), min(stop, size)
        if stop - start > MOST:
            return None
        octets = self._read.pop((name, start, stop), None)
        if octets is not None:
            return _lay_out(octets, size, start)
        if time.monotonic() - self._read_at.get(name, -READS_ON_SECONDS) < READS_ON_SECONDS:
            return None
        if start >= stop:
            return _lay_out(b"", size, 0)
        raise Outside(partial(self._fetch, (name, start, stop)))

    def _fetch(self, part: Part) -> None:
        octets = self._objects.read(*part)
        for known, most in ((self._read, MOST_READ), (self._read_at, MOST_KNOWN)):
            if len(known) >= most:
                known.clear()
        self._read[part], self._read_at[part[0]] = octets, time.monotonic()


def _lay_out(octets: bytes, size: int, start: int) -> mmap.mmap:
    """Return a map of which only the pages of these octets take memory."""
    laid_out = mmap.mmap(-1, size)
    laid_out[start : start + len(octets)] = octets
    return laid_out
