"""The portal's web server: gunicorn as a program (`serve`), or its worker inside this process (`serve --one`).

Both speak HTTP with the same code and the same settings (cli/web_worker.py); neither is Flask's server for developers.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from mailcore import core as cores
from mailcore.cli import confinement
from mailcore.cli.web_worker import Worker
from mailcore.config import Config, host_and_port
from mailcore.config_file import load_config
from mailcore.log import start_logging
from mailcore.process import malloc
from mailcore.process.tracing import start_tracing

# of each process; at most 48 hold a stream (services/webmail/live.py), 48 a large answer (portal/large_answers.py) and 12 a
# large request (portal/bodies.py)
THREADS = 128
KEEP_ALIVE, BACKLOG, GRACE = 30, 1024, 5  # seconds, connections, seconds for what is being answered at the end


def command(address: str, handed: tuple[socket.socket, ...] = ()) -> list[str]:
    """The server of its own, which reads its settings as everything does; a process for each processor.

    Args:
        handed: sockets that listen at the address already; the program inherits them.
    """
    where = ",".join(f"fd://{sock.fileno()}" for sock in handed) or address
    return [sys.executable, "-m", "mailcore.cli.web_server", where]


class Settings(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's settings without its command line and its environment.

    What a client says of schemes and paths before ours (X-Forwarded-Proto, SCRIPT_NAME ...) is never read here, whatever
    its address: the portal believes as many proxies as `web.proxies` says.
    """

    def __init__(self, config: Config, load: Callable[[], Callable[..., Any]], **more: object) -> None:  # Any: WSGI
        self.web, self.trusted = config.web, config.limits.trusted
        self._load, self._more = load, more
        super().__init__()

    def load_config(self) -> None:
        ours: dict[str, object] = {
            "threads": THREADS, "keepalive": KEEP_ALIVE, "graceful_timeout": GRACE, "loglevel": "warning", "backlog": BACKLOG,
            "worker_class": Worker, "control_socket_disable": True, "forwarded_allow_ips": "", "secure_scheme_headers": {},
            "forwarder_headers": "", "proxy_protocol": "off", "worker_connections": _more_than_threads(self.web.connections),
        }  # fmt: skip
        for name, value in (ours | self._more).items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._load()


def _more_than_threads(connections: int) -> int:
    """gunicorn wants more of them than threads."""
    return max(connections, THREADS + 1)


class _Inside(Worker):
    """Signals belong to the process, which stops this worker by a word."""

    def init_signals(self) -> None:
        pass

    def is_parent_alive(self) -> bool:
        """gunicorn's worker ends with the process that started it; here that is whose shell may be closed long ago."""
        return True


class InProcess:
    """The portal in a thread; `ending` is called when it stops.

    Raises:
        OSError: the port is taken, and not by sockets that were handed over.
    """

    def __init__(
        self,
        address: str,
        app: Callable[..., Any],
        ending: Callable[[], None],
        config: Config | None = None,
        handed: tuple[socket.socket, ...] = (),
    ) -> None:
        self._ending = ending
        listeners = list(handed) or [_open(address)]
        settings = Settings(config or Config(), lambda: app)
        self.port = int(listeners[0].getsockname()[1])
        self._worker = _Inside(0, os.getppid(), listeners, settings, 0, settings.cfg, Logger(settings.cfg))
        self._thread = threading.Thread(target=self._worker.init_process, name="portal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No new connections; what is being answered is answered within GRACE seconds."""
        self._worker.handle_exit(0, None)
        self._ending()
        self._thread.join(GRACE + 1)
        self._worker.tmp.close()


def _open(address: str) -> socket.socket:
    host, port = host_and_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _load() -> Callable[..., Any]:
    """Build the portal in each process after it was forked: nothing of a database goes over a fork."""
    from portal import create_app

    malloc.configure()
    core = cores.build(load_config())
    core.waits.share(core.config.database_key)
    start_tracing(core.config, "portal")
    return create_app(core)


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's, whose lines look as ours do."""

    def setup(self, cfg: Any) -> None:  # Any: gunicorn has no types
        super().setup(cfg)
        for ours in logging.getLogger().handlers:
            for handler in self.error_log.handlers:
                handler.setFormatter(ours.formatter)


def main(address: str) -> None:
    """The program that `command` names, with an address or descriptors that gunicorn takes."""
    config = load_config()
    start_logging(config.log.format, messages=config.log.messages)
    confinement.confine(config, "portal")
    Settings(config, _load, logger_class=_Logger, bind=address, workers=min(8, max(2, os.cpu_count() or 1))).run()


if __name__ == "__main__":
    main(sys.argv[1])
