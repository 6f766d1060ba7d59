"""A message on its way in: in memory while it is small, then a file beside the blobs, which becomes the blob itself.

`add` never blocks; `flush`, `octets` and `Blobs.keep` may, once there is a file.  `discard` may come while another thread
is at work for a peer that has left: the descriptor is closed by one at a time, or it could be somebody else's file.
"""

import contextlib
import hashlib
import logging
import mmap
import os
import tempfile
import threading
from pathlib import Path

from mailcore.errors import Busy
from mailcore.mail.reading.octets import Octets

log = logging.getLogger(__name__)


class Spool:
    """Octets in their order.

    Args:
        folder: on the same file system as the blobs.
        border: octets that may stay in memory.
    """

    def __init__(self, folder: Path, border: int) -> None:
        self._folder, self._border = folder, border
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._file: int | None = None
        self._gone = False
        self._lock = threading.Lock()
        self.path: Path | None = None
        self.size = 0

    def add(self, octets: bytes) -> None:
        self._waiting += octets
        self.size += len(octets)

    @property
    def must_flush(self) -> bool:
        return len(self._waiting) > self._border

    def flush(self) -> None:
        """Write what waits.

        Raises:
            Busy: disk full or not writable; nothing is saved.
        """
        try:
            with self._lock:
                octets, self._waiting = self._waiting, bytearray()
                self._write(octets)
        except OSError as problem:
            self.discard()
            if problem.errno:  # else the peer has left
                log.error("the spool %s cannot be written: %s", self._folder, problem.strerror)
            raise Busy("the spool cannot be written") from problem

    def _write(self, octets: bytearray) -> None:
        if self._gone:
            raise OSError("discarded")
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file, name = tempfile.mkstemp(dir=self._folder, prefix="in-")
            self.path = Path(name)
        self._hash.update(octets)
        left = memoryview(octets)
        while left:
            left = left[os.write(self._file, left) :]

    def octets(self) -> Octets:
        """Return all octets, mapped if they are in a file."""
        if self._file is None:
            return bytes(self._waiting)
        self.flush()
        with self._lock:
            if self._file is None:
                raise Busy("the spool is gone")
            return mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)

    def name(self) -> bytes:
        """The SHA-256 of what was flushed."""
        return self._hash.digest()

    def close(self) -> None:
        """The file is on disk when this returns; raises OSError."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
                self._file = None

    def discard(self) -> None:
        """Forget everything; safe to repeat, and after the file became a blob."""
        with self._lock:
            self._gone = True
            self._waiting = bytearray()
            if self._file is not None:
                os.close(self._file)
                self._file = None
            if self.path is not None:
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)
                self.path = None
