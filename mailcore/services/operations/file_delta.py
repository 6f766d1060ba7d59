"""Bring one file up to another by writing only what differs; a crash at any moment leaves the old or the new one.

What differs goes to a file of its own first (delta), which is whole or not there; applying it may be done again.
Form: records of offset and length (8 + 4 octets) and the octets; the new size; the SHA-256 of all before.
"""

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

from mailcore.process.durable import sync_folder

BLOCK, PAGE = 2**20, 4096
_RECORD = struct.Struct(">QI")
_END = struct.Struct(">Q")


def write_delta(
    source: Path, base: Path, progress: Callable[[int], object], read: Callable[[bytes], object] = lambda octets: None
) -> int:
    """Write what `apply_delta` is to change in `base`, which stays as it is; return the number of octets written.

    Args:
        progress: called with the number of octets that were read.
        read: called with these octets, to hash them on the way.
    """
    finish_interrupted(base)
    if not base.exists():
        return _write_records(source, _new_path(base), progress, read)
    written = 0
    with source.open("rb") as new, base.open("rb") as old, _new_path(_delta_path(base)).open("wb") as output:
        digest = hashlib.sha256()

        def write(octets: bytes) -> None:
            digest.update(octets)
            output.write(octets)

        at = 0
        while block := new.read(BLOCK):
            before = old.read(BLOCK)
            if block != before:
                for start in range(0, len(block), PAGE):
                    page = block[start : start + PAGE]
                    if page != before[start : start + PAGE]:
                        write(_RECORD.pack(at + start, len(page)) + page)
                        written += len(page)
            at += len(block)
            read(block)
            progress(len(block))
        write(_END.pack(at))
        output.write(digest.digest())
        output.flush()
        os.fsync(output.fileno())
    return written


def apply_delta(base: Path) -> None:
    """Make the changes that `write_delta` wrote take effect."""
    name = _delta_path(base) if base.exists() else base
    _new_path(name).rename(name)
    sync_folder(base.parent)
    finish_interrupted(base)


def discard_delta(base: Path) -> None:
    """Discard what `write_delta` wrote, or had begun to write."""
    for name in (_delta_path(base), base):
        _new_path(name).unlink(missing_ok=True)


def _delta_path(base: Path) -> Path:
    return base.with_name(base.name + ".delta")


def _new_path(file: Path) -> Path:
    return file.with_name(file.name + ".new")


def finish_interrupted(base: Path) -> None:
    """Apply a delta that a crash left, if it is whole; discard it if not."""
    delta = _delta_path(base)
    _new_path(delta).unlink(missing_ok=True)
    if not delta.exists():
        return
    if base.exists() and _is_whole(delta):
        _apply_records(delta, base)
    delta.unlink()
    sync_folder(base.parent)


def _is_whole(delta: Path) -> bool:
    size = delta.stat().st_size
    if size < _END.size + 32:
        return False
    digest, left = hashlib.sha256(), size - 32
    with delta.open("rb") as file:
        while left:
            block = file.read(min(BLOCK, left))
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


def _apply_records(delta: Path, base: Path) -> None:
    left = delta.stat().st_size - 32 - _END.size
    with delta.open("rb") as file, base.open("r+b") as output:
        while left:
            offset, length = _RECORD.unpack(file.read(_RECORD.size))
            output.seek(offset)
            output.write(file.read(length))
            left -= _RECORD.size + length
        output.truncate(_END.unpack(file.read(_END.size))[0])
        output.flush()
        os.fsync(output.fileno())


def _write_records(
    source: Path, target: Path, progress: Callable[[int], object], read: Callable[[bytes], object] = lambda octets: None
) -> int:
    size = 0
    with source.open("rb") as file, target.open("wb") as output:
        while block := file.read(BLOCK):
            output.write(block)
            size += len(block)
            read(block)
            progress(len(block))
        output.flush()
        os.fsync(output.fileno())
    return size


def copy_file(source: Path, target: Path) -> int:
    """Copy a file, completely or not at all, and return its octets."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_path(target)
    try:
        size = _write_records(source, temporary, lambda octets: None)
        temporary.chmod(source.stat().st_mode & 0o777)
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return size
