"""Memory stays bounded while many peers each send a large message: bench/memory.py measures 100 of 50 MB."""

import re
import subprocess
import sys
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


def peak_mebibytes(pid: int) -> int:
    """The most that was ever resident, mapped files of messages included."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def test_messages_on_their_way_in_are_not_kept_in_memory(build):
    """600 MB come at once; one message is larger than what all of them may take."""
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    before = peak_mebibytes(house.process.pid)
    command = [sys.executable, many_senders.__file__, str(house.ports["smtp"]), "ola@alumni.example", "20", str(30 * 10**6)]
    subprocess.run(command, check=True, timeout=600)
    assert peak_mebibytes(house.process.pid) < before + 150
