"""Backup and restore of a whole installation: the database at one moment, the blobs that it names, keys and certificates.

The server goes on serving.  A second backup into the same folder writes only what is new, and one that fails leaves
the one before.  In the folder:

    database          the database of that moment
    blobs/ab/cd/...   octets of large messages, named by their SHA-256
    files/...         what else stands under `data` (keys of DKIM, certificates)
    manifest.json     written last: when, and how much
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import BackupProblem
from mailcore.process.data_lock import lock_data
from mailcore.services.operations import file_delta
from mailcore.store.engine import snapshot
from mailcore.store.objects.copying import copy_octets
from mailcore.store.objects.files import FileObjects
from mailcore.store.objects.opening import open_objects

FORM = 1
_DERIVED = ("search", "spool", "cache")  # made anew by themselves


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """The manifest of a backup: `written` octets are new since the last one into the folder.

    `missing`: large blobs that were already missing here; `alumnimail check` names them.
    """

    at: str
    database: int
    blobs: int
    blob_octets: int
    files: int
    written: int
    form: int = FORM
    missing: int = 0


Progress = Callable[[int], object]


def _ignore_progress(octets: int) -> None:
    """Ignore the progress: nobody watches."""


def create_backup(config: Config, folder: Path, clock: Clock, progress: Progress = _ignore_progress) -> BackupManifest:
    """Write a backup into `folder`, which is created if it is missing.

    Args:
        progress: called with the number of octets that were read, for a progress bar.

    Raises:
        BackupProblem: there is nothing to back up, or the folder is something else.
        Busy: the database has no quiet moment.
    """
    source = config.database_path
    if not source.exists():
        raise BackupProblem(f"there is no database at {source}")
    try:
        return _write_backup(config, source, folder, clock, progress)
    except OSError as problem:
        raise BackupProblem(f"{folder} cannot be written: {problem.strerror}") from problem
    finally:
        with contextlib.suppress(OSError):
            file_delta.discard_delta(folder / "database")


def _write_backup(config: Config, source: Path, folder: Path, clock: Clock, progress: Progress) -> BackupManifest:
    """Raises OSError, BackupProblem, Busy."""
    known = any((folder / name).exists() for name in ("manifest.json", "database", "blobs"))
    if folder.exists() and any(folder.iterdir()) and not known:
        raise BackupProblem(f"{folder} is not empty and holds no backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    target = folder / "database"
    with snapshot.standing_still(source):
        written = file_delta.write_delta(source, target, progress)
        blobs = list(snapshot.blob_names(source))
    # order 1 holds: what the database of that moment names is stored, and octets go a day after their row
    stored, copies = open_objects(config), FileObjects(folder / "blobs")
    missing = 0
    for name, size in blobs:
        copied = copy_octets(stored, copies, name, size)
        progress(copied or 0)
        missing += copied is None
        written += copied or 0
    files = _list_other_files(config)
    for file, inside in files:
        with contextlib.suppress(FileNotFoundError):  # one that was there for a moment only
            file_delta.copy_file(file, folder / "files" / inside)
    file_delta.apply_delta(target)
    _remove_others(folder / "blobs", {copies.path(name) for name, _ in blobs})
    _remove_others(folder / "files", {folder / "files" / inside for _, inside in files})
    octets = sum(size for _, size in blobs)
    made = BackupManifest(
        clock.now().isoformat(), target.stat().st_size, len(blobs), octets, len(files), written, missing=missing
    )
    manifest = folder / "manifest.json.new"
    with manifest.open("w") as out:
        json.dump(asdict(made), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    manifest.rename(folder / "manifest.json")
    return made


def estimate_size(config: Config) -> int:
    """Estimate the octets that a backup reads, for a progress bar."""
    return config.database_path.stat().st_size if config.database_path.exists() else 0


def _list_other_files(config: Config) -> list[tuple[Path, Path]]:
    """List the files under `data` beside database and blobs: each file, and its path there."""
    database, blobs = config.database_path.resolve(), config.blobs_path.resolve()
    files = []
    for file in sorted(config.data_path.rglob("*")):
        inside = file.relative_to(config.data_path)
        real = file.resolve()
        if not file.is_file() or inside.parts[0] in _DERIVED or real.is_relative_to(blobs):
            continue
        if real.parent == database.parent and real.name.startswith(database.name):
            continue
        files.append((file, inside))
    return files


def _remove_others(folder: Path, kept: set[Path]) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """`missing`: large blobs that the backup does not have; `held`: items of the queue that wait for the operator."""

    made: BackupManifest
    missing: int
    held: int


def restore_backup(
    config: Config, folder: Path, clock: Clock, *, replace: bool = False, progress: Progress = _ignore_progress
) -> RestoreResult:
    """Restore an installation from a backup.

    Raises:
        BackupProblem: there is no complete backup, or a database is here already.
        ConfigError: the server runs.
    """
    target = config.database_path
    if target.exists() and not replace:
        raise BackupProblem(f"there is a database at {target}; move it away, or say --replace")
    temporary = target.with_name(target.name + ".restored")
    try:
        with lock_data(config):
            return _write_restored(config, folder, clock, temporary, progress)
    except OSError as problem:
        where = problem.filename or config.data_path
        raise BackupProblem(f"it cannot be brought back: {problem.strerror} ({where})") from problem
    finally:
        temporary.unlink(missing_ok=True)


def _write_restored(config: Config, folder: Path, clock: Clock, temporary: Path, progress: Progress) -> RestoreResult:
    """Restore what takes room first: a full disk leaves the present data as it is.  Raises OSError, BackupProblem."""
    try:
        made = BackupManifest(**json.loads((folder / "manifest.json").read_text()))
    except (OSError, ValueError, TypeError):
        raise BackupProblem(f"{folder} holds no finished backup") from None
    file_delta.finish_interrupted(folder / "database")
    file_delta.copy_file(folder / "database", temporary)
    progress(made.database)
    if not snapshot.is_whole(temporary):
        raise BackupProblem("the database of the backup is damaged")
    copies, stored = FileObjects(folder / "blobs"), open_objects(config)
    missing = 0
    for name, size in snapshot.blob_names(temporary):
        copied = copy_octets(copies, stored, name, size)
        missing += copied is None
        progress(copied or 0)
    held = snapshot.after_restore(temporary, clock.seconds())
    for file in (folder / "files").rglob("*"):
        if file.is_file():
            file_delta.copy_file(file, config.data_path / file.relative_to(folder / "files"))
    target = config.database_path
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
        temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
    temporary.rename(target)
    return RestoreResult(made, missing, held)
