"""A server on loopback that takes POST by HTTPS: it remembers what it was told, and can be told to misbehave."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from mailcore.services.webmail import remote_pictures
from tests.post_server import serving

HANG = 0


@dataclass(frozen=True)
class Told:
    """One request; the names of its fields are in lower case."""

    path: str
    fields: dict[str, str]
    body: bytes


class Receiver:
    """`answers` are given in turn, the last of them for ever; HANG answers only when `go_on` is set.

    `by_path` has the answers of paths that get the same each time.
    """

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.answers: list[int] = [204]
        self.by_path: dict[str, int] = {}
        self.go_on = threading.Event()
        self.came = threading.Semaphore(0)
        self.url, self.port = "", 0

    @property
    def ids(self) -> list[str]:
        return [one.fields["webhook-id"] for one in self.told]

    def take(self, told: Told) -> int:
        self.told.append(told)
        if told.path in self.by_path:
            return self.by_path[told.path]
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.came.release()
        if answer == HANG:
            assert self.go_on.wait(60)
        return answer or 204


@contextmanager
def running(ca: Path, host: str = "127.0.0.1", path: str = "/hooks?crm=1") -> Iterator[Receiver]:
    """Serve, with a certificate for `host`; `ca` is written, an authority to trust."""
    receiver, authority = Receiver(), trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)

    def take(path: str, fields: dict[str, str], body: bytes) -> int:
        return receiver.take(Told(path, fields, body))

    with serving(take, tls=context, location=lambda: receiver.url) as receiver.port:
        receiver.url = f"https://{host}:{receiver.port}{path}"
        try:
            yield receiver
        finally:
            receiver.go_on.set()


@contextmanager
def running_outside(folder: Path, patch: pytest.MonkeyPatch, host: str, path: str = "") -> Iterator[Receiver]:
    """Serve as `host`, which is trusted, and is asked although loopback is no public address."""
    patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    with running(folder / "ca.pem", host, path) as receiver:
        patch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
        patch.setattr(remote_pictures, "may_use", lambda wanted: wanted == receiver.port)
        yield receiver
