"""Server time of the pages that strangers see, and of a person's own: wall and processor milliseconds of one request.

    bench/pages.py [--rounds 400]

The portal as `alumnimail serve` starts it, one persistent connection.  On a busy machine the wall says little; the
processor time is that of all processes of the portal, from the kernel's count in hundredths of a second, over all rounds.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from browser import Browser
from webmail import PASSWORD, portal

PAGES = ("/", "/login", "/order", "/help", "/faq", "/clients")
OWN = ("/account", "/forwarding", "/quota", "/mail/")


def processor_seconds(port: int) -> float:
    """Sum the processor time of every process whose command names this address."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and f"127.0.0.1:{port}".encode() in (entry / "cmdline").read_bytes():
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:  # it ended
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(port: int, browser: Browser, path: str, rounds: int) -> tuple[float, float, float]:
    """Milliseconds: the quickest, the median, and of the processor."""
    for _ in range(20):
        browser.get(path)
    before, times = processor_seconds(port), []
    for _ in range(rounds):
        start = time.perf_counter()
        browser.get(path)
        times.append((time.perf_counter() - start) * 1000)
    return min(times), statistics.median(times), (processor_seconds(port) - before) / rounds * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, portal(Path(folder), 0, {"ten": 100}) as port:
        browser = Browser("127.0.0.1", port)
        print(f"load {os.getloadavg()[0]:.1f}\n{'page':14} {'quickest':>9} {'median':>9} {'processor':>9}  ms")
        for path in PAGES:
            low, middle, processor = measure(port, browser, path, rounds)
            print(f"{path:14} {low:9.1f} {middle:9.1f} {processor:9.1f}", flush=True)
        browser.log_in("ten", PASSWORD)
        for path in OWN:
            low, middle, processor = measure(port, browser, path, rounds)
            print(f"{path:14} {low:9.1f} {middle:9.1f} {processor:9.1f}", flush=True)


if __name__ == "__main__":
    main()
