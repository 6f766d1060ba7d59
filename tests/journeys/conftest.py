"""The real server as a process, and a server of the outside world that takes what we send."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiosmtpd.smtp import SMTP

from tests.machine import free_port, until

PASSWORD = "correct horse battery"


class _Session(SMTP):
    """One connection of the outside server, which knows of it."""

    def connection_made(self, transport) -> None:
        self.event_handler.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error) -> None:
        self.event_handler.sessions.discard(self)
        super().connection_lost(error)


class Sink:
    """An outside SMTP server that keeps what it hears: (sender, recipient, octets)."""

    def __init__(self) -> None:
        self.mail: list[tuple[str, str, bytes]] = []
        self.peers: list[tuple[str, str]] = []  # address and HELO name of who brought each of them
        self.answer = "250 OK"
        self.sessions: set[_Session] = set()  # that are open
        self.is_thinking = False  # it answers no message, for as long as this stands
        self._socket = socket.create_server(("127.0.0.1", 0))  # who comes before the thread runs waits
        self.port = int(self._socket.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        while self.is_thinking:  # noqa: ASYNC110 - the test's thread says it
            await asyncio.sleep(0.01)
        if self.answer.startswith("250"):
            for recipient in envelope.rcpt_tos:
                self.mail.append((envelope.mail_from.strip("<>"), recipient, envelope.content))
                self.peers.append((session.peer[0], session.host_name or ""))
        return self.answer

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.create_server(
            lambda: _Session(self, hostname="outside.example", loop=self._loop), sock=self._socket
        )
        self._server = self._loop.run_until_complete(listening)
        try:
            self._loop.run_forever()
        finally:
            self._server.close()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.close()

    def drop(self) -> None:
        """End every session; what came in it and was not answered has not come."""

        def abort() -> None:
            for session in list(self.sessions):
                if isinstance(session.transport, asyncio.WriteTransport):
                    session.transport.abort()

        self._loop.call_soon_threadsafe(abort)
        assert until(lambda: not self.sessions)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)


def handing(sockets: Iterable[socket.socket]) -> list[str]:
    """Return a command that the following words become in the same process, with sockets from descriptor 3 on (sd_listen_fds(3)).

    `subprocess` has to pass the sockets on to it.
    """
    source = (
        "import fcntl, os, sys\n"
        "numbers = [int(word) for word in sys.argv[1].split(',')]\n"
        "copies = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 100) for number in numbers]\n"
        "[os.close(number) for number in numbers]\n"
        "[os.dup2(copy, 3 + number) for number, copy in enumerate(copies)]\n"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': str(len(numbers))}\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    numbers = ",".join(str(sock.fileno()) for sock in sockets)
    return [sys.executable, "-c", source, numbers] if numbers else []


class House:
    """`alumnimail serve` on free ports, with its settings and its command line."""

    program = Path(sys.executable).parent / "alumnimail"
    starts_in = Path(__file__).parents[2]

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        *,
        workers: int,
        quota: str = "2G",
        direct: str = "",
        more: str = "",
        off: tuple[str, ...] = (),
        metrics: bool = False,
    ) -> None:
        """`direct`: settings of [outbound] for delivery by MX instead of by a relay; `more`: whole tables; `off`: listeners."""
        self.folder = folder
        self.ports = {
            name: free_port() for name in ("smtp", "submission", "submissions", "imap", "imaps", "managesieve", "http")
        }
        if metrics:
            self.ports["metrics"] = free_port()
        self.config = folder / "alumnimail.toml"
        relay = 'mode = "relay"\nhost = "127.0.0.1"'
        listen = "\n".join(
            f'{name} = "{"" if name in off else f"127.0.0.1:{port}"}"' for name, port in self.ports.items()
        )
        self.config.write_text(
            f'domain = "alumni.example"\nhostname = "mx.alumni.example"\ndata = "{folder}/var"\n[listen]\n{listen}\n'
            f'[quota]\ndefault = "{quota}"\n'
            f"[outbound]\nport = {sink.port}\n{direct or relay}\n"
            f'[limits]\ntrusted = ["127.0.0.0/8"]\nplaintext = "loopback"\n{more}\n'
        )
        self.workers = workers  # 0 = everything in one process
        self.environment: dict[str, str] | None = None  # of the program, where it is not ours
        self.handed: tuple[
            socket.socket, ...
        ] = ()  # listening sockets that `serve` is started with, as systemd does it
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.folder / "log"
        out = log.open("ab")
        begin = log.stat().st_size
        workers = ["--workers", str(self.workers)] if self.workers else ["--one"]
        self.process = subprocess.Popen(
            [*handing(self.handed), *self.command(), "serve", *workers],
            pass_fds=[sock.fileno() for sock in self.handed],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=self.starts_in,
            env=self.environment,
        )
        out.close()
        process = self.process
        assert until(lambda: b"ready\n" in log.read_bytes()[begin:] or process.poll() is not None, 120), log.read_text()
        assert process.poll() is None, log.read_text()

    def command(self) -> list[str]:
        return [str(self.program), "--config", str(self.config)]

    def run(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            [*self.command(), *words], input=given, capture_output=True, text=True, timeout=120, env=self.environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def kill(self) -> None:
        """kill -9 of the whole process group, as a power cut does."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                assert self.process.wait(60) == 0
            finally:
                if self.process.poll() is None:
                    self.kill()
            self.process = None

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports['http']}{path}"


def memory_of_processes(house: House) -> dict[str, int]:
    """In MiB, by kind and number, as the metrics tell it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{house.ports['metrics']}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(r'alumnimail_process_memory_bytes\{kind="(\w+)",number="(\d+)"\} (\S+)', text)
    return {f"{kind} {number}": int(float(octets)) // 2**20 for kind, number, octets in found}


class Browser:
    """A browser without JavaScript: cookies, forms, links."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        path = re.sub(r"^http://[^/]+", "", path)
        with self._opener.open(self._house.url(path), timeout=60) as answer:
            return answer.read().decode()

    def post(self, path: str, **fields: str) -> str:
        """Load the form, take its hidden fields, send it filled in."""
        page = self.get(path)
        hidden = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*type="hidden"[^>]*value="([^"]*)"', page))
        hidden |= dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
        data = urlencode(hidden | fields).encode()
        path = re.sub(r"^http://[^/]+", "", path)
        with self._opener.open(self._house.url(path), data, timeout=60) as answer:
            return answer.read().decode()


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.stop()


@pytest.fixture
def build(tmp_path, sink) -> Iterator[Callable[..., House]]:
    with building(lambda: tmp_path, sink) as make:
        yield make


@pytest.fixture(scope="module")
def build_once(tmp_path_factory) -> Iterator[Callable[..., House]]:
    """Build a house, as `build` does, that all tests of a module live in: with processes of its own it takes six seconds."""
    outside = Sink()
    with building(lambda: tmp_path_factory.mktemp("house"), outside) as make:
        yield make
    outside.stop()


@contextlib.contextmanager
def building(take_folder: Callable[[], Path], outside: Sink) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(*, workers: int = 0, **settings: Any) -> House:  # Any: whatever House takes
        house = House(take_folder(), outside, workers=workers, **settings)
        houses.append(house)
        house.start()
        return house

    yield make
    for house in houses:
        house.kill()
