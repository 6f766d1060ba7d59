"""The portal's web server: gunicorn as a program (`serve`), or its threaded worker inside this process (`serve --one`).

Both speak HTTP with the same code and the same settings; neither is Flask's server for developers.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from mailcore.config import host_and_port

ROOT = Path(__file__).parents[2]  # where wsgi.py lies
THREADS = 64  # of each process; at most 48 of them hold a stream (services/live.py)
KEEP_ALIVE, BACKLOG, GRACE = 30, 1024, 5  # seconds, connections, seconds for what is being answered at the end


def command(address: str) -> list[str]:
    """The server of its own: a process for each processor, threads for open streams beside the clicks."""
    workers = min(8, max(2, os.cpu_count() or 1))
    return [
        sys.executable, "-m", "gunicorn", "--pythonpath", str(ROOT), "--bind", address, "--workers", str(workers),
        "--threads", str(THREADS), "--backlog", str(BACKLOG), "--keep-alive", str(KEEP_ALIVE),
        "--graceful-timeout", str(GRACE), "--log-level", "warning", "--no-control-socket", "wsgi:app",
    ]  # fmt: skip


class _Settings(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's settings without its command line."""

    def __init__(self, app: Callable[..., Any]) -> None:  # Any: WSGI
        self._app = app
        super().__init__()

    def load_config(self) -> None:
        for name, value in (
            ("threads", THREADS), ("keepalive", KEEP_ALIVE), ("graceful_timeout", GRACE), ("loglevel", "warning"),
            ("worker_class", "gthread"),
        ):  # fmt: skip
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._app


class _Worker(ThreadWorker):  # type: ignore[misc]
    """Signals belong to the process, which stops this worker by a word."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def init_signals(self) -> None:
        pass

    def is_parent_alive(self) -> bool:
        """gunicorn's worker ends with the process that started it; here that is whose shell may be closed long ago."""
        return True

    def handle(self, conn: TConn) -> Any:
        self._open.add(conn.sock)
        try:
            return super().handle(conn)
        finally:
            self._open.discard(conn.sock)

    def run(self) -> None:
        super().run()
        for one in list(self._open):  # who is still sending a form: its thread must not keep the process
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                logging.getLogger(__name__).debug("a connection was gone")


class InProcess:
    """The portal in a thread; `ending` is called when it stops.  Raises OSError when the port is taken."""

    def __init__(self, address: str, app: Callable[..., Any], ending: Callable[[], None]) -> None:
        self._ending = ending
        host, port = host_and_port(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        settings = _Settings(app)
        self.port = int(listener.getsockname()[1])
        self._worker = _Worker(0, os.getppid(), [listener], settings, 0, settings.cfg, Logger(settings.cfg))
        self._thread = threading.Thread(target=self._worker.init_process, name="portal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No new connections; what is being answered is answered within GRACE seconds."""
        self._worker.handle_exit(0, None)
        self._ending()
        self._thread.join(GRACE + 1)
        self._worker.tmp.close()
