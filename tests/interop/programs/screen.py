"""A screen without a monitor, for programs with windows."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine import program


@contextmanager
def screen() -> Iterator[str]:
    """The DISPLAY of an Xvfb that ends with it."""
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        [program("Xvfb"), "-displayfd", str(theirs), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=(theirs,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as said:
            number = said.readline().strip().decode()
        assert number, "Xvfb does not come up"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(20)
