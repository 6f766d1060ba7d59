"""A PostgreSQL server of one's own, on a socket in a temporary folder: Debian's, run as its user postgres."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

ROOT = Path("/usr/lib/postgresql")
SECONDS = 30


def programs() -> Path | None:
    """Return the folder of the newest server here."""
    found = [path for path in ROOT.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name)) if found else None


class Server:
    """A server on a socket in its folder."""

    def __init__(self, program: Path, folder: Path, settings: tuple[str, ...], how: dict[str, object]) -> None:
        folders = ("listen_addresses=", f"unix_socket_directories={folder}")
        options = [word for each in (*folders, *settings) for word in ("-c", each)]
        self._command, self._how, self._log = [program, "-D", folder / "data", *options], how, folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/postgres?host={folder}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            # what a terminal says to our program it does not say to this one
            how = {**self._how, "stderr": log, "start_new_session": True}
            self._process = subprocess.Popen(self._command, **how)  # type: ignore[call-overload]
        _wait(self.url, self._process)

    def stop(self) -> None:
        """End it at once, and with it every connection."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(SECONDS)
            self._process = None

    def kill(self) -> None:
        """`kill -9` of all of it, as a power cut does."""
        if self._process is not None:
            self._signal_all(signal.SIGKILL)
            self._process.wait(SECONDS)
            self._process = None

    def freeze(self) -> None:
        """Stop it where it is: connections stay, and nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def backends(self) -> list[int]:
        """Return the processes that its first one has started: each has a group of its own."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def _signal_all(self, number: int) -> None:
        assert self._process is not None
        children = self.backends()
        self._process.send_signal(number)
        for pid in {*children, *self.backends()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def running(
    *, locale: str = "C", encoding: str = "UTF8", settings: tuple[str, ...] = ("fsync=off",)
) -> Iterator[Server]:
    """Start a server without data, which can be stopped and started again."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("no PostgreSQL server is installed")
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    run_as: dict[str, object] = {}
    if root:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        run_as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    quiet: dict[str, object] = {"stdout": subprocess.DEVNULL, "cwd": folder, "env": {"PATH": "/usr/bin:/bin"}, **run_as}
    made = [
        bin_folder / "initdb",
        "-D",
        folder / "data",
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        encoding,
        "--locale",
        locale,
        "-N",
    ]
    server = Server(bin_folder / "postgres", folder, settings, quiet)
    try:
        subprocess.run(made, check=True, **quiet)  # type: ignore[call-overload]  # keywords by what the machine is
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(*, locale: str = "C", encoding: str = "UTF8", settings: tuple[str, ...] = ("fsync=off",)) -> Iterator[str]:
    """Start a server without data; gives the URL of its database `postgres`."""
    with running(locale=locale, encoding=encoding, settings=settings) as server:
        yield server.url


def list_rows(url: str) -> dict[str, list[str]]:
    """List the rows of each table, so that two times can be compared."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace='public'::regnamespace AND relkind='r'"
        )
        names = [name for (name,) in found]
        select = "SELECT t::text FROM {} t ORDER BY 1"
        rows = {name: connection.execute(sql.SQL(select).format(sql.Identifier(name))).fetchall() for name in names}
        return {name: [text for (text,) in found] for name, found in rows.items()}


@contextmanager
def left_as_it_is(url: str) -> Iterator[None]:
    """Assert that the body changes no row and no table."""
    before = list_rows(url)
    yield
    assert list_rows(url) == before


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.02)
