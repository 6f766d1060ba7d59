"""Room on disk for files that people send by the portal, promised before anything of them is read.

Each promise is an empty file of the length that was promised, in the folder where such files wait: all processes see it, and
what a process promised that has died counts no more.
"""

import os
import secrets
import shutil
from pathlib import Path
from typing import IO

from mailcore.config import octets
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import Busy, TooLarge
from mailcore.log import log_for
from mailcore.saying import Saying

log = log_for(__name__)
FREE = 2**30  # octets of the disk that stay for mail
RESERVED, COMING, WAITING = "promised-", "up-", "in-"  # a promise, a file that comes, one that has come


class Reservation:
    """Space for one request; released when the request ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def give_back(self) -> None:
        self._path.unlink(missing_ok=True)


def make_folder(core: Core) -> Path:
    """Return the folder where uploads arrive and wait to be read, created if it is missing.

    Raises:
        Busy: it cannot be made, as it was removed while a confined process runs.
    """
    path = core.config.data_path / "incoming"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _cannot_write(path, problem) from problem
    return path


def _cannot_write(path: Path, problem: OSError) -> Busy:
    log.error("uploads cannot be taken in: %s: %s", path, problem.strerror)
    return Busy("the folder of uploads cannot be written")


def reserve_space(core: Core, owner: AccountId | None, size: int) -> Reservation:
    """Reserve space for so many octets of an owner; None = of strangers, who share one part.

    Raises:
        TooLarge: never, as long as the settings stand.
        Busy: there is no room now: the files of all have theirs, one owner has half of it, or the disk is nearly full.
    """
    most = octets(core.config.web.uploads_size)
    if size > most:
        raise TooLarge(f"{size} octets of {most}")
    whose = owner or 0
    path = make_folder(core) / f"{RESERVED}{os.getpid()}-{whose}-{secrets.token_hex(8)}"
    try:
        with path.open("xb") as file:
            file.truncate(size)
    except OSError as problem:
        raise _cannot_write(path.parent, problem) from problem
    try:
        _check_space(core, most, whose)
    except Busy:
        path.unlink(missing_ok=True)
        raise
    return Reservation(path)


def _check_space(core: Core, most: int, whose: int) -> None:
    promised = of_owner = waiting = written = 0
    for path in make_folder(core).iterdir():
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if path.name.startswith(RESERVED):
            process, owner = (int(one) for one in path.name.removeprefix(RESERVED).split("-")[:2])
            if not _is_alive(process):
                path.unlink(missing_ok=True)
                continue
            promised += found.st_size
            of_owner += found.st_size if owner == whose else 0
        elif path.name.startswith(COMING):
            written += found.st_blocks * 512
        else:
            waiting += found.st_size
    free = shutil.disk_usage(make_folder(core)).free - max(0, promised - written)
    if promised + waiting > most or of_owner > max(most // 2, core.config.message_octets) or free < FREE:
        log.warning("no room for uploads: %d octets promised, %d waiting, %d free", promised, waiting, free)
        raise Busy(Saying("There is no room for more files just now. Please try again in a few minutes."))


def _is_alive(process: int) -> bool:
    return process == os.getpid() or Path(f"/proc/{process}").exists()


def keep_upload(core: Core, file: IO[bytes]) -> Path:
    """Keep a file that was uploaded, to be imported; closing it removes its first name only."""
    file.flush()
    path = make_folder(core) / f"{WAITING}{secrets.token_hex(8)}"
    os.link(file.name, path)
    return path


def delete_expired(core: Core, before: float) -> None:
    """Delete files older than that time (seconds since 1970) of requests that ended in no good way."""
    for path in make_folder(core).glob(f"{COMING}*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
