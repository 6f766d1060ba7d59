"""Keep the memory of a process to itself: it has keys and passwords in it.

Such a process leaves no core dump, to a file or to a program that collects them, and other processes of the same user can
neither trace it nor read its memory and environment in /proc (PR_SET_DUMPABLE, prctl(2)).  A program that is executed starts
without that; processes that are forked have it.
"""

import contextlib
import ctypes
import resource

_PR_SET_DUMPABLE = 4


def keep_memory_secret() -> None:
    """Call it first in a process."""
    with contextlib.suppress(OSError, ValueError):  # a service manager has done it, and may forbid it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # it is Linux that has it
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
