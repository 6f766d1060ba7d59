"""`listen.metrics`: one thread that answers whoever watches, one after another."""

import socket
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from mailcore.config import host_and_port
from mailcore.core import Core
from mailcore.services.operations import metrics


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds: who drips must not keep the others out

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server6(WSGIServer):
    address_family = socket.AF_INET6


def _take_over(listening: socket.socket, kind: type[WSGIServer]) -> WSGIServer:
    server = kind(listening.getsockname()[:2], _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = listening.getsockname()[:2]
    server.setup_environ()
    return server


class Metrics:
    """Runs until `stop`.  Raises OSError when the port is taken, unless a socket that listens there was handed over."""

    def __init__(self, core: Core, address: str, supervisor: int = 0, handed: tuple[socket.socket, ...] = ()) -> None:
        host, port = host_and_port(address)
        kind = _Server6 if ":" in host else WSGIServer
        self._server = _take_over(handed[0], kind) if handed else kind((host, port), _Quiet)
        self._server.set_app(make_wsgi_app(metrics.build_registry(core, supervisor)))
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
