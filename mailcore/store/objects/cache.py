"""A bounded folder of octets that stand elsewhere: what this machine wrote or read lately is read from its own disk.

Nothing in it is the only copy: any file may be removed at any time, and one that is mapped stays readable for who has it.  The
oldest go first; a read makes a file young again.  Of several processes that want the same octets one downloads them.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mailcore.errors import Busy, OctetsMissing
from mailcore.mail.reading.octets import Octets
from mailcore.store.objects.files import map_file, path_in

log = logging.getLogger(__name__)

_PART = ".part"
QUIET_SECONDS = 60  # between two lines of the log about a folder that cannot be written
YOUNG_SECONDS = 60  # a file that is read more often keeps its time
HELD_OCTETS = 64 * 2**20  # of memory, while the folder cannot be written; one that is larger is held alone
ROOM = 0.9  # of the limit is left in use by a sweep
SLACK = 0.05  # of the limit may be written by one process before it looks again


class Cache:
    """A cache of at most about `limit` octets."""

    def __init__(self, root: Path, limit: int) -> None:
        self._root, self._limit = root, limit
        self._written = 0
        self._quiet_until = 0.0
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, name: bytes) -> Path:
        return path_in(self._root, name)

    def find(self, name: bytes) -> Octets | None:
        path = self.path(name)
        found = map_file(path)
        if found is None:
            with self._lock:
                return self._held.get(name)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - YOUNG_SECONDS:
                os.utime(path)
        return found

    def save(self, name: bytes, octets: Octets) -> None:
        """Keep what was just stored; a full disk costs a download later and nothing else."""
        try:
            with contextlib.suppress(Busy):
                self._write(name, lambda: (octets,))
        except OSError as problem:
            self._complain(problem)

    def adopt(self, name: bytes, file: Path, size: int) -> None:
        """Move a file of the same file system in."""
        with contextlib.suppress(OSError):
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            file.rename(self.path(name))
            self._count(size)

    def fill(self, name: bytes, download: Callable[[], Iterable[Octets]]) -> None:
        """Take octets in if they are not there; they are checked against their name.

        Where the folder cannot be written (it was removed, and a confined process makes no new one), the last of them are held
        in memory, so that they are read all the same.

        Raises:
            Busy: they are not what the name says.
            FileNotFoundError: `download` found them nowhere.
        """
        nowhere: list[FileNotFoundError] = []

        def pieces() -> Iterator[Octets]:
            try:
                yield from download()
            except FileNotFoundError as problem:
                nowhere.append(problem)
                raise

        try:
            self._write(name, pieces)
        except OSError as problem:
            if problem in nowhere:
                raise
            self._complain(problem)
            self._hold(name, download())

    def _write(self, name: bytes, pieces: Callable[[], Iterable[Octets]]) -> None:
        """Raises Busy, OSError."""
        target = self.path(name)
        part = target.with_name(target.name + _PART)
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        while not target.exists():
            with open(part, "ab", opener=_open_own) as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # others wait here, and find it when they come in
                if target.exists() or not _is_at(part, file.fileno()):
                    continue
                file.truncate(0)
                size = _write_checked(file.fileno(), name, pieces())
                part.rename(target)
                with self._lock:
                    self._held.clear()  # the folder takes what is read anew
                break
        self._count(size)

    def _hold(self, name: bytes, pieces: Iterable[Octets]) -> None:
        """Raises Busy: they are not what the name says."""
        octets = b"".join(pieces)
        if hashlib.sha256(octets).digest() != name:
            raise OctetsMissing(f"what came for {name.hex()} is something else")
        with self._lock:
            self._held[name] = octets
            while len(self._held) > 1 and sum(map(len, self._held.values())) > HELD_OCTETS:
                self._held.popitem(last=False)

    def _complain(self, problem: OSError) -> None:
        """Say in the log why it cannot be written, at most once a minute."""
        with self._lock:
            now = time.monotonic()
            if now < self._quiet_until:
                return
            self._quiet_until = now + QUIET_SECONDS
        log.error("the cache %s cannot be written: %s", self._root, problem.strerror or type(problem).__name__)

    def remove(self, name: bytes) -> None:
        with contextlib.suppress(OSError):
            self.path(name).unlink()

    def tidy(self, before: float) -> None:
        """Remove downloads that were never finished, and the oldest of what is too much."""
        for path in self._root.glob(f"??/??/*{_PART}"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()
        self.shrink()

    def shrink(self) -> None:
        """Remove the files that were not read for longest, if all together are above the limit."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total <= self._limit:
            return
        for _, size, path in files:
            if total <= self._limit * ROOM:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._root.glob("??/??/*"):
            if not path.name.endswith(_PART):
                with contextlib.suppress(OSError):
                    state = path.stat()
                    yield state.st_mtime, state.st_size, path

    def _count(self, size: int) -> None:
        with self._lock:
            self._written += size
            if self._written <= self._limit * SLACK:
                return
            self._written = 0
        self.shrink()


def _write_checked(handle: int, name: bytes, pieces: Iterable[Octets]) -> int:
    """Write to a file, and return the size; raises Busy if the octets have another SHA-256 than `name`."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        left = memoryview(piece)
        while left:
            left = left[os.write(handle, left) :]
    if digest.digest() != name:
        raise OctetsMissing(f"what came for {name.hex()} is something else")
    return size


def _open_own(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # mail is read by us alone


def _is_at(path: Path, handle: int) -> bool:
    """Say if the open file still has this name: whoever was before us may have given it another, under which it is read."""
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False
