"""Memory of the mail process while many peers each send a large message at once, and of all processes after attacks.

    python bench/memory.py [SESSIONS] [MEGABYTES]

Prints the peak of anonymous memory (what cannot be given back), of all resident memory (mapped files of messages are
in it while they are read), and the time.  Then what each process of `serve` holds before and after browsers have sent
forms of a quarter of a million characters a field, twice.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import many_forms, many_senders
from tests.journeys.conftest import House, Sink, memory_of_processes
from tests.machine import until


def resident(pid: int) -> tuple[int, int]:
    """Anonymous and all resident memory in MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    kibibytes = dict(re.findall(r"(?m)^(\w+):\s+(\d+) kB$", text))
    return int(kibibytes["RssAnon"]) // 1024, int(kibibytes["VmRSS"]) // 1024


def attacked(browsers: int = 64, rounds: int = 4) -> None:
    """Print the memory of each process as the metrics tell it: at first, and after each of two runs."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        sink = Sink()
        house = House(Path(folder), sink, workers=2, metrics=True)
        house.start()
        try:
            assert until(lambda: "portal 3" in memory_of_processes(house), 60)  # the portal's are still starting
            seen = [memory_of_processes(house)]
            for _ in range(2):
                many_forms.attack(house.url(), browsers=browsers, rounds=rounds)
                time.sleep(5)  # what is given back later is given back
                seen.append(memory_of_processes(house))
            print(f"{browsers} browsers with long forms, twice, MiB of each process:")
            for name in seen[-1]:
                print(f"{name}: {' -> '.join(str(one.get(name, '-')) for one in seen)}")
        finally:
            house.kill()
            sink.stop()


def main(sessions: int, megabytes: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        sink = Sink()
        house = House(Path(folder), sink, workers=0, quota="20G")
        house.start()
        assert house.process is not None
        try:
            house.run("user", "add", "ola", "--password-stdin", given="correct horse battery\n")
            before = resident(house.process.pid)
            senders = [
                sys.executable,
                many_senders.__file__,
                str(house.ports["smtp"]),
                "ola@alumni.example",
                str(sessions),
                str(megabytes * 2**20 - 2000),
            ]
            peak = [0, 0]
            done = threading.Event()

            assert house.process is not None
            pid = house.process.pid

            def watch() -> None:
                while not done.wait(0.02):
                    for n, now in enumerate(resident(pid)):
                        peak[n] = max(peak[n], now)

            watcher = threading.Thread(target=watch)
            watcher.start()
            began = time.monotonic()
            subprocess.run(senders, check=True)
            seconds = time.monotonic() - began
            done.set()
            watcher.join()
            print(
                f"{sessions} sessions of {megabytes} MB: anonymous {before[0]} -> {peak[0]} MiB, resident {before[1]} -> "
                f"{peak[1]} MiB, {seconds:.1f} s"
            )
        finally:
            os.killpg(house.process.pid, signal.SIGKILL)
            house.process.wait()
            sink.stop()


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["100", "50"][len(sys.argv) - 1 :])))
    attacked()
