"""A full disk is a 4xx to the peer; what was accepted is there, and mail flows again when there is room."""

import asyncio
import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from tests.journeys.conftest import PASSWORD, Sink
from tests.journeys.test_faults import send
from tests.journeys.test_message_travels import imap, subjects
from tests.machine import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class Slow(Sink):
    """Has a message, and answers when it may."""

    def __init__(self) -> None:
        self.may, self.has = threading.Event(), 0
        self.may.set()
        super().__init__()

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.has += 1
        await asyncio.to_thread(self.may.wait, 180)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def sink():
    made = Slow()
    yield made
    made.stop()


@pytest.fixture
def small_disk(tmp_path):
    yield from mounted(tmp_path / "var")


@pytest.fixture
def small_backup_disk(tmp_path):
    yield from mounted(tmp_path / "backups")


def mounted(disk: Path) -> Iterator[Path]:
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def append_until_refused(client: IMAPClient, octets: int) -> list[str]:
    """Return the subjects of what was taken: a log that has been copied into the database has room again."""
    taken: list[str] = []
    with contextlib.suppress(IMAPClientError):
        for number in range(3000):
            client.append("INBOX", f"Subject: appended-{number}\r\n\r\n".encode() + b"x\r\n" * (octets // 3))
            taken.append(f"appended-{number}")
    assert len(taken) < 3000
    return taken


@pytest.mark.parametrize("octets", [20_000, 400_000], ids=["inside the database", "as files"])
def test_a_full_disk_is_temporary_and_loses_nothing(small_disk, build, octets):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 12 * 2**20)
    accepted, refused = [], 0
    for number in range(3000):
        code = send(house, f"message-{number}", octets)
        if code == 250:
            accepted.append(f"message-{number}")
        else:
            assert code == 451
            refused += 1
            if refused == 3:
                break
    assert accepted
    assert refused == 3
    with imap(house, "ola") as client:
        assert set(accepted) <= set(subjects(client))
    with imap(house, "ola") as client:
        accepted += append_until_refused(client, octets)
        client.noop()
    filler.unlink()
    assert send(house, "after", octets) == 250
    with imap(house, "ola") as client:
        found = subjects(client)
        assert sorted(found[1:]) == sorted([*accepted, "after"])
    assert "all is well" in house.run("check")
    house.stop()


def test_what_the_queue_has_when_the_disk_is_full_arrives_once(small_disk, build, sink):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    house.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
    accepted = [f"message-{number}" for number in range(10)]
    sink.may.clear()
    assert [send(house, subject, 20_000) for subject in accepted] == [250] * len(accepted)
    assert until(lambda: sink.has > 0)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError):  # to the last octet
        filler.write_bytes(b"x" * 24 * 2**20)
    sink.may.set()  # what it says now cannot be written down
    assert {send(house, "message-bad", 20_000) for _ in range(3)} == {451}
    time.sleep(1)
    filler.unlink()
    assert until(lambda: house.run("queue", "list", "--json").strip() == "[]", 180)
    went = [octets.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode() for _, _, octets in sink.mail]
    assert sorted(one for one in went if one.startswith("message")) == sorted(accepted)
    with imap(house, "ola") as client:
        assert sorted(one for one in subjects(client) if one.startswith("message")) == sorted(accepted)
    assert "all is well" in house.run("check")
    house.stop()


def test_a_backup_onto_a_full_disk_says_so_in_a_line_and_leaves_the_one_before(small_backup_disk, build, tmp_path):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    assert send(house, "first", 400_000) == 250
    filler, folder = small_backup_disk / "filler", small_backup_disk / "backup"
    filler.write_bytes(b"x" * (24 * 2**20 - 200_000))

    def backup() -> subprocess.CompletedProcess:
        return subprocess.run([*house.command(), "backup", str(folder)], capture_output=True, text=True, timeout=180)

    failed = backup()  # there is no room for the first one
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in failed.stderr
    filler.write_bytes(b"x" * 12 * 2**20)
    assert backup().returncode == 0  # and the folder is as good as new
    for number in range(60):
        assert send(house, f"later-{number}", 400_000) == 250
    assert "No space left on device" in backup().stderr
    house.stop()
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(house.config.read_text().replace(f"{tmp_path}/var", f"{tmp_path}/elsewhere"))
    command = [house.command()[0], "--config", str(elsewhere)]
    restored = subprocess.run([*command, "restore", str(folder)], capture_output=True, text=True, timeout=180)
    assert restored.returncode == 0, restored.stderr
    assert "all is well" in subprocess.run([*command, "check"], capture_output=True, text=True, timeout=180).stdout


def test_a_restore_onto_a_full_disk_changes_nothing(small_disk, build, tmp_path):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    for number in range(5):
        assert send(house, f"message-{number}", 400_000) == 250
    house.run("backup", str(tmp_path / "backup"))
    house.stop()
    for file in (small_disk / "blobs").glob("??/??/*"):
        file.unlink()
    before = (small_disk / "alumnimail.db").read_bytes()
    filler = small_disk / "filler"
    free = os.statvfs(small_disk)
    filler.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - len(before) - 800_000))
    command = [*house.command(), "restore", str(tmp_path / "backup"), "--replace"]
    failed = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in failed.stderr
    assert (small_disk / "alumnimail.db").read_bytes() == before
    filler.unlink()
    assert subprocess.run(command, capture_output=True, text=True, timeout=180).returncode == 0
    assert "all is well" in house.run("check")
