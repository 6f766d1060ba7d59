"""One HTTPS exchange with a stranger's server: by a certificate for its name, and within so many seconds in all.

The time-out of a socket begins anew with each octet that drips in; a thread that waits for one server is not there for
the others.  Redirections are not followed.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult

SECONDS = 20  # of silence
WHOLE_SECONDS = 60
MOST_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """`octets` are the first MOST_OCTETS."""

    status: int
    kind: str
    octets: bytes


def target_of(parts: SplitResult) -> str:
    """Return the request target of a URL in origin form (RFC 9112 section 3.2.1)."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def ask(
    address: str,
    port: int,
    host: str,
    method: str,
    path: str,
    fields: Mapping[str, str],
    body: bytes | None = None,
    *,
    seconds: float = WHOLE_SECONDS,
    ca: str = "",
) -> Answer:
    """Blocking, for so many seconds at most.  Raises OSError (ssl.SSLError too), http.client.HTTPException, ValueError.

    Args:
        ca: path of a PEM file of authorities to trust, "" = the system's.
    """
    context = ssl.create_default_context(cafile=ca or None)
    with connect(context, address, port, host, min(SECONDS, seconds)) as secure, cut_off(secure, seconds):
        secure.do_handshake()
        asked = http.client.HTTPConnection(host, port)
        asked.sock = secure
        asked.request(method, path, body, {**fields, "Connection": "close"})
        with asked.getresponse() as answer:
            return Answer(answer.status, answer.headers.get_content_type(), answer.read(MOST_OCTETS))


def connect(context: ssl.SSLContext, address: str, port: int, host: str, seconds: float) -> ssl.SSLSocket:
    """Connect to an address, by a certificate for `host` that the handshake, which is still to come, will ask for.

    The socket is wrapped first and connects then: `ssl` leaves one open whose other side is gone again when it is wrapped.

    Args:
        seconds: of silence, also later on.

    Raises:
        OSError
    """
    plain = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    secure = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        secure.settimeout(seconds)
        secure.connect((address, port))
    except BaseException:
        secure.close()
        raise
    return secure


@contextlib.contextmanager
def cut_off(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Shut the socket down when the time is up, so that a blocked reader, with TLS or without, reads its end."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
