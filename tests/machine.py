"""The machine that the tests run on: its programs, ports that nobody else takes, and waiting for what is true soon."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def program(name: str) -> str:
    """The path of a Debian program, also of one for root; without it the test is skipped by name, and with CI=true it fails."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"needs {name}")
    return found


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until it is true, and return if it became so.

    So long a wait costs nothing where it does, and a machine may stand still for a while.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return true()


@contextmanager
def running(
    command: list[str], folder: Path, ready: Callable[[], bool], end: int = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is there for the test, once it is ready; what it started ends with it.

    Raises:
        AssertionError: with what it said, where it ended before or does not come up.
    """
    said = folder / f"{Path(command[0]).name}.said"
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, start_new_session=True)
    try:
        until(lambda: process.poll() is not None or ready())
        assert process.poll() is None, f"{command} gave {process.poll()}: {said.read_text(errors='replace')}"
        assert ready(), f"{command} does not come up: {said.read_text(errors='replace')}"
        yield process
    finally:
        process.send_signal(end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except OSError:
        return False
    return True


def _ports() -> Iterator[int]:
    """In turn, from anywhere, below (or above) those that the kernel gives away: `ip_local_port_range` of ip(7).

    A port from bind(0) that is closed again can be anybody's before the program that it was meant for has started: each
    connection of any test takes one of the same range.
    """
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first, last = map(int, given.read_text().split()) if given.exists() else (32768, 60999)
    ours = range(10_000, first) if first > 12_000 else range(last + 1, 65536)
    if not ours:
        while True:
            yield 0
    start = random.randrange(len(ours))
    yield from itertools.cycle([*ours[start:], *ours[:start]])


_PORTS = _ports()


@contextmanager
def dripping(said: str, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> Iterator[int]:
    """The port of a server that answers one request with `said`, and then with an octet now and then until it is left.

    Args:
        wrap: makes TLS of the connection, perhaps.
    """

    def drip() -> None:
        plain, _ = listening.accept()
        with contextlib.suppress(OSError), wrap(plain) as there:
            there.recv(4096)
            there.sendall(said.encode())
            while True:
                there.sendall(b"x")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip)
        thread.start()
        yield int(listening.getsockname()[1])
        # whoever gave up before it had connected leaves the thread in accept()
        with contextlib.suppress(OSError):
            socket.create_connection(listening.getsockname(), 60).close()
        thread.join(60)
        assert not thread.is_alive()


def free_port() -> int:
    """A port of loopback for a program that is yet to start; the same one is not given again."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("no port is free")
