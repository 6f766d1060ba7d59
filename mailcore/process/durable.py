"""Files that are whole or not there, and stay: one whose octets were synced can still be without its name after a power loss."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

OWNER_ONLY, PUBLIC = 0o600, 0o644


def write_file(path: Path, octets: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a file, whole or not at all, in place of the one of that name.  Raises OSError."""
    with staged_file(path, octets, mode) as new:
        new.rename(path)
    sync_folder(path.parent)


def create_file(path: Path, octets: bytes) -> None:
    """Write a file, whole or not at all; of several processes that create it the first one's stands.  Raises OSError."""
    with staged_file(path, octets) as new, contextlib.suppress(FileExistsError):
        os.link(new, path)
    sync_folder(path.parent)


@contextlib.contextmanager
def staged_file(path: Path, octets: bytes, mode: int = OWNER_ONLY) -> Iterator[Path]:
    """Write and sync beside `path` what is to stand there, for the block to name; removed if it does not.

    A folder that is missing is created, for its owner alone.  Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(octets)
            file.flush()
            if mode != OWNER_ONLY:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield new
    finally:
        new.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or linked in the folder durable.  Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
