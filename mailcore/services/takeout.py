"""Everything of an account as one zip file, made while it is sent: no copy on disk, a message at a time in memory (N17).

Inside: `alumnimail.json` (settings, filters, what lies where), `mail/` (one mbox for each mailbox, or Maildir), `sieve/`, the
address book as `contacts.vcf`, and `activity.json`, what was noted of the account (GDPR article 15).  services/takeout_read.py
reads it again.
"""

import dataclasses
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Mailbox, MessageInfo
from mailcore.mail import header, mbox
from mailcore.services import address_book, audit, contacts, mail_settings
from mailcore.store import address_book as store_book
from mailcore.store import away as store_away
from mailcore.store import filters as store_filters
from mailcore.store.db import Tx

FORMAT = 1
FORMS = ("mbox", "maildir")
CHUNK = 200  # messages named in one reading transaction
BLOCK = 256 * 1024  # octets handed on at once
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]')

Progress = Callable[[int, int], None]  # octets of mail done, and in all


@dataclass(frozen=True, slots=True)
class Contents:
    """What a zip file will hold."""

    messages: int
    octets: int
    mailboxes: tuple[Mailbox, ...]


class _Pipe(io.RawIOBase):
    """What zipfile writes, to be handed on in blocks."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, octets: Any) -> int:  # Any: whatever has a buffer
        self._held.append(bytes(octets))
        self.size += len(octets)
        return len(octets)

    def take(self) -> bytes:
        taken = b"".join(self._held)
        self._held.clear()
        self.size = 0
        return taken


def contents(core: Core, account: AccountId) -> Contents:
    boxes = core.db.read(lambda tx: core.mail.mailboxes(tx, account))
    return Contents(sum(box.messages for box in boxes), sum(box.octets for box in boxes), tuple(boxes))


def write(
    core: Core, account: AccountId, form: str = "mbox", progress: Progress = lambda done, total: None
) -> Iterator[bytes]:
    """The zip file in blocks.  What is delivered or deleted meanwhile may or may not be in it.

    Args:
        form: "mbox" or "maildir".
    """
    found = contents(core, account)
    files = {box.name: _path(box.name, form) for box in found.mailboxes}
    pipe, done = _Pipe(), 0
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _texts(core, account, form, files):
            archive.writestr(name, text)
        for box in found.mailboxes:
            members = _as_mbox(core, archive, box, files) if form == "mbox" else _as_maildir(core, archive, box, files)
            for size in members:
                done += size
                if pipe.size >= BLOCK:
                    yield pipe.take()
                    progress(done, found.octets)
    yield pipe.take()
    progress(done, done)


def _as_mbox(core: Core, archive: zipfile.ZipFile, box: Mailbox, files: dict[str, str]) -> Iterator[int]:
    with archive.open(files[box.name], "w", force_zip64=True) as member:
        for info, octets in _messages(core, box):
            member.write(mbox.write(octets, info.flags, info.internal_date, _return_path(octets)))
            yield info.size


def _as_maildir(core: Core, archive: zipfile.ZipFile, box: Mailbox, files: dict[str, str]) -> Iterator[int]:
    for info, octets in _messages(core, box):
        unique = f"{int(info.internal_date.timestamp())}.{info.uid}.alumnimail"
        archive.writestr(f"{files[box.name]}/cur/{mbox.maildir_name(unique, info.flags)}", octets)
        yield info.size


def _messages(core: Core, box: Mailbox) -> Iterator[tuple[MessageInfo, bytes]]:
    """One after another; those that go away meanwhile are left out."""
    at = 1
    while at < box.uidnext:
        uids = core.db.read(lambda tx, at=at: core.mail.next_uids(tx, box.id, at, CHUNK))  # type: ignore[misc]  # a default in a lambda
        if not uids:
            return
        for info in core.db.read(lambda tx, uids=uids: core.mail.infos(tx, box.id, [(uids[0], uids[-1])])):  # type: ignore[misc]
            octets = core.db.read(lambda tx, uid=info.uid: core.mail.octets(tx, box.id, uid))  # type: ignore[misc]
            if octets:
                yield info, octets
        at = uids[-1] + 1


def _return_path(octets: bytes) -> str:
    return " ".join(header.values(octets[:2000], "return-path")[:1]).strip("<> ")


def _path(mailbox: str, form: str) -> str:
    """Where a mailbox lies: its levels are folders, and what file systems do not take is written as %xx."""
    levels = [_safe(level) for level in mailbox.split("/")]
    return "mail/" + "/".join(levels) + (".mbox" if form == "mbox" else "")


def _texts(core: Core, account: AccountId, form: str, files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The members that are no mail."""

    def read(tx: Tx) -> tuple[Account, dict[str, Any], list[Any]]:  # Any: what JSON holds
        owner = core.people.account(tx, account)
        scripts = core.people.scripts(tx, account) + core.people.scripts(tx, account, "generated")
        boxes = core.mail.mailboxes(tx, account)
        told = {
            "format": FORMAT,
            "made_at": core.clock.now(),
            "address": f"{owner.name}@{core.config.domain}",
            "form": form,
            "mailboxes": [
                {"name": box.name, "file": files.get(box.name, ""), "special_use": box.special_use, "subscribed": box.subscribed,
                 "messages": box.messages, "octets": box.octets}
                for box in boxes
            ],
            "scripts": [
                {"name": script.name, "file": _script_file(script.name, script.origin), "active": script.active,
                 "origin": script.origin}
                for script in scripts
            ],
            "settings": {
                "name": owner.display_name, "contact": owner.contact, "language": owner.language, "quota": owner.quota,
                "addresses": core.people.addresses(tx, account), "account_since": owner.created_at,
                "forwarding": core.people.forwarding(tx, account), "vacation": store_away.of(tx, account),
                "filters": store_filters.of(tx, account), "identities": store_book.identities(tx, account),
                "blocked": contacts.blocked(core, account), "webmail": mail_settings.read(core, account),
            },
        }  # fmt: skip
        return owner, told, scripts

    _owner, told, scripts = core.db.read(read)
    yield "alumnimail.json", _json(told)
    yield "contacts.vcf", address_book.write_cards(core, account)
    for script in scripts:
        yield _script_file(script.name, script.origin), script.source
    activity = audit.listing(core, account, 100_000)
    yield "activity.json", _json([{"at": one.at, "event": one.event, "by": one.actor, "detail": one.detail} for one in activity])


def _script_file(name: str, origin: str) -> str:
    if origin == "generated":
        return "sieve/generated/alumnimail.sieve"
    return f"sieve/{_safe(name)[:200]}.sieve"


def _safe(name: str) -> str:
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)
