"""Faults of the machine: a disk that cannot write, a locked database, a file that is gone.

The peer hears a 4xx and tries again, what was accepted is there exactly once, and `alumnimail check` says what is wrong.
"""

import smtplib
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from tests.journeys.conftest import PASSWORD, House
from tests.journeys.test_message_travels import imap, subjects
from tests.machine import program

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SMALL, LARGE = 2_000, 600_000

# In the place of libc's: an error while a file of that name exists.
FSYNC = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) { const char *flag = getenv("FSYNC_FAILS"); return flag && !access(flag, F_OK); }
#define WRAP(name) int name(int fd) { static int (*real)(int); if (fails()) { errno = EIO; return -1; } \\
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); return real(fd); }
WRAP(fsync)
WRAP(fdatasync)
"""


def send(house: House, subject: str, octets: int) -> int:
    """The reply's code."""
    body = f"From: a@outside.example\r\nSubject: {subject}\r\n\r\n" + f"{subject}\r\n" * (octets // (len(subject) + 2))
    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], timeout=120) as client:
        client.ehlo("outside.example")
        client.mail("a@outside.example")
        client.rcpt("ola@alumni.example")
        return client.data(body.encode())[0]


def found(house: House) -> list[str]:
    with imap(house, "ola") as client:
        return sorted(one for one in subjects(client) if one.startswith("message"))


def append(client: IMAPClient, subject: str, octets: int) -> str:
    """The server's answer to APPEND, "" for OK; the conversation goes on."""
    body = f"From: a@outside.example\r\nSubject: {subject}\r\n\r\n" + f"{subject}\r\n" * (octets // (len(subject) + 2))
    try:
        client.append("INBOX", body.encode())
    except IMAPClientError as problem:
        client.noop()
        return str(problem)
    return ""


def check(house: House) -> subprocess.CompletedProcess:
    return subprocess.run([*house.command(), "check"], capture_output=True, text=True, timeout=180)


def test_a_disk_that_cannot_sync_is_temporary_and_loses_nothing(tmp_path, build, monkeypatch):
    source, library, flag = tmp_path / "fsync.c", tmp_path / "fsync.so", tmp_path / "fails"
    source.write_text(FSYNC)
    subprocess.run([program("gcc"), "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(library))
        patch.setenv("FSYNC_FAILS", str(flag))
        house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    assert [send(house, f"message-{n}", size) for n, size in enumerate((SMALL, LARGE))] == [250, 250]
    flag.touch()
    assert [send(house, f"message-bad-{n}", size) for n, size in enumerate((SMALL, LARGE))] == [451, 451]
    with imap(house, "ola") as client:
        assert all(append(client, f"message-bad-{n}", size) for n, size in enumerate((SMALL, LARGE)))
    flag.unlink()
    assert [send(house, f"message-{n}", size) for n, size in ((2, SMALL), (3, LARGE))] == [250, 250]
    with imap(house, "ola") as client:
        assert [append(client, f"message-{n}", size) for n, size in ((4, SMALL), (5, LARGE))] == ["", ""]
    assert found(house) == [f"message-{n}" for n in range(6)]
    house.kill()
    house.start()
    assert found(house) == [f"message-{n}" for n in range(6)]
    assert "all is well" in check(house).stdout


def test_a_locked_database_is_temporary(build):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    client = imap(house, "ola")
    other = sqlite3.connect(house.folder / "var" / "alumnimail.db")
    other.execute("BEGIN IMMEDIATE")
    try:
        command = [*house.command(), "backup", str(house.folder / "b")]
        with ThreadPoolExecutor() as together:  # each waits for a while before it gives up
            sent = together.submit(send, house, "message-bad", SMALL)
            appended = together.submit(append, client, "message-bad", SMALL)
            backup = together.submit(subprocess.run, command, capture_output=True, text=True, timeout=180).result()
        assert sent.result() == 451
        assert appended.result()
        assert (backup.returncode, backup.stderr.count("\n")) == (1, 1)
    finally:
        other.rollback()
        other.close()
    assert send(house, "message-0", SMALL) == 250
    assert append(client, "message-1", LARGE) == ""
    client.logout()
    house.run("backup", str(house.folder / "b"))
    assert found(house) == ["message-0", "message-1"]


def test_a_blob_that_is_gone_is_told_by_check_and_comes_back_with_its_message(build):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    assert send(house, "message-0", LARGE) == 250
    [file] = (house.folder / "var" / "blobs").glob("??/??/*")
    file.unlink()
    told = check(house)
    assert told.returncode == 1
    assert "its octets are missing; restore a backup" in told.stdout
    with imap(house, "ola") as client:
        client.select_folder("INBOX", readonly=True)
        newest = client.search()[-1]
        with pytest.raises(IMAPClientError, match="try again|Try again|UNAVAILABLE|SERVERBUG|INUSE"):
            client.fetch(newest, ["BODY.PEEK[]"])
        assert client.fetch(newest, ["RFC822.SIZE"])  # the conversation goes on
    assert send(house, "message-1", SMALL) == 250
    assert send(house, "message-0", LARGE) == 250  # its sender sends it again
    assert file.exists()
    assert "all is well" in check(house).stdout
    assert found(house) == ["message-0", "message-0", "message-1"]
