"""The memory of each process of the service, for the metrics."""

import os
from dataclasses import dataclass
from pathlib import Path

PORTAL = b"mailcore.cli.web_server"  # in the command line of its processes


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the service: `kind` is supervisor, mail, queue, portal or all (`serve --one`); octets of memory of its own."""

    kind: str
    pid: int
    octets: int


def list_processes(supervisor: int = 0) -> list[Process]:
    """List the processes of the service, the oldest first; only where /proc tells (Linux).

    Args:
        supervisor: whose children are the service; 0 = this process is all of it.
    """
    if not supervisor:
        return [Process("all", os.getpid(), read_own_octets(os.getpid()))]
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
            found.append(Process(_kind(pid, supervisor, words), pid, read_own_octets(pid)))
    return found


def _kind(pid: int, supervisor: int, words: bytes) -> str:
    """The metrics, which ask, are in the queue worker."""
    if pid == supervisor:
        return "supervisor"
    return "queue" if pid == os.getpid() else "portal" if PORTAL in words else "mail"


def read_own_octets(pid: int) -> int:
    """Read what is resident and no mapped file, which the kernel takes back when it wants to; 0 where it cannot be known."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon:")), 0)
