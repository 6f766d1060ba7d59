"""An HTTP server on loopback that takes POST, in threads, with TLS where a context is given."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str, dict[str, str], bytes], int]


@contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None, location: Callable[[], str] = str) -> Iterator[int]:
    """Serve, and give the port.

    Args:
        answer: is called with path, fields (names in lower case) and body, and returns the status.
        location: the Location of each answer, "" = none.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            fields = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(answer(self.path, fields, self.rfile.read(int(fields["content-length"]))))
            if place := location():
                self.send_header("Location", place)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Ignore a client that hung up before the answer: it is no error of the test."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
