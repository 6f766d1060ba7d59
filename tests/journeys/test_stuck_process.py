"""A mail process that stands still in a call of C code is ended and started anew; the others and the supervisor go on."""

import contextlib
import imaplib
import os
import socket
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import House
from tests.machine import until
from tests.unit.test_heartbeat import SECONDS

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Stuck(House):
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.stuck", "--config", str(self.config)]


@pytest.fixture
def house(tmp_path, sink):
    made = Stuck(tmp_path, sink, workers=1, more=f"stuck_seconds = {SECONDS}")
    made.start()
    yield made
    made.kill()


@contextlib.contextmanager
def conversation(house):
    with socket.create_connection(("127.0.0.1", house.ports["managesieve"]), 60) as talk, talk.makefile("rb") as said:
        for line in said:
            if line.startswith(b"OK"):
                break
        yield talk, said


@pytest.mark.parametrize("call", ["MATCH", "SLEEP"])
def test_a_process_that_stands_still_in_c_code_is_started_anew(house, call):
    log, supervisor = house.folder / "log", house.process.pid
    stuck = b"has stood still"
    with conversation(house) as (talk, said):
        talk.sendall(call.encode() + b"\r\n")
        assert said.read() == b""  # it ends with its process
    assert until(lambda: stuck in log.read_bytes())
    assert until(lambda: _answers(house))
    told = log.read_text(errors="replace")
    assert told.count("has stood still") == 1  # the queue and the portal went on
    assert f'"{Path(__file__).parents[1] / "stuck.py"}", line' in told  # where it stood
    assert house.process.pid == supervisor
    assert house.process.poll() is None
    os.kill(supervisor, 0)


def _answers(house) -> bool:
    """imaplib reads the greeting."""
    try:
        with imaplib.IMAP4("127.0.0.1", house.ports["imap"], timeout=5) as talk:
            return talk.noop()[0] == "OK"
    except OSError:
        return False
