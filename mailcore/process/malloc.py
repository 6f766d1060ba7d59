"""Settings of the C library's allocator, for a process that holds thousands of connections.

By itself glibc learns from the first large block that is given back (Argon2's 19 MiB) that such blocks come from its
heaps, one heap for each thread, and never returns them: 32 threads kept 600 MiB.  With a fixed border they come from
the system and go back to it, and so do the 256 KiB buffers of TLS connections, of which only the touched pages exist.
"""

import contextlib
import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # malloc.h
BORDER = 128 * 1024  # octets
ARENAS = 4


def configure() -> None:
    """Call it first in a process; other C libraries are left alone."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - raises where it is not glibc
        for option, value in ((_MMAP_THRESHOLD, BORDER), (_TRIM_THRESHOLD, BORDER), (_ARENA_MAX, ARENAS)):
            library.mallopt(option, value)
