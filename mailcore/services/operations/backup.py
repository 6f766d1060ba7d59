"""Backup and restore of a whole installation: the database at one moment, the blobs that it names, keys and certificates.

The server goes on serving.  A second backup into the same folder writes only what is new, and one that fails leaves
the one before.  In the folder:

    database          the database of that moment
    blobs/ab/cd/...   octets of large messages, named by their SHA-256
    files/...         what else stands under `data` (keys of DKIM, certificates)
    SHA256SUMS        of the database and of what stands in files/, as sha256sum --check reads it
    manifest.json     written last: when, and how much
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import BackupProblem
from mailcore.process.data_lock import lock_data
from mailcore.process.durable import write_file
from mailcore.services.operations import backup_sums, backup_times, file_delta
from mailcore.services.operations.other_files import copy_other_files
from mailcore.store.copies import files, marks, tables
from mailcore.store.engine import newer_credentials, snapshot
from mailcore.store.engine.values import get_value
from mailcore.store.migrations.opening import opened
from mailcore.store.objects.copying import copy_octets
from mailcore.store.objects.files import FileObjects
from mailcore.store.objects.opening import open_objects

FORM = 1


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """The manifest of a backup: `written` octets are new since the last one into the folder.

    `missing`: large blobs that were already missing here; `alumnimail check` names them.  Backups of before 0.2.0
    did not count `accounts`, `mailboxes` and `messages`.
    """

    at: str
    database: int
    blobs: int
    blob_octets: int
    files: int
    written: int
    form: int = FORM
    missing: int = 0
    accounts: int | None = None
    mailboxes: int | None = None
    messages: int | None = None


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
    if not config.is_on_postgresql and not config.database_path.exists():
        raise BackupProblem(f"there is no database at {config.database_path}")
    began = time.monotonic()
    try:
        made = _write_backup(config, folder, clock, progress)
    except OSError as problem:
        raise BackupProblem(f"{folder} cannot be written: {problem.strerror}") from problem
    finally:
        with contextlib.suppress(OSError):
            file_delta.discard_delta(folder / "database")
    backup_times.record_backup(config, clock, time.monotonic() - began)
    return made


def _write_backup(config: Config, folder: Path, clock: Clock, progress: Progress) -> BackupManifest:
    """Raises OSError, BackupProblem, Busy."""
    known = any((folder / name).exists() for name in ("manifest.json", "database", "blobs"))
    if folder.exists() and any(folder.iterdir()) and not known:
        raise BackupProblem(f"{folder} is not empty and holds no backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    target, digest = folder / "database", hashlib.sha256()
    with _one_moment(config, folder, clock) as source:
        written = file_delta.write_delta(source, target, progress, digest.update)
        blobs, contents = list(snapshot.blob_names(source)), snapshot.count_contents(source)
    # order 1 holds: what the database of that moment names is stored, and octets go a day after their row
    stored, copies = open_objects(config), FileObjects(folder / "blobs")
    missing = 0
    for name, size in blobs:
        copied = copy_octets(stored, copies, name, size)
        progress(copied or 0)
        missing += copied is None
        written += copied or 0
    others = copy_other_files(config, folder / "files")
    file_delta.apply_delta(target)
    _remove_others(folder / "blobs", {copies.path(name) for name, _ in blobs})
    _remove_others(folder / "files", set(others))
    backup_sums.write_sums(folder, digest.digest(), others)
    octets = sum(size for _, size in blobs)
    made = BackupManifest(
        clock.now().isoformat(),
        target.stat().st_size,
        len(blobs),
        octets,
        len(others),
        written,
        missing=missing,
        accounts=contents.accounts,
        mailboxes=contents.mailboxes,
        messages=contents.messages,
    )
    write_file(folder / "manifest.json", json.dumps(asdict(made), indent=1).encode())
    return made


@contextlib.contextmanager
def _one_moment(config: Config, folder: Path, clock: Clock) -> Iterator[Path]:
    """Give a file of SQLite with the database of one moment: its own, or a copy of another engine's rows."""
    if not config.is_on_postgresql:
        with snapshot.standing_still(config.database_path):
            yield config.database_path
        return
    copy = folder / "database.rows"
    try:
        with opened(config, clock) as db:
            files.write_file(db, copy, clock.seconds())
        yield copy
    finally:
        files.remove_file(copy)


def read_manifest(folder: Path) -> BackupManifest:
    """Read when a backup was made, and what is in it.  Raises BackupProblem."""
    try:
        return BackupManifest(**json.loads((folder / "manifest.json").read_text()))
    except (OSError, ValueError, TypeError):
        raise BackupProblem(f"{folder} holds no finished backup") from None


def estimate_size(config: Config) -> int:
    """Estimate the octets that a backup reads, for a progress bar."""
    if config.is_on_postgresql:
        return 0
    return config.database_path.stat().st_size if config.database_path.exists() else 0


def _remove_others(folder: Path, kept: set[Path]) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()


def _refuse_other(config: Config, clock: Clock) -> None:
    """Raise BackupProblem if a database is here already."""
    if not config.is_on_postgresql:
        if config.database_path.exists():
            raise BackupProblem(f"there is a database at {config.database_path}; move it away, or say --replace")
        return
    with opened(config, clock) as db:
        if db.read(tables.has_accounts) and not db.read(lambda tx: get_value(tx, marks.FILLING)):
            raise BackupProblem("the database holds accounts already; say --replace to have them deleted")


def _fill(config: Config, file: Path, clock: Clock) -> None:
    """Fill a database of another engine from a file of SQLite; nobody serves it before it is whole."""
    with opened(config, clock) as db:
        db.write(lambda tx: marks.set_mark(tx, marks.FILLING, "restore"))
        files.read_file(db, file)
        db.write(tables.number_on)
        db.write(marks.end_filling)


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """Result of a restore.

    Attributes:
        missing: large blobs that the backup does not have.
        held: items of the queue that wait for the operator.
        newer: accounts whose credentials were changed since the backup and stay so; None if nothing could tell.
    """

    made: BackupManifest
    missing: int
    held: int
    newer: int | None


def restore_backup(
    config: Config, folder: Path, clock: Clock, *, replace: bool = False, progress: Progress = _ignore_progress
) -> RestoreResult:
    """Restore an installation from a backup.

    Raises:
        BackupProblem: there is no complete backup, or a database is here already.
        ConfigError: the server runs.
    """
    target = config.database_key
    if not replace:
        _refuse_other(config, clock)
    config.data_path.mkdir(parents=True, exist_ok=True)
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
    made = read_manifest(folder)
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
    newer = (
        None if config.is_on_postgresql else newer_credentials.keep_newer_credentials(temporary, config.database_path)
    )
    if config.is_on_postgresql:
        _fill(config, temporary, clock)
        files.remove_file(temporary)
    else:
        target = config.database_path
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
        temporary.rename(target)
    return RestoreResult(made, missing, held, newer)
