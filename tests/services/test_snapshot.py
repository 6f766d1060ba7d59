"""The file of a database that stands still holds all that was committed, or nobody is told that it does."""

import subprocess
import sys

import pytest

from mailcore.errors import Busy
from mailcore.services.accounts import accounts
from mailcore.store.engine import snapshot

# SQLite's lock of whoever copies the log into the file: the second of those that begin at octet 120 of its shared memory
COPYING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX, 1, 121)
    print("copying", flush=True)
    sys.stdin.read()
"""


@pytest.mark.sqlite
def test_a_database_whose_log_another_copies_at_this_moment_does_not_stand_still(core, monkeypatch):
    """A backup of that moment was made without what the log held, and was called whole."""
    monkeypatch.setattr(snapshot, "TRIES", 3)
    accounts.add_account(core, "ola")
    path = core.config.database_path
    command = [sys.executable, "-c", COPYING, f"{path}-shm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdin
        assert other.stdout.readline() == "copying\n"
        with pytest.raises(Busy), snapshot.standing_still(path):
            pytest.fail("its log is being copied")
        other.stdin.close()
    with snapshot.standing_still(path):
        assert snapshot.count_contents(path).accounts == 1
