"""Memory stays bounded while many peers each send a large message: bench/memory.py measures 100 of 50 MB."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import many_senders
from tests.journeys.conftest import PASSWORD

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def own_mebibytes(pid: int) -> int:
    """What is resident now and no mapped file, which the kernel takes back when it wants to."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def test_messages_on_their_way_in_are_not_kept_in_memory(build):
    """600 MB come at once; one message is larger than what all of them may take."""
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    before = own_mebibytes(house.process.pid)
    command = [sys.executable, many_senders.__file__, str(house.ports["smtp"]), "ola@alumni.example", "20", str(30 * 10**6)]
    most, end = 0, time.monotonic() + 600
    with subprocess.Popen(command) as senders:
        while senders.poll() is None and time.monotonic() < end:
            most = max(most, own_mebibytes(house.process.pid))
            time.sleep(0.02)
        senders.kill()
    assert senders.returncode == 0
    assert before < most < before + 150
