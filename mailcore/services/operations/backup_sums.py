"""SHA256SUMS in the folder of a backup: hashes of what is not named by its hash, in the form of coreutils."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mailcore.errors import BackupProblem
from mailcore.process.durable import write_file

FILE = "SHA256SUMS"


def write_sums(folder: Path, database: bytes, files: Sequence[Path]) -> None:
    """Write the hashes of a backup.

    Args:
        database: its hash, which was computed while it was read.
        files: those below `folder`, beside database and large messages.
    """
    lines = [f"{database.hex()}  database\n"]
    lines += [f"{hash_file(file).hex()}  {file.relative_to(folder)}\n" for file in files]
    write_file(folder / FILE, os.fsencode("".join(lines)))


def list_changed(folder: Path) -> Iterator[str]:
    """Yield the files that are gone from a backup or are not what they were; nothing of one without hashes.

    Raises:
        BackupProblem: the hashes cannot be read.
    """
    try:
        lines = os.fsdecode((folder / FILE).read_bytes()).split("\n")
    except FileNotFoundError:  # a backup of before 0.2.0
        return
    except OSError as problem:
        raise BackupProblem(f"{folder / FILE} cannot be read: {problem.strerror}") from problem
    for line in filter(None, lines):
        written, _, name = line.partition("  ")
        try:
            if hash_file(folder / name).hex() != written:
                yield name
        except OSError:
            yield name


def hash_file(file: Path) -> bytes:
    """Return the SHA-256 of a file.  Raises OSError."""
    with file.open("rb") as octets:
        return hashlib.file_digest(octets, "sha256").digest()
