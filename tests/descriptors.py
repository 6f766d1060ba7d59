"""A process that has no more than a few descriptors left."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only(few: int) -> Iterator[None]:
    """Leave this process so many descriptors; none may be closed meanwhile but those that are opened meanwhile."""
    free, spare = [os.dup(0) for _ in range(few + 1)], resource.getrlimit(resource.RLIMIT_NOFILE)
    for descriptor in free:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[few], spare[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, spare)
