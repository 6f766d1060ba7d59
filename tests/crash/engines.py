"""PostgreSQL and an S3 server for a world, each behind a proxy that may be slow or away; and what may befall them."""

import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import kill

import psycopg

from tests import postgres_server, s3_server
from tests.postgres_server import Server
from tests.s3_server import READER, S3Server
from tests.tcp_proxy import TcpProxy

_WRITES = re.compile(rb"^(?:PUT|POST|DELETE) ", re.MULTILINE)
_SAVED = re.compile(rb"^HTTP/1\.1 200 OK\r\n")


class Engines:
    """Both servers, and the ways to them."""

    def __init__(self, database: Server, bucket: S3Server) -> None:
        self.database, self.bucket = database, bucket
        folder = database.url.partition("host=")[2]
        self.to_database = TcpProxy(f"{folder}/.s.PGSQL.5432")
        self.to_bucket = TcpProxy(bucket.ports[0])
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE mail")

    def settings(self) -> tuple[str, str]:
        """Return what stands at the top of the settings, and the table of the bucket."""
        place = self.bucket.new_place()
        return (
            f'database = "postgresql://postgres@127.0.0.1:{self.to_database.port}/mail"\n'
            f'blobs = "s3://{place.name}/{place.prefix}"\n',
            f'[s3]\nendpoint = "{self.to_bucket.endpoint}"\naccess_key = "{s3_server.ACCESS}"\n'
            f'secret_key = "{s3_server.SECRET}"\n',
        )

    def close(self) -> None:
        self.to_database.close()
        self.to_bucket.close()


@contextmanager
def open_engines() -> Iterator[Engines]:
    with (
        postgres_server.running(settings=("fsync=on", "max_connections=200")) as database,
        s3_server.serving() as bucket,
    ):
        engines = Engines(database, bucket)
        try:
            yield engines
        finally:
            engines.close()


def pause(least: float = 0.3, most: float = 1.0) -> None:
    """Faults come at any moment."""
    time.sleep(random.uniform(least, most))


def kill_database(engines: Engines) -> None:
    pause()
    engines.database.kill()
    pause(0, 4)
    engines.database.start()


def restart_database(engines: Engines) -> None:
    pause()
    engines.database.stop()
    pause(0, 4)
    engines.database.start()


def kill_a_backend(engines: Engines) -> None:
    """Kill one process of the server: it ends all connections, and replays its log."""
    pause()
    # the last ones serve connections; those before are the server's own
    with suppress(ProcessLookupError):
        kill(engines.database.backends()[-1], signal.SIGKILL)


def freeze_database(engines: Engines) -> None:
    pause()
    engines.database.freeze()
    pause(3, 8)
    engines.database.thaw()


def kill_bucket(engines: Engines) -> None:
    pause()
    engines.bucket.stop()
    pause(0, 6)
    engines.bucket.start()


def freeze_bucket(engines: Engines) -> None:
    pause()
    engines.bucket.freeze()
    pause(3, 8)
    engines.bucket.thaw()


def slow(which: str, delay_seconds: float) -> Callable[[Engines], None]:
    def fault(engines: Engines) -> None:
        proxy: TcpProxy = getattr(engines, which)
        pause()
        proxy.delay = delay_seconds
        pause(3, 6)
        proxy.delay = 0

    return fault


def unreachable(which: str) -> Callable[[Engines], None]:
    def fault(engines: Engines) -> None:
        proxy: TcpProxy = getattr(engines, which)
        pause()
        proxy.go_away()
        pause(2, 6)
        proxy.come_back()

    return fault


def refuse_writes(engines: Engines) -> None:
    """The keys may read alone: 403 for what is written, while what is there is read."""

    def as_reader(octets: bytes) -> bytes:
        if not _WRITES.search(octets):
            return octets
        return octets.replace(
            b"Credential=" + s3_server.ACCESS.encode() + b"/", b"Credential=" + READER.encode() + b"/"
        )

    pause()
    engines.to_bucket.spoil_sent = as_reader
    pause(3, 6)
    engines.to_bucket.spoil_sent = lambda octets: octets


def deny_what_was_saved(engines: Engines) -> None:
    """The server saves and says 503, as one behind a busy balancer does: who asks again hears that it is there."""
    pause()
    engines.to_bucket.spoil = lambda octets: _SAVED.sub(b"HTTP/1.1 503 Slow Down\r\n", octets)
    pause(3, 6)
    engines.to_bucket.spoil = lambda octets: octets


FAULTS: dict[str, Callable[[Engines], None]] = {
    "PostgreSQL killed": kill_database,
    "S3 killed": kill_bucket,
    "PostgreSQL stands still": freeze_database,
    "S3 refuses writes": refuse_writes,
    "PostgreSQL slow": slow("to_database", 0.3),
    "S3 slow": slow("to_bucket", 1.0),
    "PostgreSQL restarted": restart_database,
    "a backend killed": kill_a_backend,
    "PostgreSQL unreachable": unreachable("to_database"),
    "S3 unreachable": unreachable("to_bucket"),
    "S3 stands still": freeze_bucket,
    "S3 says 503": deny_what_was_saved,
}
