"""`listen.metrics`: one thread that answers whoever watches, one after another."""

import socket
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

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


class Metrics:
    """Runs until `stop`.  Raises OSError when the port is taken."""

    def __init__(self, core: Core, address: str, supervisor: int = 0) -> None:
        host, port = host_and_port(address)
        kind = _Server6 if ":" in host else WSGIServer
        self._server = make_server(host, port, make_wsgi_app(metrics.build_registry(core, supervisor)), kind, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
