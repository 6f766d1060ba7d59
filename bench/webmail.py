"""The webmail as people wait for it: server time of its pages at 10,000 and 100,000 messages, and 200 people clicking.

    bench/webmail.py [--people 200] [--keep DIR] [--roundcube [--imap 20143]]

Runs the portal under the production server with the settings of `alumnimail serve`, in a folder of its own, and asks over
loopback with persistent connections.  With --roundcube the same mailbox of 10,000 is on an IMAP server already running
(user1, password `pass`), Roundcube is started beside it (bench/roundcube.py), and both are asked in turn.  --keep leaves
the full mailboxes in DIR for the next run.
"""

import argparse
import contextlib
import http.client
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import roundcube
from browser import Browser, Roundcube
from corpus import Corpus
from load import Imap

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mailcore import core as cores
from mailcore.cli import web_server
from mailcore.config_file import load_config
from mailcore.core import Core
from mailcore.errors import AccountNotFound
from mailcore.services.accounts import accounts
from mailcore.services.webmail import indexing

PASSWORD = "correct horse battery"
SIZES = {"ten": 10_000, "hundred": 100_000}
TURNS, ROUNDS = 4, 15  # each case so often in turn, so many requests each time
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
Letter = tuple[bytes, bool, datetime]
FILE_OCTETS = (1000, 3000)  # attachments are small: it is not their octets that is measured here


def letters(number: int) -> Iterator[Letter]:
    """Messages, whether they were read (nine of ten), and when they came."""
    corpus, chance = Corpus(FILE_OCTETS), random.Random(1)
    for n in range(number):
        yield corpus.message(n), chance.random() < 0.9, BEGIN + timedelta(minutes=n * 7)


def fill(core: Core, name: str, number: int) -> None:
    """An account with so many messages, if it is not there."""
    with contextlib.suppress(AccountNotFound):
        accounts.find_account(core, name)
        return
    account = accounts.add_account(core, name, password=PASSWORD, quota=0)
    box = core.db.read(lambda tx: core.mail.mailbox(tx, account.id, "INBOX"))
    for some in _portions(letters(number), 1000):
        ready = [(core.blobs.prepare(octets), frozenset({"\\Seen"} if seen else ()), at) for octets, seen, at in some]
        core.db.write(
            lambda tx, ready=ready: [
                core.mail.append(tx, account.id, box.id, one, flags, at) for one, flags, at in ready
            ]
        )


def check_imap(port: int, number: int) -> None:
    """Say at once that Roundcube can have no mailbox of `number` messages, and not after minutes of filling ours."""
    try:
        client = Imap(port)
        client.command("LOGIN user1 pass")
        held = client.count()
        client.close()
    except (OSError, RuntimeError, AssertionError) as problem:
        raise SystemExit(
            f"--roundcube wants an IMAP server on 127.0.0.1:{port} (--imap) with the user user1, password pass: {problem}"
        ) from None
    if held not in (0, number):
        raise SystemExit(f"user1 has {held} messages already: --roundcube wants {number}, or none and writes them")


def fill_imap(port: int, number: int) -> None:
    """The same in the INBOX of user1."""
    client = Imap(port)
    client.command("LOGIN user1 pass")
    for some in _portions(letters(0 if client.count() else number), 200):
        command = b"APPEND INBOX"
        for octets, seen, at in some:
            flags = b"(\\Seen)" if seen else b"()"
            command += b' %s "%s" {%d+}\r\n%s' % (
                flags,
                at.strftime("%d-%b-%Y %H:%M:%S +0000").encode(),
                len(octets),
                octets,
            )
        client.send(command + b"\r\n")
    client.close()


def _portions(letters: Iterator[Letter], size: int) -> Iterator[list[Letter]]:
    some: list[Letter] = []
    for item in letters:
        some.append(item)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


@contextlib.contextmanager
def portal(folder: Path, people: int, sizes: dict[str, int] = SIZES) -> Iterator[int]:
    """The portal under gunicorn; its port."""
    config = folder / "bench.toml"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config.write_text(
        f'domain = "alumni.example"\ndata = "{folder}/var"\n[listen]\nhttp = "127.0.0.1:{port}"\n'
        # no supervisor prepares what a confined process needs
        '[limits]\ntrusted = ["127.0.0.0/8"]\nconfinement = "off"\n'
    )
    core = cores.build(load_config(str(config)))
    for name, number in sizes.items():
        fill(core, name, number)
        indexing.update_index(core, accounts.find_account(core, name).id)
    for number in range(people):
        fill(core, f"person{number}", 100)
    cores.close(core)
    process = subprocess.Popen(
        web_server.command(f"127.0.0.1:{port}"),
        env={**os.environ, "ALUMNIMAIL_CONFIG": str(config)},
        start_new_session=True,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def milliseconds(cases: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median of each case, asked in turn."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(TURNS):
        for name, work in cases.items():
            work()
            for _ in range(ROUNDS):
                start = time.perf_counter()
                work()
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(measured) for name, measured in times.items()}


def deep(browser: Browser, pages: int) -> str:
    """The address of the page so many pages further on."""
    path = "/mail/INBOX/"
    for _ in range(pages):
        onward = re.search(rb'href="([^"]+)" rel="next"', browser.get(path))
        if onward is None:
            break
        path = onward[1].decode().replace("&amp;", "&")
    return path


def rare(number: int) -> str:
    """A few words that stand in one message of so many, at whatever size of the mailbox."""
    body = Corpus(FILE_OCTETS).message(number // 2 + 1).decode().partition("\r\n\r\n")[2]
    # a line of words alone: no markup, no field of a part, nothing encoded
    line = max(re.findall(r"^(?:[^\W\d_]+ ){3,}[^\W\d_]+\r?$", body, re.MULTILINE), key=len)
    words = " ".join(line.split()[:4])
    return quote(f'"{words}"')


def pages(browser: Browser, number: int) -> dict[str, Callable[[], object]]:
    """Return the requests of a person in a mailbox of that size.  Messages of all kinds are opened in turn."""
    far, uids, words = deep(browser, 190), iter(range(1, 10**6)), rare(number)
    return {
        "list, first page": lambda: browser.get("/mail/INBOX/?view=flat"),
        "list, page 190": lambda: browser.get(far),
        "list, unread only": lambda: browser.get("/mail/INBOX/?only=unread"),
        "list by sender": lambda: browser.get("/mail/INBOX/?order=from"),
        "conversations": lambda: browser.get("/mail/INBOX/?view=threads"),
        "one message": lambda: browser.get(f"/mail/INBOX/{number // 2 + next(uids)}"),
        "search of a rare word": lambda: browser.get(f"/mail/search?q={words}"),
    }


def measure_growth(port: int) -> None:
    """Both mailboxes in turn."""
    cases: dict[str, Callable[[], object]] = {}
    for name, number in SIZES.items():
        browser = Browser("127.0.0.1", port)
        browser.log_in(name, PASSWORD)
        for what, work in pages(browser, number).items():
            cases[f"{number:7,}  {what}"] = work
    medians = milliseconds(cases)
    small, large = (f"{number:7,}  " for number in SIZES.values())
    for what in (name.removeprefix(small) for name in cases if name.startswith(small)):
        first, second = medians[small + what], medians[large + what]
        print(f"{what:24} {first:7.1f} ms at 10,000 {second:7.1f} at 100,000  {second / first:5.2f} times", flush=True)


def measure_roundcube(port: int, address: str, logs: Callable[[], str]) -> None:
    """Our mailbox of 10,000 and Roundcube's, in turn.  `logs`: what Roundcube has to say where it shows nothing."""
    browser, other = Browser("127.0.0.1", port), Roundcube(address, "user1", "pass")
    browser.log_in("ten", PASSWORD)
    words = rare(SIZES["ten"]).replace("%22", "")  # it takes a phrase as it stands
    listed, found_there = len(other.listed()), len(other.search(words))
    if listed != 50 or found_there != 1:
        raise SystemExit(
            f"Roundcube lists {listed} messages, where 50 are on a page, and finds {found_there} by words that one has\n{logs()}"
        )
    ours, theirs, turn = pages(browser, SIZES["ten"]), iter(range(1, 10**6)), SIZES["ten"] // 2
    cases: dict[str, tuple[str, Callable[[], object]]] = {
        "list, first page": ("list, first page", lambda: other.listed()),
        "list, page 190": ("list, page 190", lambda: other.listed(190)),
        "one message": ("one message", lambda: other.message(turn + next(theirs))),
        "search of a rare word": ("search of a rare word", lambda: other.search(words)),
    }
    both: dict[str, Callable[[], object]] = {}
    for what, (name, work) in cases.items():
        both["A " + what], both["B " + what] = ours[name], work
    medians = milliseconds(both)
    for what in cases:
        us, them = medians["A " + what], medians["B " + what]
        print(f"{what:24} {us:7.1f} ms  Roundcube {them:7.1f} ms  {them / us:5.1f} times", flush=True)


def click(port: int, people: int, seconds: float, pause: float) -> None:
    """Everybody reads lists and messages; with a pause of 0 all click once, at the same moment."""
    browsers = []
    for number in range(people):
        browser = Browser("127.0.0.1", port)
        browser.log_in(f"person{number}", PASSWORD)
        browsers.append(browser)
    times: list[float] = []
    wrong: list[Exception] = []
    begin = threading.Barrier(people)

    def person(number: int) -> None:
        chance, browser = random.Random(number), browsers[number]
        begin.wait()
        end = time.monotonic() + seconds
        if pause:
            time.sleep(chance.random() * pause)
        while True:
            path = chance.choice(["/mail/", "/mail/", f"/mail/INBOX/{chance.randrange(2, 100)}"])
            start = time.perf_counter()
            try:
                browser.get(path)
            except (OSError, RuntimeError, http.client.HTTPException) as problem:
                wrong.append(problem)
            times.append((time.perf_counter() - start) * 1000)
            if not pause or time.monotonic() > end:
                return
            time.sleep(pause * (0.5 + chance.random()))

    threads = [threading.Thread(target=person, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    how = f"one click every {pause:g} s" if pause else "one click at the same moment"
    print(
        f"{people} people, {how}: {len(times)} clicks, {len(wrong)} errors, median {times[len(times) // 2]:.0f} ms,"
        f" p95 {times[len(times) * 95 // 100]:.0f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="where the full mailboxes stay")
    parser.add_argument("--roundcube", action="store_true")
    parser.add_argument("--imap", type=int, default=20143, help="port of the IMAP server that Roundcube speaks to")
    args = parser.parse_args()
    if args.roundcube:
        roundcube.ensure_installed()
        check_imap(args.imap, SIZES["ten"])
    with contextlib.ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        folder.mkdir(parents=True, exist_ok=True)
        port = stack.enter_context(portal(folder, args.people))
        if args.roundcube:
            fill_imap(args.imap, SIZES["ten"])
            with roundcube.running(folder / "roundcube", args.imap) as address:
                measure_roundcube(port, address, lambda: roundcube.read_logs(folder / "roundcube"))
        measure_growth(port)
        click(port, args.people, 10, 2.0)
        click(port, args.people, 0, 0)


if __name__ == "__main__":
    main()
