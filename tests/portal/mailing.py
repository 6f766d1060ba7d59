"""Shared by the tests of the webmail: a message, ways to put it in and look at it, a form read back from its page."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from mailcore.clock import Clock
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.webmail import mail_settings
from mailcore.services.webmail.mail_settings import MailSettings
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import list_items, read_octets

MESSAGE = (
    "From: Kåre <kare@outside.example>\r\nTo: ola@alumni.example, kari@outside.example\r\nSubject: Møte i Ås\r\n"
    "Message-ID: <1@outside.example>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Vi ses i grønn sal.\r\n"
    "--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    '<p onclick="alert(1)">Vi <b>ses</b><img src="https://evil.example/x"></p>\r\n'
    '--x\r\nContent-Type: application/pdf; name="plan.pdf"\r\nContent-Disposition: attachment; filename="plan.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--x--\r\n"
).encode()


def put(
    core: Core,
    ola: Account,
    octets: bytes = MESSAGE,
    mailbox: str = "INBOX",
    *,
    flags: frozenset[str] = frozenset(),
    at: datetime | None = None,
) -> int:
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox))
    prepared = core.blobs.prepare(octets)
    when = at or core.clock.now()
    return core.db.write(lambda tx: core.mail.append(tx, ola.id, box.id, prepared, flags, when))


def letter(
    number: int = 1, *, subject: str = "Hei", sender: str = "k@x.example", more: str = "", text: str = "Hei!"
) -> bytes:
    return (
        f"From: {sender}\r\nTo: ola@alumni.example\r\nSubject: {subject}\r\nMessage-ID: <n{number}@x.example>\r\n{more}"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def count(core: Core, ola: Account, mailbox: str) -> int:
    return core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox)).messages


def flags(core: Core, ola: Account, uid: int) -> frozenset[str]:
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    return core.db.read(lambda tx: core.mail.infos(tx, box.id, [(uid, uid)]))[0].flags


def queued(core: Core) -> list:
    return [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == "submission"]


def sent_octets(core: Core) -> bytes:
    [item] = queued(core)
    return core.db.read(lambda tx: read_octets(tx, core.blobs, item))


def form(page: str) -> dict[str, Any]:  # Any: a text, or the ticks
    """The fields of the compose form as a browser would send them back, with the ticks of files that go along."""
    inside = page[page.index('class="compose"') :]
    inputs = re.findall(r'<input[^>]*name="(\w+)" type="(?:text|hidden)" value="([^"]*)"', inside)
    area = re.search(r'<textarea[^>]*name="body"[^>]*>\r?\n?(.*?)</textarea>', inside, re.DOTALL)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', inside)
    ticked = re.findall(r'name="keep" value="(\w+)" checked', inside)
    return {
        **{name: unescape(value) for name, value in inputs},
        "csrf_token": token[1], "body": unescape(area[1]), "keep": ticked,
    }  # fmt: skip


def send_at_once(core: Core, ola: Account) -> None:
    mail_settings.save_settings(core, ola.id, MailSettings(undo_seconds=0))


def full(core: Core, ola: Account, percent: int = 105) -> None:
    """Set the quota so that what is there now is so much of it."""
    used = core.db.read(lambda tx: get_account(tx, ola.id)).used
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=? WHERE id=?", max(1, used * 100 // percent), ola.id))


class _Later(Clock):
    def __init__(self, than: Clock, by: timedelta) -> None:
        self._than, self._by = than, by

    def now(self) -> datetime:
        return self._than.now() + self._by


def later(core: Core, **by: float) -> Core:
    """The same house with its clock moved on."""
    return replace(core, clock=_Later(core.clock, timedelta(**by)))
