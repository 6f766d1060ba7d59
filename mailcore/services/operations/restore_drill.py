"""A restore for trial: into a temporary folder, by the code that restores, and compared with what the backup says of itself.

Nothing of the installation is touched, so it may be done at any time; the database of a trial is always one of SQLite, and its
large messages are files.  Everything is read and hashed once: what SHA-256 does not confirm is named.
"""

import filecmp
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Cluster, Config
from mailcore.errors import BackupProblem, Busy, ConfigError
from mailcore.services.operations import backup, backup_sums, backup_times, health
from mailcore.services.operations.backup import BackupManifest, Progress
from mailcore.store.engine import snapshot
from mailcore.store.engine.snapshot import Contents
from mailcore.store.objects.files import FileObjects

SPARE = 64 * 2**20  # octets that a restored database may grow by when it is brought up to date

_CHANGED = "blob {}: its octets are not what its name says"


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The result of a trial.

    Attributes:
        restore_seconds: how long the restore took, which is what an outage would take.
        check_seconds: how long everything took to be compared.
        problems: a line for each thing that is not as the backup says; none in a good one.
    """

    made: BackupManifest
    contents: Contents
    restore_seconds: float
    check_seconds: float
    problems: tuple[str, ...]


def run_drill(config: Config, folder: Path, clock: Clock, progress: Progress) -> DrillResult:
    """Restore a backup into a temporary folder (of TMPDIR), check it, and remove it; record a good end for the metrics.

    Raises:
        BackupProblem: there is no complete backup, it cannot be restored at all, or there is no room to try.
    """
    made = backup.read_manifest(folder)
    others = sum(file.stat().st_size for file in (folder / "files").rglob("*") if file.is_file())
    check_room(made.database + made.blob_octets + others)
    with tempfile.TemporaryDirectory(prefix="alumnimail-drill-") as temporary:
        place = describe_place(config, Path(temporary) / "data")
        began = time.monotonic()
        restored = backup.restore_backup(place, folder, clock, progress=progress)
        restore_seconds = time.monotonic() - began
        contents = snapshot.count_contents(place.database_path)
        problems = tuple(_list_problems(place, folder, clock, restored.made, contents))
        check_seconds = time.monotonic() - began - restore_seconds
    if not problems:
        backup_times.record_drill(config, clock, restore_seconds)
    return DrillResult(restored.made, contents, round(restore_seconds, 1), round(check_seconds, 1), problems)


def describe_place(config: Config, data: Path) -> Config:
    """Describe the installation as it would be in a folder of this machine, alone and on SQLite."""
    return replace(config, data=str(data), database="", blobs="", cluster=Cluster())


def check_room(wanted: int) -> None:
    """Raise BackupProblem if temporary files have no room for so many octets, and some to spare."""
    wanted, place = wanted + SPARE, tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise BackupProblem(
            f"it needs {wanted // 2**20 + 1} MiB in {place}, which has {free // 2**20}; set TMPDIR to a folder with room"
        )


def _list_problems(
    place: Config, folder: Path, clock: Clock, made: BackupManifest, contents: Contents
) -> Iterator[str]:
    for name in backup_sums.list_changed(folder):
        yield f"{name} is not what was backed up, or is gone"
    for what in ("accounts", "mailboxes", "messages"):
        counted, restored = getattr(made, what), getattr(contents, what)
        if counted is not None and counted != restored:
            yield f"{restored} {what} came back, of {counted}"
    yield from _compare_files(folder / "files", place.data_path, made.files)
    for blob in snapshot.list_changed_blobs(place.database_path):
        yield _CHANGED.format(blob.hex())
    yield from _check_large(place)
    try:
        core = cores.build(place, clock)
    except (Busy, ConfigError) as problem:
        yield f"the service would not start: {problem}"
        return
    try:
        yield from health.check_installation(core, repair=False)
    finally:
        cores.close(core)


def _compare_files(saved: Path, restored: Path, count: int) -> Iterator[str]:
    files = [file for file in saved.rglob("*") if file.is_file()]
    if len(files) != count:
        yield f"there are {len(files)} other files in the backup, not {count}"
    for file in files:
        inside = file.relative_to(saved)
        if not (restored / inside).is_file() or not filecmp.cmp(file, restored / inside, shallow=False):
            yield f"files/{inside} did not come back as it is"


def _check_large(place: Config) -> Iterator[str]:
    stored = FileObjects(place.blobs_path)
    for blob, size in snapshot.blob_names(place.database_path):
        if stored.size(blob) == size and backup_sums.hash_file(stored.path(blob)) != blob:  # the rest is health's
            yield _CHANGED.format(blob.hex())
