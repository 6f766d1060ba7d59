"""A PostgreSQL server of one's own, on a socket in a temporary folder: Debian's, run as its user postgres."""

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

ROOT = Path("/usr/lib/postgresql")
SECONDS = 30


def programs() -> Path | None:
    """Return the folder of the newest server here."""
    found = [path for path in ROOT.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name)) if found else None


@contextmanager
def serving(*, locale: str = "C", encoding: str = "UTF8", settings: tuple[str, ...] = ("fsync=off",)) -> Iterator[str]:
    """Start a server without data; gives the URL of its database `postgres`."""
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
    data = folder / "data"
    made = [
        bin_folder / "initdb",
        "-D",
        data,
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
    server: subprocess.Popen[bytes] | None = None
    try:
        subprocess.run(made, check=True, **quiet)  # type: ignore[call-overload]  # keywords by what the machine is
        options = [
            x for one in ("listen_addresses=", f"unix_socket_directories={folder}", *settings) for x in ("-c", one)
        ]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(  # type: ignore[call-overload]
                [bin_folder / "postgres", "-D", data, *options], **{**quiet, "stderr": log}
            )
        url = f"postgresql://postgres@/postgres?host={folder}"
        _wait(url, server)
        yield url
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # ends connections too
            server.wait(SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


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
