"""`serve` on PostgreSQL with large messages in a real S3 server: a day's work, and a bucket that goes away for eight seconds.

Every `250` is in the mailbox exactly once, whatever the bucket did meanwhile.
"""

import hashlib
import random
import shutil
import smtplib
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailcore.store.objects.s3 import REQUEST, RETRY
from tests import postgres_server, s3_server
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.journeys.test_message_travels import imap
from tests.machine import until
from tests.s3_server import S3Server
from tests.tcp_proxy import TcpProxy

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.sqlite,  # the engine is its own
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
AWAY_SECONDS = 8
SMALL, LARGE = 3_000, 400_000


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server.serving() as running:
        yield running


@pytest.fixture(scope="module")
def databases() -> Iterator[str]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        yield url


@pytest.fixture
def proxy(server: S3Server) -> Iterator[TcpProxy]:
    made = TcpProxy(server.ports[0])
    yield made
    made.close()


def settings(server: S3Server, databases: str, endpoint: str, database: str) -> tuple[str, str]:
    """Return the settings at the top of the file, and the table of the bucket."""
    place = server.new_place()
    with psycopg.connect(databases, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    url = databases.replace("@/postgres?", f"@/{database}?")
    return (
        f'database = "{url}"\nblobs = "s3://{place.name}/{place.prefix}"\n',
        f'[s3]\nendpoint = "{endpoint}"\naccess_key = "{s3_server.ACCESS}"\nsecret_key = "{s3_server.SECRET}"\n',
    )


@pytest.fixture
def house(tmp_path: Path, sink: Sink, server: S3Server, databases: str, proxy: TcpProxy) -> Iterator[House]:
    top, more = settings(server, databases, proxy.endpoint, f"house{random.randrange(10**9)}")
    made = House(tmp_path, sink, workers=2, more=more)
    made.config.write_text(top + made.config.read_text())
    made.start()
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    yield made
    made.kill()


def message(number: int, size: int) -> bytes:
    body = random.Random(number).randbytes(size // 2).hex()
    lines = "\r\n".join(body[at : at + 70] for at in range(0, len(body), 70))
    return f"From: a@b.example\r\nTo: ola@alumni.example\r\nSubject: {number}\r\n\r\n{lines}\r\n".encode()


@dataclass
class Senders:
    """Send small and large messages, four at a time, and note every answer."""

    house: House
    taken: list[int] = field(default_factory=list)
    refused: list[tuple[int, float]] = field(default_factory=list)  # code, and seconds until it came
    stopped: threading.Event = field(default_factory=threading.Event)
    cut: int = 0  # connections that ended without an answer
    next: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Senders":
        self.threads = [threading.Thread(target=self._send) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _send(self) -> None:
        while not self.stopped.is_set():
            with self.lock:
                self.next += 1
                number = self.next
            began = time.monotonic()
            try:
                with smtplib.SMTP("127.0.0.1", self.house.ports["smtp"], timeout=60) as client:
                    octets = message(number, LARGE if number % 3 == 0 else SMALL)
                    client.sendmail("a@b.example", ["ola@alumni.example"], octets)
                self.taken.append(number)
            except smtplib.SMTPDataError as answer:
                self.refused.append((answer.smtp_code, time.monotonic() - began))
            except (smtplib.SMTPException, OSError):
                self.cut += 1


def bodies(client: IMAPClient) -> dict[int, str]:
    """Number and hash of each message in INBOX, but for the welcome."""
    client.select_folder("INBOX", readonly=True)
    found = {}
    for uid in client.search(["FROM", "a@b.example"]):
        octets = fetch_body(client, uid)
        start = octets.index(b"From: a@b.example")
        number = int(octets[start:].partition(b"Subject: ")[2].partition(b"\r\n")[0])
        assert number not in found, "doubled"
        found[number] = hashlib.sha256(octets[start:]).hexdigest()
    return found


def expected(numbers: list[int]) -> dict[int, str]:
    return {one: hashlib.sha256(message(one, LARGE if one % 3 == 0 else SMALL)).hexdigest() for one in numbers}


def forget_cache(house: House) -> None:
    """Empty it; the folder stays, as confined processes could not make it anew."""
    for entry in (house.folder / "var/cache").iterdir():
        shutil.rmtree(entry, ignore_errors=True)


def test_a_day_on_postgresql_and_s3(house, tmp_path, sink):
    with Senders(house) as senders:
        assert until(lambda: len(senders.taken) >= 30)
    assert (senders.refused, senders.cut) == ([], 0)
    forget_cache(house)
    with imap(house, "ola") as client:
        assert bodies(client) == expected(senders.taken)
    assert list((house.folder / "var/cache").glob("??/??/*"))  # what was read is here now
    house.run("export", "ola", str(tmp_path / "ola.zip"))
    with zipfile.ZipFile(tmp_path / "ola.zip") as archive:
        large = sum(1 for number in senders.taken if number % 3 == 0)
        assert sum(archive.getinfo(name).file_size for name in archive.namelist()) > large * LARGE > 0
    forget_cache(house)
    backup = tmp_path / "backup"
    assert "large messages" in house.run("backup", str(backup))
    assert house.run("check").strip() == "all is well"
    other = tmp_path / "other"
    other.mkdir()
    (other / "var").mkdir()
    elsewhere = House(other, sink, workers=0)  # SQLite and files
    elsewhere.run("restore", str(backup))
    elsewhere.start()
    try:
        with imap(elsewhere, "ola") as client:
            assert bodies(client) == expected(senders.taken)
    finally:
        elsewhere.stop()
    refuse_second(house, tmp_path / "second", sink)
    shutil.rmtree(house.folder / "var/cache")  # which confined processes do not make anew
    with imap(house, "ola") as client:
        assert bodies(client) == expected(senders.taken)
    house.stop()


def fetch_body(client: IMAPClient, uid: int) -> bytes:
    """Fetch a message, again where the answer says so: a process tries a bucket that was away only now and then."""
    found: list[bytes] = []

    def fetch() -> bool:
        try:
            found.append(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])
        except IMAPClientError as problem:
            if "UNAVAILABLE" not in str(problem):
                raise
        return bool(found)

    assert until(fetch)
    return found[0]


def measure_list(client: IMAPClient) -> float:
    began = time.monotonic()
    assert client.fetch(client.search(), ["ENVELOPE", "FLAGS"])
    return time.monotonic() - began


def test_a_bucket_that_goes_away_for_a_while_loses_nothing(house, proxy):
    with Senders(house) as senders:
        assert until(lambda: len(senders.taken) >= 12)
        with imap(house, "ola") as client:
            client.select_folder("INBOX", readonly=True)
            usual = min(measure_list(client) for _ in range(3))
        proxy.go_away()
        gone_at, before = time.monotonic(), len(senders.taken)
        forget_cache(house)
        with imap(house, "ola") as client:
            client.select_folder("INBOX", readonly=True)
            large = client.search(["FROM", "a@b.example", "LARGER", "200000"])
            with pytest.raises(IMAPClientError, match="UNAVAILABLE"):
                client.fetch(large[:1], ["BODY.PEEK[]"])
            # who reads lists does not need it: a wait for the bucket is of RETRY seconds
            listed = min(measure_list(client) for _ in range(3))
            assert listed < RETRY.total_seconds() / 2 + 4 * usual
        assert until(lambda: any(code == 451 for code, _ in senders.refused))
        while time.monotonic() - gone_at < AWAY_SECONDS:
            time.sleep(0.1)
        small = len([one for one in senders.taken[before:] if one % 3])
        proxy.come_back()
        sent = len(senders.taken)
        assert until(lambda: any(one % 3 == 0 for one in senders.taken[sent:]))
    assert small > 0  # small ones came in all the time
    assert ({code for code, _ in senders.refused}, senders.cut) == ({451}, 0)
    # nobody waits long for the answer
    assert max(seconds for _, seconds in senders.refused) < 20 + REQUEST.total_seconds()
    with imap(house, "ola") as client:
        assert bodies(client) == expected(senders.taken)
    assert house.run("check").strip() == "all is well"
    assert house.process is not None
    assert house.process.poll() is None


def test_a_node_that_is_killed_has_lost_nothing_that_it_acknowledged(house):
    with Senders(house) as senders:
        assert until(lambda: len(senders.taken) >= 15)
        house.kill()
        senders.stopped.set()
    house.start()
    with imap(house, "ola") as client:
        there = bodies(client)
    assert expected(senders.taken).items() <= there.items()
    assert len(there) <= len(senders.taken) + 4  # whose answer was lost
    assert house.run("check").strip() == "all is well"


def test_the_bucket_of_the_compose_file_is_made_once_and_found_again(server):
    compose = (Path(__file__).parents[2] / "deploy/container/cluster.yaml").read_text()
    script = compose.partition("  bucket:")[2].partition("- >-\n")[2].partition("    command:")[0]
    _, _, master, master_inner, _, _, filer, filer_inner, _, _ = server.ports
    for place, own in {
        "objects:9333": f"127.0.0.1:{master}.{master_inner}",
        "objects:8888": f"127.0.0.1:{filer}.{filer_inner}",
        "mail": "mail-of-compose",
    }.items():
        assert place in script
        script = script.replace(place, own)
    weed = s3_server.program()
    assert weed is not None
    for _ in range(2):
        subprocess.run(["sh", "-c", script], check=True, timeout=60, env={"PATH": f"{weed.parent}:/usr/bin:/bin"})


def refuse_second(house: House, folder: Path, sink: Sink) -> None:
    """Another installation on the same bucket is told so in one line."""
    folder.mkdir()
    second = House(folder, sink, workers=0)
    lines = house.config.read_text().splitlines()
    blobs = next(line for line in lines if line.startswith("blobs"))
    bucket = "\n".join(lines[lines.index("[s3]") :])
    second.config.write_text(f"{blobs}\n{second.config.read_text()}{bucket}\n")
    with pytest.raises(AssertionError, match="belongs to another installation"):
        second.run("init")
