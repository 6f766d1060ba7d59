"""Files under `data` beside database, large messages and what is derived: keys, certificates, scripts and texts of the site."""

from contextlib import suppress
from pathlib import Path

from mailcore.config import Config
from mailcore.services.operations import file_delta

_DERIVED = ("search", "spool", "cache", "postgresql-home")  # made anew by themselves, or of the place


def list_other_files(config: Config) -> list[tuple[Path, Path]]:
    """Return each file, and its path under `data`."""
    database, blobs = config.database_key.resolve(), config.blobs_path.resolve()
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


def copy_other_files(config: Config, folder: Path) -> list[Path]:
    """Copy them into a folder; return where they stand there."""
    copied = []
    for file, inside in list_other_files(config):
        with suppress(FileNotFoundError):  # one that was there for a moment only
            file_delta.copy_file(file, folder / inside)
            copied.append(folder / inside)
    return copied
