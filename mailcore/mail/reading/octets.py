"""The octets of a message: in memory, or a file that is mapped.  What reads them copies only the slices it needs.

Both are sliced, searched by `find` and by `re`, and measured by `len`; what `mmap` lacks stands here.
"""

import mmap
from collections.abc import Iterator

Octets = bytes | mmap.mmap
BLOCK = 2**20  # octets that are copied at once


def count(octets: Octets, what: bytes, start: int, stop: int) -> int:
    """Count one octet in a range."""
    if isinstance(octets, bytes):
        return octets.count(what, start, stop)
    return sum(octets[at : min(at + BLOCK, stop)].count(what) for at in range(start, stop, BLOCK))


def blocks(octets: Octets) -> Iterator[bytes]:
    """Piece by piece; the memory of a mapped file is given back on the way."""
    for at in range(0, len(octets), BLOCK):
        yield octets[at : at + BLOCK]
        forget(octets)


def forget(octets: Octets) -> None:
    """Give the memory of a mapped file back; it is read anew when it is asked for again."""
    if isinstance(octets, mmap.mmap):
        octets.madvise(mmap.MADV_DONTNEED)
