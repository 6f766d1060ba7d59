"""Names of lease holders, by which others on this machine can see that a holder is dead.

A lease runs out by itself; but after `kill -9` and a new start nobody should wait for that.
"""

import os
import socket
from pathlib import Path


def me() -> str:
    """This process: machine, number, and when it began, as numbers come again."""
    return _named(os.getpid()) or f"{socket.gethostname()}/{os.getpid()}/?"


def _named(pid: int) -> str:
    """ "" where there is no such process, or no /proc to tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        if fields[0] in "ZX":  # dead, and nobody has asked how it died
            return ""
        return f"{socket.gethostname()}/{pid}/{fields[19]}"
    except (OSError, IndexError):
        return ""


def is_dead(lessee: str) -> bool:
    """Return True if the lessee is surely dead: one on another machine, or without a start time, may be alive."""
    machine, _, rest = lessee.rpartition("/")[0].rpartition("/")
    began = lessee.rpartition("/")[2]
    if machine != socket.gethostname() or not rest.isdigit() or began == "?" or not Path("/proc/self/stat").exists():
        return False
    return _named(int(rest)) != lessee
