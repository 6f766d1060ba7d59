"""The writer gets finished values: what it does for a text of strangers does not grow with that text.

While one write runs nobody else writes.  Each scenario is played with a text and with one sixteen times as long, and every call
within a write is counted by where it leads: to the readers of mail, to scripts, to HTML, to `re`.  No script runs there,
no report is read, nothing is signed.
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
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, imapsieve, recipients
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.engine.sqlite import SqliteDb
from mailcore.store.mail import annotations
from mailcore.store.people.addresses import find_address_owner
from mailcore.store.queue import items

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
    found, run_one = Counted(), SqliteDb._run_one

    def watched(self: SqliteDb, *args: Any, **more: Any) -> Any:
        sys.setprofile(found)
        try:
            return run_one(self, *args, **more)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(SqliteDb, "_run_one", watched)
    return found


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


def send(core: Core, to: str, octets: bytes, sender: str = "ann@outside.example") -> None:
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, None))
    verdict = Verdict(outside=True, dmarc="pass", author="outside.example")
    asyncio.run(delivery.accept(core, Envelope(sender, (to,)), [found], octets, b"", verdict))


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


def bounce(core: Core, length: int) -> None:
    """A report of what a script has sent on, with text of any length."""
    with_script('redirect "friend@elsewhere.example"; keep;')(core, 100)
    sender = core.db.read(lambda tx: tx.row("SELECT sender FROM queue WHERE origin='forward' ORDER BY id DESC"))[0]
    head = b"From: <>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"
    report = b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    report += b"Final-Recipient: rfc822; friend@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    send(core, sender, head + b"a line\r\n" * (length // 8) + report, sender="")


def undeliverable(origin: str) -> Callable[[Core, int], None]:
    """A message to another server, or a report to its sender, that cannot be delivered."""

    def play(core: Core, length: int) -> None:
        ola = accounts.find_account(core, "ola").id
        octets = HEAD % length + b"Subject: " + b"=?utf-8?q?a?= " * 200 + b"\r\n\r\n" + b"a line\r\n" * (length // 8)
        prepared = core.blobs.prepare(octets)
        [number] = core.db.write(
            lambda tx: items.enqueue_mail(
                tx,
                core.blobs,
                sender="" if origin == "dsn" else "ola@alumni.example",
                recipients=[f"{length}@elsewhere.example"],
                prepared=prepared,
                prefix=b"",
                account=None if origin == "dsn" else ola,
                origin=origin,
                now=core.clock.seconds(),
            )
        )
        item = core.db.read(lambda tx: items.find_item(tx, number))
        assert item is not None
        answer, now = Answer("mx.elsewhere.example", 550, "5.1.1 nobody"), core.clock.now()
        assert outcome.has_sequel(item, answer, now)
        sequel = core.db.read(lambda tx: outcome.write_sequel(core, tx, item, answer, now))
        assert sequel != outcome.NO_SEQUEL
        core.db.write(lambda tx: outcome.record_outcome(core, tx, item, answer, now, sequel))

    return play


def append(core: Core, length: int) -> None:
    ola = accounts.find_account(core, "ola").id
    source = 'require ["imapsieve", "body", "imap4flags"]; if body :contains "zz" { addflag "x"; } redirect :copy "a@b.example";'
    filters.put_script(core, ola, "on change", source.replace('"imap4flags"', '"imap4flags", "copy"'))
    prepared = core.blobs.prepare(HEAD % length + b"\r\n" + b"a line of words\r\n" * (length // 17))

    def write(tx: Tx) -> imapsieve.MailboxEvent | None:
        box = core.mail.mailbox(tx, ola, "INBOX")
        annotations.save_entry(tx, ola, box.id, imapsieve.ENTRY, b"on change")
        uid = core.mail.append(tx, ola, box.id, prepared, frozenset(), core.clock.now())
        return imapsieve.find_event(core, tx, ola, box.id, [uid], "APPEND")

    imapsieve.run_scripts(core, core.db.write(write))


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


def activate(core: Core, length: int) -> None:
    """A script of any length, and one that it includes."""
    ola = accounts.find_account(core, "ola").id
    filters.put_script(core, ola, "part", 'if header "subject" "x" { keep; }\r\n' * (length // 35))
    filters.put_script(core, ola, "mine", 'require "include"; include "part";\r\n' + "keep;\r\n" * (length // 7))
    filters.set_active_script(core, ola, "mine")


SCENARIOS: dict[str, Callable[[Core, int], None]] = {
    "the desk: blanks": mail(b"text/plain", b" "),
    "the desk: lines": mail(b"text/plain", b"> quoted\r\n"),
    "the desk: tags that do not end": mail(b"text/html", b"<br "),
    "the desk: nested tags": mail(b"text/html", b"<div>"),
    "the desk: entities": mail(b"text/html", b"&amp;"),
    "an owner": to_owner,
    "an owner's script over the body": with_script('require ["body"]; if body :contains ["q", "zz"] { stop; }'),
    "an owner's script over the subject": with_script('if header :matches "subject" "*a*b*c*" { stop; }'),
    "an owner who is away": with_script('require "vacation"; vacation "away";'),
    "an owner who is notified": with_script('require "enotify"; notify :message "mail" "mailto:me@elsewhere.example";'),
    "an owner whose script sends on what it changed": with_script(
        'require "editheader"; addheader "X-Seen" "1"; redirect "friend@elsewhere.example"; keep;'
    ),
    "an owner who has it once": with_script('require "duplicate"; if duplicate { discard; }'),
    "a bounce of what was forwarded": bounce,
    "a message that cannot be delivered": undeliverable("submission"),
    "a report that cannot be delivered": undeliverable("dsn"),
    "a script on what comes into a mailbox": append,
    "the help form": ask,
    "a script is activated": activate,
}
# a script runs, a report is read, a message is parsed, signed or composed
NEVER = (
    "interpreter.py:",
    "dsn.py:read",
    "dsn.py:build",
    "header.py:split",
    "dkim.py:sign",
    "structure.py:",
    "composer.py:compose",
    "forward_policy.py:with_own_author",
    "vacation_reply.py:compose",
)


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
    done = [where for where in counted.calls if where.startswith(NEVER)]
    assert not done, done


def test_the_hook_sees_what_it_should(core, counted):
    core.db.write(lambda tx: [re.compile("a+").search("b" * 10) for _ in range(10)])
    assert counted.calls["re:search"] == 10
