"""Answers to the challenges of a certificate authority (RFC 8555 section 8, RFC 8737), by the portal or a listener of our own.

The portal's answers stand in the database, so that whichever process or node is asked has them.
"""

import contextlib
import datetime
import hashlib
import json
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailcore.clock import Clock
from mailcore.config import host_and_port
from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.net.https import cut_off
from mailcore.store.engine import values
from mailcore.store.engine.tx import Tx

PATH = "/.well-known/acme-challenge/"  # RFC 8555 section 8.3
PROTOCOL = "acme-tls/1"  # RFC 8737 section 6.2
PEER_SECONDS = 10  # of silence
WHOLE_SECONDS, MOST_PEERS = 20, 500  # for a request or a handshake, however it drips; of strangers at once
_KEY = "acme answers"
_KEPT_SECONDS = 3600  # of an answer whose order was killed
_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # RFC 8737 section 6.1
_OCTET_STRING = b"\x04\x20"  # DER, of 32 octets


def find_answer(core: Core, token: str) -> str:
    """Find the key authorization of a token; "" where nobody ordered it."""
    saved = _load(core.db.read(lambda tx: values.get_value(tx, _KEY)))
    return saved.get(token, ("", 0))[0]


@contextlib.contextmanager
def answering_by_portal(core: Core, answers: dict[str, str]) -> Iterator[None]:
    """Have the portal answer each token with its key authorization."""
    save_answers(core, answers)
    try:
        yield
    finally:
        _change(core, {}, tuple(answers))


def save_answers(core: Core, answers: dict[str, str]) -> None:
    """Save what the portal answers from now on, for an hour at most."""
    now = core.clock.seconds()
    _change(core, {token: (answer, now) for token, answer in answers.items()}, ())


def _change(core: Core, added: dict[str, tuple[str, int]], removed: tuple[str, ...]) -> None:
    oldest = core.clock.seconds() - _KEPT_SECONDS

    def write(tx: Tx) -> None:
        saved = _load(values.get_value(tx, _KEY)) | added
        left = {token: one for token, one in saved.items() if token not in removed and one[1] >= oldest}
        values.save_value(tx, _KEY, json.dumps(left))

    core.db.write(write)


def _load(text: str) -> dict[str, tuple[str, int]]:
    return {token: (answer, at) for token, (answer, at) in json.loads(text or "{}").items()}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(MOST_PEERS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # Any: as in the library
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # Any: as in the library
        try:
            with cut_off(request, WHOLE_SECONDS):
                super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, *_: object) -> None:
        """Answer nothing to a request that is wrong."""


@contextlib.contextmanager
def _listening(address: str, handler: type[socketserver.BaseRequestHandler]) -> Iterator[None]:
    """Raises Busy: the address cannot be had."""
    try:
        server = _Server(host_and_port(address), handler)
    except OSError as problem:
        raise Busy(f"acme.listen: {address} cannot be had: {problem.strerror}") from None
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="acme", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def answering_by_http(address: str, answers: dict[str, str]) -> Iterator[None]:
    """Answer each token at `address`, and nothing else.  Raises Busy: it cannot be had."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PEER_SECONDS
        server_version = sys_version = ""

        def do_GET(self) -> None:
            answer = answers.get(self.path.removeprefix(PATH)) if self.path.startswith(PATH) else None
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write((answer or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    with _listening(address, Handler):
        yield


@contextlib.contextmanager
def answering_by_tls(address: str, answers: dict[str, str]) -> Iterator[None]:
    """Answer handshakes of ACME at `address`; `answers` are key authorizations by host name.  Raises Busy: it cannot be had."""
    contexts = {name: _make_context(name, answer) for name, answer in answers.items()}

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name not in contexts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = contexts[name]
        return None

    first = next(iter(contexts.values()))
    first.sni_callback = choose

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(PEER_SECONDS)
            with (
                contextlib.suppress(OSError),
                first.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False) as connection,
                cut_off(connection, WHOLE_SECONDS),
            ):
                connection.do_handshake()
                connection.unwrap()

    with _listening(address, Handler):
        yield


def _make_context(name: str, answer: str) -> ssl.SSLContext:
    """Make the certificate that shows the hash of a key authorization (RFC 8737 section 3)."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = Clock().now()  # the authority's, whatever a test's is
    subject = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(
            x509.UnrecognizedExtension(_IDENTIFIER, _OCTET_STRING + hashlib.sha256(answer.encode()).digest()),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([PROTOCOL])
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads files alone
        file = Path(folder, "pem")
        file.touch(mode=0o600)
        file.write_bytes(
            certificate.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        context.load_cert_chain(file)
    return context
