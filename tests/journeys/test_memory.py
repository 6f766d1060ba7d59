"""Memory stays bounded while many peers each send a large message: bench/memory.py measures 100 of 50 MB."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

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
    source = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    if not Path(source).exists():
        pytest.skip("needs smtp-source")
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    before = peak_mebibytes(house.process.pid)
    command = [source, "-s", "20", "-m", "20", "-l", str(30 * 10**6), "-f", "a@outside.example", "-t", "ola@alumni.example"]
    subprocess.run([*command, f"127.0.0.1:{house.ports['smtp']}"], check=True, timeout=120)
    assert peak_mebibytes(house.process.pid) < before + 150
