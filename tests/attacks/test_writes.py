"""The writer gets finished values: what it does for a text of strangers does not grow with that text.

While one write runs nobody else writes.  Each scenario is played with a text and with one sixteen times as long, and every call
within a write is counted by where it leads: to the readers of mail, to scripts, to HTML, to `re`.  Sieve runs inside the write,
over a message that has been read: its tests look at the whole text by single calls of C, so their number does not grow either.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Envelope, Verdict
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Db
from mailcore.store.people.addresses import find_address_owner

SHORT, TIMES = 4_000, 16
HEAVY = (
    "/mailcore/mail/",
    "/sieve/",
    "/html/",
    "/email/",
    "/tinycss2/",
    "/re/",
    "/mailcore/services/webmail/html_mail.py",
)
SLACK = 200  # calls more that a long text may cause: it has more lines, of which a bounded number is looked at
MOST = 6_000  # calls of that kind in one write
HEAD = b"From: Ann <ann@outside.example>\r\nTo: help@alumni.example\r\nMessage-ID: <%d@outside.example>\r\n"


class Counted:
    """Calls inside writes that lead to readers of text, by function."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and any(part in frame.f_code.co_filename for part in HEAVY):
            self.calls[f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_code.co_qualname}"] += 1
        elif event == "c_call" and isinstance(getattr(argument, "__self__", None), re.Pattern):
            self.calls[f"re:{argument.__name__}"] += 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """The hook: it stands in the writer, around each write."""
    found, run_one = Counted(), Db._run_one

    def watched(self: Db, *args: Any, **more: Any) -> Any:
        sys.setprofile(found)
        try:
            return run_one(self, *args, **more)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(Db, "_run_one", watched)
    return found


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


def send(core: Core, to: str, octets: bytes) -> None:
    found = core.db.read(lambda tx: delivery.check_recipient(core, tx, to, None, authenticated=False))
    verdict = Verdict(outside=True, dmarc="pass", author="outside.example")
    asyncio.run(delivery.accept(core, Envelope("ann@outside.example", (to,)), [found], octets, b"", verdict))


def mail(kind: bytes, unit: bytes) -> Callable[[Core, int], None]:
    def play(core: Core, length: int) -> None:
        body = unit * (length // len(unit))
        send(core, "help@alumni.example", HEAD % length + b"Content-Type: %b\r\n\r\n" % kind + body + b"\r\nend\r\n")

    return play


def to_owner(core: Core, length: int) -> None:
    send(core, "ola@alumni.example", HEAD % length + b"\r\n" + b"a line of words\r\n" * (length // 17))


def with_script(script: str) -> Callable[[Core, int], None]:
    def play(core: Core, length: int) -> None:
        ola = core.db.read(lambda tx: find_address_owner(tx, "ola", "alumni.example"))
        assert ola is not None
        filters.put_script(core, ola, "mine", script)
        filters.set_active_script(core, ola, "mine")
        to_owner(core, length)

    return play


def ask(core: Core, length: int) -> None:
    tickets.submit_form(
        core,
        kind="other",
        subject="x" * 100,
        text=" \n" * (length // 2) + "help",
        reply_to="ann@outside.example",
        owner=None,
        peer=f"192.0.2.{length % 250}",
        language="nb",
    )


SCENARIOS: dict[str, Callable[[Core, int], None]] = {
    "the desk: blanks": mail(b"text/plain", b" "),
    "the desk: lines": mail(b"text/plain", b"> quoted\r\n"),
    "the desk: tags that do not end": mail(b"text/html", b"<br "),
    "the desk: nested tags": mail(b"text/html", b"<div>"),
    "the desk: entities": mail(b"text/html", b"&amp;"),
    "an owner": to_owner,
    "an owner's script over the body": with_script('require ["body"]; if body :contains ["q", "zz"] { stop; }'),
    "an owner's script over the subject": with_script('if header :matches "subject" "*a*b*c*" { stop; }'),
    "the help form": ask,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_done_within_writes_does_not_grow_with_the_text(core, counted, name):
    accounts.add_account(core, "ola", password="correct horse battery")
    play = SCENARIOS[name]
    play(core, SHORT - 1)  # what is done once
    counted.calls.clear()
    play(core, SHORT)
    short = counted.calls.copy()
    counted.calls.clear()
    play(core, SHORT * TIMES)
    grown = {where: (short[where], number) for where, number in counted.calls.items() if number > short[where] + SLACK}
    assert not grown, grown
    assert counted.calls.total() < MOST


def test_the_hook_sees_what_it_should(core, counted):
    core.db.write(lambda tx: [re.compile("a+").search("b" * 10) for _ in range(10)])
    assert counted.calls["re:search"] == 10
