"""The webmail as people wait for it: server time of its pages at 10,000 and 100,000 messages, and 200 people clicking.

    bench/webmail.py [--people 200] [--roundcube http://127.0.0.1:PORT --rc-user user2 --rc-password pass]

Runs the portal under the production server with the settings of `alumnimail serve`, in a folder of its own, and asks over
loopback with kept connections. With --roundcube the same mailbox sizes are asked of a Roundcube that runs already: its list
request (the JSON that its script asks for) and its page of one message.
"""

import argparse
import http.client
import http.cookies
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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mailcore import core as cores
from mailcore.cli import web_server
from mailcore.config import load_config
from mailcore.core import Core
from mailcore.services import accounts, indexing

PASSWORD = "correct horse battery"
SIZES = {"ten": 10_000, "hundred": 100_000}
ROUNDS = 40


class Browser:
    """One person's browser: a kept connection, cookies, no script."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items()), **headers}
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self._connection.request(method, path, body or None, sent)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # kept too long: browsers ask again on a new one
            self._connection.close()
            self._connection.request(method, path, body or None, sent)
            answer = self._connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(value).items():
                self._cookies[name] = morsel.value
        return answer.status, dict(answer.headers), answer.read()

    def get(self, path: str) -> bytes:
        status, _, octets = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        return octets

    def log_in(self, name: str) -> None:
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', self.get("/login"))
        form = {"username": name, "password": PASSWORD, "csrf_token": token[1].decode() if token else ""}
        status, _, _ = self.ask("POST", "/login", urlencode(form))
        if status != 302:
            raise RuntimeError(f"log-in of {name}: {status}")


def fill(core: Core, name: str, number: int) -> None:
    """An account with so many messages, a tenth unread, one with a rare word."""
    account = accounts.add(core, name, password=PASSWORD, quota=0)
    box = core.db.read(lambda tx: core.mail.mailbox(tx, account.id, "INBOX"))
    chance, begin = random.Random(1), datetime(2020, 1, 1, tzinfo=UTC)
    people = ["Kari Nordmann <kari@outside.example>", "=?utf-8?q?=C3=85se_Berg?= <ase@outside.example>", "liste@lists.example"]
    for start in range(0, number, 1000):
        some = []
        for n in range(start, min(number, start + 1000)):
            rare = "sjeldentord" if n == number // 2 else ""
            text = (
                f"From: {chance.choice(people)}\r\nTo: {name}@alumni.example\r\nSubject: =?utf-8?q?M=C3=B8te_nummer?= {n}\r\n"
                f"Message-ID: <{n}.{name}@outside.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                + "Ord og flere ord om alt mulig.\r\n" * 30 + rare + "\r\n"
            )
            some.append((core.blobs.prepare(text.encode()), begin + timedelta(minutes=n * 7)))
        core.db.write(lambda tx, some=some: [
            core.mail.append(tx, account.id, box.id, one, frozenset({"\\Seen"} if chance.random() < 0.9 else ()), at)
            for one, at in some
        ])  # fmt: skip


@contextmanager
def portal(folder: Path, people: int, sizes: dict[str, int] = SIZES) -> Iterator[int]:
    """The portal under gunicorn; its port."""
    config = folder / "bench.toml"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config.write_text(
        f'domain = "alumni.example"\ndata = "{folder}/var"\n[listen]\nhttp = "127.0.0.1:{port}"\n'
        '[limits]\ntrusted = ["127.0.0.0/8"]\n'
    )
    core = cores.build(load_config(str(config)))
    for name, number in sizes.items():
        fill(core, name, number)
        indexing.update(core, accounts.get(core, name).id)
    for number in range(people):
        fill(core, f"person{number}", 100)
    cores.close(core)
    process = subprocess.Popen(
        web_server.command(f"127.0.0.1:{port}"), env={**os.environ, "ALUMNIMAIL_CONFIG": str(config)}, start_new_session=True
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


def milliseconds(browser: Browser, path: str, rounds: int = ROUNDS) -> float:
    browser.get(path)
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        browser.get(path)
        found.append((time.perf_counter() - start) * 1000)
    return statistics.median(found)


def deep(browser: Browser, pages: int) -> str:
    """The address of the page so many pages further on."""
    path = "/mail/INBOX/"
    for _ in range(pages):
        onward = re.search(rb'href="([^"]+)" rel="next"', browser.get(path))
        if onward is None:
            break
        path = onward[1].decode().replace("&amp;", "&")
    return path


def measure_pages(port: int) -> None:
    for name, number in SIZES.items():
        browser = Browser("127.0.0.1", port)
        browser.log_in(name)
        cases = {
            "list, first page": "/mail/", "list, page 190": deep(browser, 190), "list, unread only": "/mail/INBOX/?only=unread",
            "one message": f"/mail/INBOX/{number // 2}", "search of a rare word": "/mail/search?q=sjeldentord",
        }  # fmt: skip
        for what, path in cases.items():
            print(f"{number:7,} messages  {what:24} {milliseconds(browser, path):7.1f} ms", flush=True)


def click(port: int, people: int, seconds: float, pause: float) -> None:
    """Everybody reads lists and messages; with a pause of 0 all click once, at the same moment."""
    browsers = []
    for number in range(people):
        browser = Browser("127.0.0.1", port)
        browser.log_in(f"person{number}")
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
        f" p95 {times[len(times) * 95 // 100]:.0f} ms", flush=True,
    )  # fmt: skip


def measure_roundcube(address: str, user: str, password: str) -> None:
    parts = urlsplit(address)
    browser = Browser(parts.hostname or "", parts.port or 80)
    token = re.search(rb'name="_token" value="([^"]+)"', browser.get("/?_task=login"))
    form = {"_token": token[1].decode() if token else "", "_task": "login", "_action": "login", "_user": user, "_pass": password}
    status, _, _ = browser.ask("POST", "/?_task=login", urlencode(form))
    if status != 302:
        raise RuntimeError(f"Roundcube: {status}")
    page = browser.get("/?_task=mail&_mbox=INBOX")
    found = re.search(rb'"request_token":"([^"]+)"', page)
    token_header = {"X-Requested-With": "XMLHttpRequest", "X-Roundcube-Request": found[1].decode() if found else ""}

    def listed() -> None:
        status, _, octets = browser.ask("GET", "/?_task=mail&_action=list&_mbox=INBOX&_page=1&_remote=1", **token_header)
        if status != 200 or b"add_message_row" not in octets:
            raise RuntimeError(f"Roundcube's list: {status} {octets[:200]!r}")

    def timed(work) -> float:
        work()
        found = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            work()
            found.append((time.perf_counter() - start) * 1000)
        return statistics.median(found)

    print(f"Roundcube  list request   {timed(listed):7.1f} ms")
    print(f"Roundcube  one message    {timed(lambda: browser.get('/?_task=mail&_action=show&_mbox=INBOX&_uid=5')):7.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--roundcube", default="")
    parser.add_argument("--rc-user", default="user2")
    parser.add_argument("--rc-password", default="pass")
    args = parser.parse_args()
    if args.roundcube:
        measure_roundcube(args.roundcube, args.rc_user, args.rc_password)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, portal(Path(folder), args.people) as port:
        measure_pages(port)
        click(port, args.people, 10, 2.0)
        click(port, args.people, 0, 0)


if __name__ == "__main__":
    main()
