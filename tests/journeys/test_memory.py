"""Memory stays bounded while many peers each send a large message, and while many send large forms."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import many_forms, many_senders
from tests.journeys.conftest import PASSWORD, memory_of_processes
from tests.machine import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def own_mebibytes(pid: int) -> int:
    """Return the resident memory without mapped files, which the kernel takes back when it wants to."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def test_messages_on_their_way_in_are_not_kept_in_memory(build):
    """600 MB come at once; one message is larger than what all of them may take."""
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    before = own_mebibytes(house.process.pid)
    command = [
        sys.executable,
        many_senders.__file__,
        str(house.ports["smtp"]),
        "ola@alumni.example",
        "20",
        str(30 * 10**6),
    ]
    most, end = 0, time.monotonic() + 600
    with subprocess.Popen(command) as senders:
        while senders.poll() is None and time.monotonic() < end:
            most = max(most, own_mebibytes(house.process.pid))
            time.sleep(0.02)
        senders.kill()
    assert senders.returncode == 0
    assert before < most < before + 150


def test_forms_of_strangers_leave_little_in_the_portal(build):
    """64 browsers at once send what forms are not made for; afterwards each process holds a bounded amount."""
    house = build(workers=1, metrics=True)
    named = {"supervisor 1", "mail 1", "queue 1", "portal 1", "portal 2", "portal 3"}
    assert until(lambda: named <= set(memory_of_processes(house)))  # the portal's are still starting
    before: dict[str, int] = {}

    def is_started() -> bool:
        """A process that still imports is small, and what it imports is no growth."""
        last = dict(before)
        before.update(memory_of_processes(house))
        time.sleep(0.5)
        return all(abs(mebibytes - last.get(name, 0)) <= 3 for name, mebibytes in before.items())

    assert until(is_started)
    assert many_forms.attack(house.url(), browsers=64, rounds=2) == 64 * 2 * 2 * len(many_forms.PAGES)

    def grown() -> dict[str, int]:
        after = memory_of_processes(house)
        return {name: after[name] - before[name] for name in before if after[name] > before[name] + 120}

    assert until(lambda: not grown(), 30), grown()
