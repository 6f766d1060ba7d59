"""Bring one file up to another by writing only what differs; a crash at any moment leaves the old or the new one.

What differs goes to a file of its own first (delta), which is whole or not there; applying it may be done again.
Form: records of offset and length (8 + 4 octets) and the octets; the new size; the SHA-256 of all before.
"""

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

BLOCK, PAGE = 2**20, 4096
_RECORD = struct.Struct(">QI")
_END = struct.Struct(">Q")


def update(source: Path, base: Path, told: Callable[[int], object]) -> int:
    """Make `base` as `source` is; the number of octets written."""
    written = differ(source, base, told)
    bring(base)
    return written


def differ(source: Path, base: Path, told: Callable[[int], object]) -> int:
    """Write down what `bring` shall change in `base`, which stays as it is; the number of octets written.

    Args:
        told: called with the number of octets that were read.
    """
    settle(base)
    if not base.exists():
        return _write(source, _new(base), told)
    written = 0
    with source.open("rb") as new, base.open("rb") as old, _new(_delta(base)).open("wb") as out:
        digest = hashlib.sha256()

        def write(octets: bytes) -> None:
            digest.update(octets)
            out.write(octets)

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
            told(len(block))
        write(_END.pack(at))
        out.write(digest.digest())
        out.flush()
        os.fsync(out.fileno())
    return written


def bring(base: Path) -> None:
    """Make the changes that `differ` wrote down take effect."""
    name = _delta(base) if base.exists() else base
    _new(name).rename(name)
    _sync_folder(base.parent)
    settle(base)


def give_up(base: Path) -> None:
    """Forget what `differ` wrote down, or had begun to."""
    for name in (_delta(base), base):
        _new(name).unlink(missing_ok=True)


def _delta(base: Path) -> Path:
    return base.with_name(base.name + ".delta")


def _new(file: Path) -> Path:
    return file.with_name(file.name + ".new")


def settle(base: Path) -> None:
    """Apply a delta that a crash left, if it is whole; forget it if not."""
    delta = _delta(base)
    _new(delta).unlink(missing_ok=True)
    if not delta.exists():
        return
    if base.exists() and _is_whole(delta):
        _apply(delta, base)
    delta.unlink()
    _sync_folder(base.parent)


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


def _apply(delta: Path, base: Path) -> None:
    left = delta.stat().st_size - 32 - _END.size
    with delta.open("rb") as file, base.open("r+b") as out:
        while left:
            offset, length = _RECORD.unpack(file.read(_RECORD.size))
            out.seek(offset)
            out.write(file.read(length))
            left -= _RECORD.size + length
        out.truncate(_END.unpack(file.read(_END.size))[0])
        out.flush()
        os.fsync(out.fileno())


def _write(source: Path, target: Path, told: Callable[[int], object]) -> int:
    size = 0
    with source.open("rb") as file, target.open("wb") as out:
        while block := file.read(BLOCK):
            out.write(block)
            size += len(block)
            told(len(block))
        out.flush()
        os.fsync(out.fileno())
    return size


def copy(source: Path, target: Path) -> int:
    """A file whole or not at all; its octets."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new(target)
    try:
        size = _write(source, temporary, lambda octets: None)
        temporary.chmod(source.stat().st_mode & 0o777)
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
