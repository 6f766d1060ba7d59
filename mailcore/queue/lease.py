"""Names of lease holders, by which others on this machine can see that a holder is dead.

A lease runs out by itself; but after `kill -9` and a new start nobody should wait for that.
"""

import os
import socket
from pathlib import Path


def name_this_process() -> str:
    """Return this process's name: machine, pid and start time, as pids are used again."""
    return _name_process(os.getpid()) or f"{socket.gethostname()}/{os.getpid()}/?"


def _name_process(pid: int) -> str:
    """Return the name of a process, or "" if there is no such process or no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        if fields[0] in "ZX":  # dead, and nobody has asked how it died
            return ""
        return f"{socket.gethostname()}/{pid}/{fields[19]}"
    except (OSError, IndexError):
        return ""


def is_dead(lessee: str) -> bool:
    """Return True if the lessee is surely dead: one on another machine, or without a start time, may be alive."""
    machine, _, pid = lessee.rpartition("/")[0].rpartition("/")
    started = lessee.rpartition("/")[2]
    if machine != socket.gethostname() or not pid.isdigit() or started == "?" or not Path("/proc/self/stat").exists():
        return False
    return _name_process(int(pid)) != lessee
