"""An S3 server of one's own on loopback: SeaweedFS (`weed`), which requirements/seaweedfs.txt installs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import obstore
import pytest
from obstore.store import S3Store

from mailcore.config import Bucket
from tests.machine import free_port

BUCKET = "mail"
ACCESS, SECRET = "mail", "mail-knows"
READER, READER_SECRET = "reader", "reader-knows"  # may not write
SECONDS = 60
_PORTS = 10  # that the server opens, with those of its inner protocol


def program() -> Path | None:
    found = Path(sys.executable).with_name("weed")
    return found if found.exists() else None


@dataclass
class S3Server:
    """A server with its data, which may be stopped and started again on the same port."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(_PORTS)])
    _running: "subprocess.Popen[bytes] | None" = None
    _places: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        s3, s3_inner, master, master_inner, volume, volume_inner, filer, filer_inner, iceberg, metrics = self.ports
        weed = program()
        assert weed is not None
        keys = [
            {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}
            for name, secret, actions in (
                (ACCESS, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
                (READER, READER_SECRET, ["Read", "List"]),
            )
        ]
        config = self.folder / "s3.json"
        config.write_text(json.dumps({"identities": keys}))
        (self.folder / "data").mkdir(exist_ok=True)
        options = {
            "dir": self.folder / "data", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "filer": "true", "s3": "true",
            "master.port": master, "master.port.grpc": master_inner, "volume.port": volume,
            "volume.port.grpc": volume_inner, "filer.port": filer, "filer.port.grpc": filer_inner, "s3.port": s3,
            "s3.port.grpc": s3_inner, "s3.port.iceberg": iceberg, "s3.port.lance": 0, "metricsPort": metrics,
            "s3.config": config, "s3.iam": "false", "s3.autoCreateBucket": "false",
            "master.volumeSizeLimitMB": 64, "volume.max": 30, "master.telemetry": "false",
        }  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                [weed, "server", *(f"-{name}={value}" for name, value in options.items())],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS
        while True:
            try:
                self.store(BUCKET).put("ready", b"x")
                return
            except Exception:
                if time.monotonic() > until or self._running is None or self._running.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-3000:]) from None
                with suppress(Exception):
                    self.make_bucket(BUCKET)
                time.sleep(0.1)

    def stop(self) -> None:
        """Take it away at once, as an outage would; its data stays."""
        if self._running is not None:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait(SECONDS)
            self._running = None

    def freeze(self) -> None:
        """Stop it where it is: connections stay, and nothing is answered."""
        assert self._running is not None
        os.killpg(self._running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._running is not None
        os.killpg(self._running.pid, signal.SIGCONT)

    def store(self, bucket: str, access: str = ACCESS, secret: str = SECRET) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=access,
            secret_access_key=secret,
            client_options={"allow_http": True, "timeout": "10s"},
            retry_config={"max_retries": 0},
        )

    def new_place(self) -> Bucket:
        """Return a prefix that nobody else has, of one bucket: each bucket takes the server several files."""
        self._places += 1
        return Bucket(BUCKET, f"place{self._places}/here")

    def make_bucket(self, name: str) -> None:
        # a bucket is made by PUT of itself, which obstore signs as that of an object without a name
        url = obstore.sign(self.store(name), "PUT", "", expires_in=timedelta(minutes=1))
        urlopen(Request(url, method="PUT"), timeout=10).close()  # noqa: S310 - of loopback


@contextmanager
def serving() -> Iterator[S3Server]:
    """Start a server without data."""
    if program() is None:
        pytest.skip("no SeaweedFS is installed")
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
