"""Files as `ab/cd/<sha256>` in a folder: written beside, synced, then renamed."""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mailcore.errors import Busy, OctetsMissing
from mailcore.mail.reading.octets import Octets
from mailcore.process.durable import sync_folder
from mailcore.store.objects.contract import TURNS, StoredObject

_UNFINISHED = ".new-"


class FileObjects:
    """The `Objects` of one machine."""

    is_far = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: set[Path] = set()  # folders that are on disk for sure

    def put(self, name: bytes, octets: Octets) -> None:
        target = self.path(name)
        try:
            if _is_there(target, len(octets)):
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=_UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(octets)
                    file.flush()
                    os.fsync(file.fileno())
                self._place(Path(temporary), target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as problem:
            raise Busy(f"the blob store cannot be written: {problem.strerror}") from problem

    def adopt(self, name: bytes, file: Path, octets: Octets) -> None:
        target = self.path(name)
        try:
            if not _is_there(target, len(octets)):
                self._place(file, target)
        except OSError as problem:
            raise Busy(f"the blob store cannot be written: {problem.strerror}") from problem

    def near(self, name: bytes) -> Octets | None:
        octets = map_file(self.path(name))
        if octets is None:
            raise OctetsMissing(f"the octets of {name.hex()} cannot be read")
        return octets

    def fetch(self, names: Sequence[bytes]) -> None:
        """All that there is is near."""

    def read(self, name: bytes, start: int, stop: int) -> bytes:
        try:
            with self.path(name).open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        except OSError as problem:
            raise OctetsMissing(f"the octets of {name.hex()} cannot be read") from problem

    def size(self, name: bytes) -> int | None:
        try:
            return self.path(name).stat().st_size
        except OSError:
            return None

    def is_lost(self, name: bytes, size: int) -> bool:
        return self.size(name) != size

    def list(self, turn: int) -> Iterator[StoredObject]:
        for number, folder in enumerate(sorted(self._root.glob("??"))):
            if number % TURNS == turn % TURNS:
                for path in folder.glob("??/*"):
                    with contextlib.suppress(OSError, ValueError):  # removed meanwhile; not one of ours
                        state = path.stat()
                        yield StoredObject(bytes.fromhex(path.name), state.st_size, state.st_mtime)

    def remove(self, names: Sequence[bytes]) -> None:
        try:
            for name in names:
                self.path(name).unlink(missing_ok=True)
        except OSError as problem:
            raise Busy(f"the blob store cannot be written: {problem.strerror}") from problem

    def claim(self, owner: str) -> None:
        """A folder is nobody else's: who serves it locks it (process/data_lock.py)."""

    def tidy(self, before: float) -> None:
        for path in self._root.glob(f"??/??/{_UNFINISHED}*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def path(self, name: bytes) -> Path:
        return path_in(self._root, name)

    def paths(self) -> Iterator[Path]:
        return self._root.glob("??/??/*")

    def _place(self, file: Path, target: Path) -> None:
        """Give a synced file its name for good; raises OSError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        sync_folder(target.parent)
        if target.parent not in self._known:  # somebody, perhaps another process, made it and may not have synced it
            sync_folder(target.parent.parent)
            sync_folder(self._root)
            self._known.add(target.parent)


def path_in(root: Path, name: bytes) -> Path:
    text = name.hex()
    return root / text[:2] / text[2:4] / text


def map_file(path: Path) -> Octets | None:
    """Map a file that is not empty; None if there is none."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None


def _is_there(target: Path, size: int) -> bool:
    """Does a whole blob stand there already?  Then its age begins anew."""
    if not target.exists() or target.stat().st_size != size:
        return False
    os.utime(target)
    return True
