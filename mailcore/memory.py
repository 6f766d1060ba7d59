"""Settings of the C library's allocator, for a process that holds thousands of connections, and each process's memory.

By itself glibc learns from the first large block that is given back (Argon2's 19 MiB) that such blocks come from its
heaps, one heap for each thread, and never returns them: 32 threads kept 600 MiB.  With a fixed border they come from
the system and go back to it, and so do the 256 KiB buffers of TLS connections, of which only the touched pages exist.
"""

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # malloc.h
PORTAL = b"mailcore.cli.web_server"  # in the command line of its processes
BORDER = 128 * 1024  # octets
ARENAS = 4


def settle() -> None:
    """Call it first in a process; other C libraries are left alone."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - raises where it is not glibc
        for option, value in ((_MMAP_THRESHOLD, BORDER), (_TRIM_THRESHOLD, BORDER), (_ARENA_MAX, ARENAS)):
            library.mallopt(option, value)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the service: `kind` is supervisor, mail, queue, portal or all (`serve --one`); octets of memory of its own."""

    kind: str
    pid: int
    octets: int


def of_service(supervisor: int = 0) -> list[Process]:
    """Every process of the service, the oldest first; only where /proc tells (Linux).

    Args:
        supervisor: whose children are the service; 0 = this process is all of it.
    """
    if not supervisor:
        return [Process("all", os.getpid(), own_octets(os.getpid()))]
    found, waiting = [], [supervisor]
    while waiting:
        pid = waiting.pop(0)
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            waiting += sorted(int(child) for thread in threads for child in (thread / "children").read_text().split())
        except OSError:  # it has just ended
            continue
        if b"resource_tracker" not in words:  # multiprocessing's own
            found.append(Process(_kind(pid, supervisor, words), pid, own_octets(pid)))
    return found


def _kind(pid: int, supervisor: int, words: bytes) -> str:
    """The metrics, which ask, are in the queue worker."""
    if pid == supervisor:
        return "supervisor"
    return "queue" if pid == os.getpid() else "portal" if PORTAL in words else "mail"


def own_octets(pid: int) -> int:
    """Resident and no mapped file, which the kernel takes back when it wants to; 0 where it cannot be known."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon:")), 0)
