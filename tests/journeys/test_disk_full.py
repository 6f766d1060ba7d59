"""A full disk is a 4xx to the peer; what was accepted is there, and mail flows again when there is room."""

import os
import smtplib
import subprocess

import pytest

from tests.journeys.conftest import PASSWORD, House
from tests.journeys.test_message_travels import imap, subjects

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "var"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def send(house: House, subject: str, octets: int) -> int:
    """The reply's code."""
    body = f"Subject: {subject}\r\n\r\n" + f"{subject}\r\n" * (octets // (len(subject) + 2))
    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], timeout=20) as client:
        client.ehlo("outside.example")
        client.mail("a@outside.example")
        client.rcpt("ola@alumni.example")
        return client.data(body.encode())[0]


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
    filler.unlink()
    assert send(house, "after", octets) == 250
    with imap(house, "ola") as client:
        found = subjects(client)
        assert sorted(found[1:]) == sorted([*accepted, "after"])
    assert "all is well" in house.run("check")
    house.stop()
