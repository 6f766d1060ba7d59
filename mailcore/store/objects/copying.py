"""Octets from one store to another: for backups, and when an installation moves."""

import contextlib
import hashlib
import mmap
import tempfile
from collections.abc import Iterator

from mailcore.errors import Busy
from mailcore.mail.reading.octets import Octets, blocks
from mailcore.store.objects.contract import Objects

PIECE = 8 * 2**20


def copy_octets(source: Objects, target: Objects, name: bytes, size: int, *, check: bool = False) -> int | None:
    """Copy one blob unless it is there; return the octets written, None if the source does not have it.

    Args:
        check: what this machine has is compared with its name, too; what comes from another is compared anyway.

    Raises:
        Busy: one of the stores cannot be used now.
    """
    if target.size(name) == size:
        return 0
    with _opened(source, name, size) as octets:
        if octets is None or len(octets) != size or (check and _hash(octets) != name):
            return None
        target.put(name, octets)
    return size


@contextlib.contextmanager
def _opened(source: Objects, name: bytes, size: int) -> Iterator[Octets | None]:
    """Map the octets, through a temporary file if they come from afar: a cache is for those who read mail."""
    if source.size(name) != size:
        yield None
        return
    near = source.near(name)
    if near is not None:
        yield near
        return
    with tempfile.TemporaryFile() as file:
        for start in range(0, size, PIECE):
            file.write(source.read(name, start, start + PIECE))
        file.flush()
        octets = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if _hash(octets) != name:
            raise Busy(f"what came for {name.hex()} is something else")
        yield octets


def _hash(octets: Octets) -> bytes:
    digest = hashlib.sha256()
    for block in blocks(octets):
        digest.update(block)
    return digest.digest()
