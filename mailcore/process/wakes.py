"""Wake the other processes of this machine when something is committed, so that nobody need ask again and again.

Each process that listens has a named pipe in a folder beside the database, and whoever commits writes an octet into all of
them.  It says "look" and no more, so a pipe that is full already says it, too.  A process that was killed leaves its pipe,
which the next writer removes.
"""

import contextlib
import errno
import logging
import os
import secrets
import time
from pathlib import Path

log = logging.getLogger(__name__)
SUFFIX = ".wake"
TICK_NANOSECONDS = 50_000_000  # a folder that changed within it may change again and have the same time


class Wakes:
    """One thread sends.  Raises OSError: the folder cannot be had."""

    def __init__(self, database: Path) -> None:
        self._folder = database.with_name(database.name + "-wakes")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:  # as in change_counts
            owner = self._folder.parent.stat()
            os.chown(self._folder, owner.st_uid, owner.st_gid)
        self._own, self._inbox = "", -1
        self._changed_at = -1  # the folder's time when its pipes were opened
        self._pipes: dict[str, int] = {}

    def open_inbox(self) -> int:
        """Return what becomes readable when another process has committed.  Raises OSError."""
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / name
        os.mkfifo(hidden, 0o600)
        try:
            # for writing, too, so that it has no end
            self._inbox = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._own = name + SUFFIX
            hidden.rename(self._folder / self._own)  # only now: a pipe that nobody reads is removed by who finds it
        except BaseException:
            hidden.unlink(missing_ok=True)
            self.close_inbox()
            raise
        return self._inbox

    def empty_inbox(self) -> None:
        """Take what has arrived; who looks after this misses nothing."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._inbox, 64 * 1024)

    def send(self) -> None:
        """Tell all others; after the commit."""
        self._find_pipes()
        for name, pipe in tuple(self._pipes.items()):
            try:
                os.write(pipe, b"!")
            except BlockingIOError:
                continue
            except OSError:  # its process has ended
                os.close(self._pipes.pop(name))
                self._remove(name)

    def _find_pipes(self) -> None:
        """Open those that are new."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
            if changed_at == self._changed_at:
                return
            names = {name for name in os.listdir(self._folder) if name.endswith(SUFFIX) and name != self._own}
        except OSError as problem:
            log.warning("others are not woken by %s: %s", self._folder, problem.strerror)
            return
        self._changed_at = changed_at if time.time_ns() - changed_at > TICK_NANOSECONDS else -1
        for name in self._pipes.keys() - names:
            os.close(self._pipes.pop(name))
        for name in names - self._pipes.keys():
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
                self._pipes[name] = os.open(self._folder / name, flags)
            except OSError as problem:
                if problem.errno == errno.ENXIO:  # nobody reads from it
                    self._remove(name)
                else:  # such as a lack of descriptors: it is looked for again
                    self._changed_at = -1

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._folder / name)

    def close_inbox(self) -> None:
        if self._own:
            self._remove(self._own)
        if self._inbox >= 0:
            os.close(self._inbox)
        self._own, self._inbox = "", -1

    def close(self) -> None:
        self.close_inbox()
        for pipe in self._pipes.values():
            os.close(pipe)
        self._pipes.clear()


def open_wakes(database: Path) -> Wakes | None:
    """Open the pipes beside a database; None where they cannot be had, and then the database is asked again and again."""
    try:
        return Wakes(database)
    except OSError as problem:
        log.warning("processes do not wake each other: %s", problem.strerror)
        return None
