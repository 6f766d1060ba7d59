"""Names of lease holders, by which others on this machine can see that a holder is dead.

A lease runs out by itself; but after `kill -9` and a new start nobody should wait for that.
"""

import os
import socket
from pathlib import Path


def name_this_process(node: str = "") -> str:
    """Return this process's name: node, pid and start time, as pids are used again."""
    node = node or socket.gethostname()
    return _name_process(os.getpid(), node) or f"{node}/{os.getpid()}/?"


def _name_process(pid: int, node: str) -> str:
    """Return the name of a process, or "" if there is no such process or no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        if fields[0] in "ZX":  # dead, and nobody has asked how it died
            return ""
        return f"{node}/{pid}/{fields[19]}"
    except (OSError, IndexError):
        return ""


def is_dead(lessee: str, node: str = "") -> bool:
    """Return True if the lessee is surely dead: one on another node than this, or without a start time, may be alive."""
    node = node or socket.gethostname()
    machine, _, pid = lessee.rpartition("/")[0].rpartition("/")
    started = lessee.rpartition("/")[2]
    if machine != node or not pid.isdigit() or started == "?" or not Path("/proc/self/stat").exists():
        return False
    return _name_process(int(pid), node) != lessee
