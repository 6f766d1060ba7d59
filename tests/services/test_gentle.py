"""Hashes of passwords give way: whoever reads or sends mail does not wait for a hundred people who log in at once."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailcore.process import gentle
from mailcore.process.gentle import run_gently
from mailcore.process.threads import Threads
from mailcore.services.credentials import passwords


def test_as_many_run_at_once_as_there_are_processors():
    lock, running, most = threading.Lock(), 0, 0
    full = threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == gentle.count_threads():
                full.set()
        full.wait()
        time.sleep(0.05)  # whoever else could begin would have begun
        with lock:
            running -= 1

    with ThreadPoolExecutor(20) as callers:
        list(callers.map(lambda _: run_gently(work), range(20)))
    assert most == gentle.count_threads() <= gentle.MOST


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no nice value of their own elsewhere")
def test_their_threads_give_way_to_all_others():
    def nice() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert run_gently(nice) >= min(19, nice() + gentle.NICE)
    assert nice() == os.getpriority(os.PRIO_PROCESS, os.getpid())


def test_passwords_are_hashed_and_compared_there(monkeypatch):
    names = []
    real = passwords.prepare_password

    def noting(password: str) -> str:
        names.append(threading.current_thread().name.split("_")[0])
        return real(password)

    monkeypatch.setattr(passwords, "prepare_password", noting)
    hashed = passwords.hash_password("en lang hemmelighet")
    assert hashed.startswith("$argon2id$")
    names.clear()
    assert passwords.matches(hashed, "en lang hemmelighet")
    assert not passwords.matches(hashed, "en annen hemmelighet")
    assert names == ["gentle", "gentle"]


def test_what_goes_wrong_is_raised_in_whoever_asked():
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_gently(fail)


def test_a_process_that_was_forked_has_threads_of_its_own():
    """gunicorn forks its workers."""
    program = """
import os
from mailcore.process.gentle import run_gently
assert run_gently(lambda: 1) == 1
child = os.fork()
if not child:
    os._exit(run_gently(lambda: 7))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_log_ins_that_wait_keep_nobody_from_dns_and_from_reading():
    async def play() -> None:
        threads = Threads(workers=1, waiters=2)
        go_on = threading.Event()
        waiting = [asyncio.ensure_future(threads.log_in(go_on.wait)) for _ in range(10)]
        assert await asyncio.wait_for(threads.run_waiting(lambda: "the name server"), 60) == "the name server"
        assert await asyncio.wait_for(threads.run(lambda: "a message"), 60) == "a message"
        go_on.set()
        await asyncio.gather(*waiting)
        threads.close()

    asyncio.run(play())
