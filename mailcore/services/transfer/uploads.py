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
from mailcore.errors import Busy, Saying, TooLarge
from mailcore.log import log_for

log = log_for(__name__)
FREE = 2**30  # octets of the disk that stay for mail
PROMISE, COMING, WAITING = "promised-", "up-", "in-"  # a promise, a file that comes, one that has come


class Promise:
    """Room for one request; given back when the request is over."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def give_back(self) -> None:
        self._path.unlink(missing_ok=True)


def folder(core: Core) -> Path:
    """Return the folder where uploads arrive and wait to be read, created if it is missing."""
    found = core.config.data_path / "incoming"
    found.mkdir(parents=True, exist_ok=True)
    return found


def promise(core: Core, owner: AccountId | None, size: int) -> Promise:
    """Room for so many octets of somebody; None = of strangers, who share one part.

    Raises:
        TooLarge: never, as long as the settings stand.
        Busy: there is no room now: the files of all have theirs, one owner has half of it, or the disk is nearly full.
    """
    most = octets(core.config.web.uploads_size)
    if size > most:
        raise TooLarge(f"{size} octets of {most}")
    whose = owner or 0
    path = folder(core) / f"{PROMISE}{os.getpid()}-{whose}-{secrets.token_hex(8)}"
    with path.open("xb") as file:
        file.truncate(size)
    try:
        _check(core, most, whose)
    except Busy:
        path.unlink(missing_ok=True)
        raise
    return Promise(path)


def _check(core: Core, most: int, whose: int) -> None:
    promised = own = waiting = written = 0
    for path in folder(core).iterdir():
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if path.name.startswith(PROMISE):
            process, owner = (int(one) for one in path.name.removeprefix(PROMISE).split("-")[:2])
            if not _lives(process):
                path.unlink(missing_ok=True)
                continue
            promised += found.st_size
            own += found.st_size if owner == whose else 0
        elif path.name.startswith(COMING):
            written += found.st_blocks * 512
        else:
            waiting += found.st_size
    free = shutil.disk_usage(folder(core)).free - max(0, promised - written)
    if promised + waiting > most or own > max(most // 2, core.config.message_octets) or free < FREE:
        log.warning("no room for uploads: %d octets promised, %d waiting, %d free", promised, waiting, free)
        raise Busy(Saying("There is no room for more files just now. Please try again in a few minutes."))


def _lives(process: int) -> bool:
    return process == os.getpid() or Path(f"/proc/{process}").exists()


def take(core: Core, file: IO[bytes]) -> Path:
    """A named file that has come becomes one that waits; closing it removes its first name only."""
    file.flush()
    path = folder(core) / f"{WAITING}{secrets.token_hex(8)}"
    os.link(file.name, path)
    return path


def forget(core: Core, before: float) -> None:
    """The job: files older than that time (seconds since 1970) of requests that ended in no good way."""
    for path in folder(core).glob(f"{COMING}*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
