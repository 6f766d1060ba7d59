"""Lock of a site's data: one `serve` at a time, and no restore beneath it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from mailcore.config import Config
from mailcore.errors import ConfigError


@contextlib.contextmanager
def lock_data(config: Config) -> Iterator[None]:
    """Lock the blobs, or what a node of a cluster has of its own, so that no other process serves them.

    The kernel frees the lock however the process ends.

    Raises:
        ConfigError: another process has the lock.
        OSError: the folder cannot be created.
    """
    place = config.data_path if config.is_in_cluster else config.blobs_path
    place.mkdir(parents=True, exist_ok=True)
    folder = os.open(place, os.O_RDONLY | os.O_CLOEXEC)  # the folder: nothing new that somebody would own
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"the data in {config.data_path} is being served already") from None
        yield
    finally:
        os.close(folder)
