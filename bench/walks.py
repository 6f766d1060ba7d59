"""How far a message or a command walks through the house: distinct functions and modules, and calls, by a profiler's count.

    .venv/bin/python -m bench.walks              a line a walk
    .venv/bin/python -m bench.walks forwarding   its modules and functions, with the calls of each

Counted is the second time, when what is remembered is there.  Nothing is timed: a profiler makes all slow.
"""

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from imaplib import IMAP4_SSL
from pathlib import Path
from types import CodeType, FrameType

from mailcore import core as cores
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.forwarding import forwarding
from tests.imap_server import imap_server
from tests.smtp_talk import PASSWORD, Client, build, talk

ROOT = Path(__file__).resolve().parents[1]
OURS = tuple(str(ROOT / name) for name in ("mailcore", "sieve", "portal"))
MAIL = (
    "From: Kari Holm <kari@b.example>\r\nTo: {to}\r\nSubject: Minutes of the meeting\r\nMessage-ID: <{number}@b.example>\r\n"
    "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Dear all, here are the minutes of our meeting of Tuesday.\r\n.\r\n"
)


class Walk:
    """Functions of ours that were called while it was open, in every thread."""

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()
        self._is_open = False

    def note(self, frame: FrameType, event: str, _value: object) -> None:
        code = frame.f_code
        if self._is_open and event == "call" and code.co_filename.startswith(OURS) and code.co_name[0] != "<":
            self.calls[code] += 1

    @contextmanager
    def opened(self) -> Iterator[None]:
        self._is_open = True
        yield
        self._is_open = False

    def summary(self) -> str:
        modules = {code.co_filename for code in self.calls}
        return f"{len(self.calls):5} functions {len(modules):4} modules {self.calls.total():6} calls"

    def print_visits(self) -> None:
        """Print the modules with their functions, and how often each was called."""
        visits: dict[str, Counter[str]] = {}
        for code, times in self.calls.items():
            visits.setdefault(code.co_filename.removeprefix(f"{ROOT}/"), Counter())[code.co_qualname] += times
        for module, functions in sorted(visits.items()):
            print(f"{module}: {', '.join(f'{name} {times}' for name, times in functions.most_common())}")


def walk_by_smtp(core: Core, walk: Walk, to: str) -> None:
    """Send three messages to an address; the third is counted."""

    async def play(connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        for number in range(3):
            text = "MAIL FROM:<kari@b.example>\r\n" + f"RCPT TO:<{to}>\r\nDATA\r\n"
            if number < 2:
                await client.say(text, 3)
                await client.say(MAIL.format(to=to, number=number))
                continue
            with walk.opened():
                await client.say(text, 3)
                [answer] = await client.say(MAIL.format(to=to, number=number))
            if not answer.startswith("250"):
                raise RuntimeError(answer)

    talk(core, play)


def walk_in(core: Core, walk: Walk) -> None:
    walk_by_smtp(core, walk, "kari@alumni.example")


def walk_on(core: Core, walk: Walk) -> None:
    ola = accounts.find_account(core, "ola").id
    forwarding.set_forwarding(core, ola, "ola@home.example", copy=False, confirmed=True)
    walk_by_smtp(core, walk, "ola@alumni.example")


def walk_to_desk(core: Core, walk: Walk) -> None:
    walk_by_smtp(core, walk, "help@alumni.example")


def walk_log_in(core: Core, walk: Walk) -> None:
    with imap_server(core) as (port, _):
        for number in range(3):
            client = IMAP4_SSL("127.0.0.1", port)
            if number < 2:
                client.login("kari", PASSWORD)
            else:
                with walk.opened():
                    client.login("kari", PASSWORD)
            client.logout()


def walk_fetch(core: Core, walk: Walk) -> None:
    walk_by_smtp(core, Walk(), "kari@alumni.example")
    with imap_server(core) as (port, _):
        client = IMAP4_SSL("127.0.0.1", port)
        client.login("kari", PASSWORD)
        client.select("INBOX")
        client.fetch("1:*", "(FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        with walk.opened():
            client.fetch("1:*", "(FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        client.logout()


WALKS: dict[str, Callable[[Core, Walk], None]] = {
    "incoming": walk_in,
    "forwarding": walk_on,
    "ticket": walk_to_desk,
    "login": walk_log_in,
    "fetch": walk_fetch,
}


def follow(name: str) -> Walk:
    """Take a walk in a new house with two people."""
    walk = Walk()
    threading.setprofile(walk.note)
    sys.setprofile(walk.note)
    try:
        with tempfile.TemporaryDirectory() as folder:
            core = build(folder)
            try:
                WALKS[name](core, walk)
            finally:
                cores.close(core)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return walk


def main(names: list[str]) -> None:
    for name in names or WALKS:
        walk = follow(name)
        print(f"{name:12}{walk.summary()}")
        if names:
            walk.print_visits()


if __name__ == "__main__":
    main(sys.argv[1:])
