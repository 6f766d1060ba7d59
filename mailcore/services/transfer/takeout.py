"""Everything of an account as one zip file, made while it is sent: no copy on disk, pieces of a message in memory (N17).

Inside: `alumnimail.json` (settings, filters, what lies where), `mail/` (one mbox for each mailbox, or Maildir), `sieve/`, the
address book as `contacts.vcf`, and `activity.json`, what was noted of the account (GDPR article 15).  Who has looked for what
hangs on the address (N31) has it as `moving.csv`, for spreadsheets, and with the people who write as `moving.json`.
services/transfer/takeout_import.py reads it again.

What will be in a file is settled by a Plan before its first octet.  As long as nothing of it changes, the same octets come out
each time, so that a broken line can be taken up where it broke (RFC 9110 section 14).
"""

import dataclasses
import hashlib
import io
import json
import re
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Mailbox, MailboxId, MessageInfo
from mailcore.errors import Busy, OctetsMissing
from mailcore.log import log_for
from mailcore.mail.moving import maildir, mbox
from mailcore.mail.reading import header, octets
from mailcore.services import audit
from mailcore.services.transfer import moving_day
from mailcore.services.webmail import address_cards, contacts, mail_settings
from mailcore.store.delivery import away as store_away
from mailcore.store.delivery import filters as store_filters
from mailcore.store.delivery.scripts import list_scripts
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import list_addresses
from mailcore.store.site import transfers as store
from mailcore.store.webmail import address_book as store_book
from mailcore.store.webmail import ready_texts as store_ready_texts

log = log_for(__name__)
FORMAT = 1
FORMS = ("mbox", "maildir")
CHUNK = 200  # messages named in one reading transaction
BLOCK = 256 * 1024  # octets handed on at once
PAUSES_SECONDS = (1, 2, 4, 8, 15)  # between tries to read a message, while the store of large ones is away
EVENTS = 100_000
MAX_FILE = 80  # characters of a name, which may have four octets each
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]')

_RESERVED = re.compile(r"(?i)\.mbox\Z|\.mbx\Z|\A(?:cur|new|tmp)\Z|[. ]\Z|\A(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)")

Progress = Callable[[int, int], None]  # octets of mail done, and in all
_Box = tuple[Mailbox, int, int, int]  # the uid below which its messages are, how many, and their octets


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents that a zip file would have now."""

    messages: int
    octets: int
    mailboxes: tuple[Mailbox, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The contents of a zip file, settled before it is written.

    Attributes:
        at: seconds since 1970; the time of its members.
        form: "mbox" or "maildir".
        small: compressed; else as large as the mail, and its length is soon known.
        boxes: mailboxes, and for each the uid from which on messages came later.
        events: so many of the oldest entries of what was noted.
    """

    at: int
    form: str
    small: bool
    boxes: tuple[tuple[int, int], ...]
    events: int


class _Pipe(io.RawIOBase):
    """A buffer for what zipfile writes, to be handed on in blocks."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, written: Any) -> int:  # Any: whatever has a buffer
        self._held.append(bytes(written))
        self.size += len(written)
        return len(written)

    def take_octets(self) -> bytes:
        taken = b"".join(self._held)
        self._held.clear()
        self.size = 0
        return taken


def count_contents(core: Core, account: AccountId) -> Contents:
    boxes = core.db.read(lambda tx: core.mail.mailboxes(tx, account))
    return Contents(sum(box.messages for box in boxes), sum(box.octets for box in boxes), tuple(boxes))


def make_plan(core: Core, account: AccountId, form: str = "mbox", *, small: bool = True) -> Plan:
    found = count_contents(core, account)
    events = len(audit.list_entries(core, account, EVENTS))
    return Plan(core.clock.seconds(), form, small, tuple((int(box.id), box.uidnext) for box in found.mailboxes), events)


def make_mark(core: Core, account: AccountId, planned: Plan) -> str:
    """Return a text that differs when the octets of the file would differ (an ETag)."""
    found = hashlib.sha256(repr(planned).encode())
    for name, text in _list_texts(core, account, planned, _list_boxes(core, account, planned)):
        found.update(repr((name, text)).encode("utf-8", "surrogatepass"))
    standing = core.db.read(lambda tx: [store.find_standing(tx, box, below) for box, below in planned.boxes])
    found.update(repr(standing).encode())
    return found.hexdigest()[:32]


def measure_length(core: Core, account: AccountId, planned: Plan) -> int:
    """Measure the octets of the file.  Reads everything, and is quick only where nothing is compressed."""
    return sum(len(block) for block in write_zip(core, account, planned))


def write_zip(
    core: Core, account: AccountId, planned: Plan, progress: Progress = lambda done, total: None
) -> Iterator[bytes]:
    """Write the zip file in blocks.  What came later is not in it; what is deleted meanwhile may or may not be."""
    boxes = _list_boxes(core, account, planned)
    total = sum(octets for _box, _below, _count, octets in boxes)
    pipe, done = _Pipe(), 0
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, text in _list_texts(core, account, planned, boxes):
            archive.writestr(_make_member(name, planned.at, planned), text.encode("utf-8", "replace"))
        paths = _choose_paths([box for box, *_ in boxes], planned.form)
        for box, below, _count, _octets in boxes:
            make = _write_mbox if planned.form == "mbox" else _write_maildir
            for size in make(core, archive, box, below, paths[box.id], planned):
                done += size
                if pipe.size >= BLOCK:
                    yield pipe.take_octets()
                    progress(done, total)
    yield pipe.take_octets()
    progress(total, total)


def _make_member(name: str, at: int, planned: Plan) -> zipfile.ZipInfo:
    """Level 0 costs nothing and can be unpacked while it comes, which what is only stored cannot."""
    when = max(to_time(at), datetime(1980, 1, 1, tzinfo=UTC))  # zip knows no earlier time
    found = zipfile.ZipInfo(name, (min(when.year, 2107), when.month, when.day, when.hour, when.minute, when.second))
    found.compress_type = zipfile.ZIP_DEFLATED
    found.external_attr = 0o600 << 16
    setattr(
        found, "compress_level" if hasattr(found, "compress_level") else "_compresslevel", 1 if planned.small else 0
    )
    return found


def _write_mbox(
    core: Core, archive: zipfile.ZipFile, box: Mailbox, below: int, path: str, planned: Plan
) -> Iterator[int]:
    """Write a mailbox as mbox, yielding the octets of mail done."""
    with archive.open(_make_member(path, planned.at, planned), "w", force_zip64=True) as member:
        for info in _list_messages(core, box.id, below):
            first, rest = _read_message(core, box.id, info.uid)
            pieces, sender = partial(_join, first, rest), _find_return_path(first, rest)
            written = 0
            for piece in mbox.write(pieces, info.flags, info.internal_date, sender):
                member.write(piece)
                done = min(len(piece), info.size - written)
                written += done
                yield done
            yield info.size - written


def _write_maildir(
    core: Core, archive: zipfile.ZipFile, box: Mailbox, below: int, path: str, planned: Plan
) -> Iterator[int]:
    letters, others = maildir.Letters(), list[str]()
    for info in _list_messages(core, box.id, below):
        marks, rest = letters.make_letters(info.flags)
        others += [f"{info.uid} {' '.join(rest)}\n"] if rest else []
        name = maildir.write_name(info.uid, info.internal_date, info.flags, marks)
        with archive.open(
            _make_member(f"{path}/cur/{name}", int(info.internal_date.timestamp()), planned), "w"
        ) as member:
            for piece in _join(*_read_message(core, box.id, info.uid)):
                member.write(piece)
                yield len(piece)
    for kind in ("cur", "new", "tmp"):  # a Maildir has them, also if it is empty
        archive.writestr(_make_member(f"{path}/{kind}/", planned.at, planned), b"")
    for name, lines in ((maildir.KEYWORDS_FILE, letters.lines()), (maildir.OTHERS_FILE, others)):
        if text := "".join(lines):
            archive.writestr(_make_member(f"{path}/{name}", planned.at, planned), text)


def _join(first: bytes, rest: octets.Octets) -> Iterator[bytes]:
    if first:
        yield first
    yield from octets.blocks(rest)


def _read_message(core: Core, box: MailboxId, uid: int) -> tuple[bytes, octets.Octets]:
    """Read a message; one that is lost must not keep anyone from the others.

    Raises:
        Busy: it could not be had for half a minute: the file ends here rather than without messages that there are.
    """
    for pause in PAUSES_SECONDS:
        try:
            return core.db.read(lambda tx: core.mail.pieces(tx, box, uid))
        except OctetsMissing as problem:
            log.error("message %d of mailbox %d is not in a take-out: %s", uid, box, problem)
            return b"X-Alumnimail-Problem: this message cannot be read\r\n\r\n", b""
        except Busy as problem:
            log.warning("a take-out waits: %s", problem)
            time.sleep(pause)
    return core.db.read(lambda tx: core.mail.pieces(tx, box, uid))


def _list_messages(core: Core, box: MailboxId, below: int) -> Iterator[MessageInfo]:
    """One after another; those that go away meanwhile are left out."""
    at = 1
    while at < below:
        uids = core.db.read(lambda tx, at=at: core.mail.next_uids(tx, box, at, CHUNK))  # type: ignore[misc]  # a default in a lambda
        uids = [uid for uid in uids if uid < below]
        if not uids:
            return
        yield from core.db.read(lambda tx, uids=uids: core.mail.infos(tx, box, [(uids[0], uids[-1])]))  # type: ignore[misc]
        at = uids[-1] + 1


def _find_return_path(first: bytes, rest: octets.Octets) -> bytes:
    """Return the envelope sender: the text in the first brackets."""
    for value in header.raw_values((first or rest[:2000])[:2000], "return-path")[:1]:
        return (
            value.partition(b"<")[2].partition(b">")[0]
            if b"<" in value
            else value.partition(b"\t")[0].partition(b" ")[0]
        )
    return b""


def _choose_paths(boxes: Sequence[Mailbox], form: str) -> dict[MailboxId, str]:
    """Choose the paths of mailboxes.

    Levels are folders, what file systems do not take is written as %xx, no two differ in case only.
    """
    found: dict[MailboxId, str] = {}
    taken: set[str] = set()
    for box in boxes:
        path = wish = "mail/" + "/".join(_make_level(level) for level in box.name.split("/"))
        number = 1
        while (same := unicodedata.normalize("NFC", path).casefold()) in taken:
            number += 1
            path = f"{wish}~{number}"
        taken.add(same)
        found[box.id] = path + (".mbox" if form == "mbox" else "")
    return found


def _make_level(level: str) -> str:
    """One level of a name as a name of a file or folder; `x.mbox` and `cur` mean something there, and a last dot may be lost."""
    safe = _make_safe(level)
    if _RESERVED.search(safe):
        safe = f"{safe[:-1]}%{ord(safe[-1]):02X}" if safe[-1].isascii() else safe
    return safe


def _list_boxes(core: Core, account: AccountId, planned: Plan) -> list[_Box]:
    """List the mailboxes of the plan that are still there."""

    def read(tx: Tx) -> list[_Box]:
        here = {int(box.id): box for box in core.mail.mailboxes(tx, account)}
        return [
            (here[box], below, *store.find_standing(tx, box, below)[:2]) for box, below in planned.boxes if box in here
        ]

    return core.db.read(read)


def _list_texts(core: Core, account: AccountId, planned: Plan, boxes: Sequence[_Box]) -> Iterator[tuple[str, str]]:
    """Yield name and text of the members that are not mail."""
    paths = _choose_paths([box for box, *_ in boxes], planned.form)

    def read(tx: Tx) -> tuple[Account, dict[str, Any], list[Any]]:  # Any: what JSON holds
        owner = get_account(tx, account)
        scripts = list_scripts(tx, account) + list_scripts(tx, account, "generated")
        told = {
            "format": FORMAT,
            "made_at": to_time(planned.at),
            "address": owner.address(core.config.domain),
            "form": planned.form,
            "mailboxes": [
                {
                    "name": box.name,
                    "file": paths[box.id],
                    "special_use": box.special_use,
                    "subscribed": box.subscribed,
                    "messages": count,
                    "octets": size,
                }
                for box, _below, count, size in boxes
            ],
            "scripts": [
                {
                    "name": script.name,
                    "file": _script_file(script.name, script.origin),
                    "active": script.active,
                    "origin": script.origin,
                }
                for script in scripts
            ],
            "settings": {
                "name": owner.display_name,
                "contact": owner.contact,
                "language": owner.language,
                "quota": owner.quota,
                "addresses": list_addresses(tx, account),
                "account_since": owner.created_at,
                "forwarding": get_forwarding(tx, account),
                "vacation": store_away.get_away(tx, account),
                "filters": store_filters.list_rules(tx, account),
                "identities": store_book.list_identities(tx, account),
                "ready_texts": store_ready_texts.list_texts(tx, account),
                "blocked": contacts.list_blocked(core, account),
                "webmail": mail_settings.read_settings(core, account),
            },
        }
        return owner, told, scripts

    _owner, told, scripts = core.db.read(read)
    yield "alumnimail.json", _json(told)
    yield "contacts.vcf", "".join(address_cards.write_file(core, account))
    for script in scripts:
        yield _script_file(script.name, script.origin), script.source
    activity = audit.list_entries(core, account, EVENTS)
    oldest = activity[max(0, len(activity) - planned.events) :]
    yield (
        "activity.json",
        _json([{"at": one.at, "event": one.event, "by": one.actor, "detail": one.detail} for one in oldest]),
    )
    services, people = moving_day.list_all(core, account)
    if services or people:
        yield "moving.csv", moving_day.format_csv(services)
        yield "moving.json", _json({"services": services, "people": people})


def _script_file(name: str, origin: str) -> str:
    if origin == "generated":
        return "sieve/generated/alumnimail.sieve"
    safe = _make_safe(name)
    if len(safe) > MAX_FILE:  # cut, two could be the same
        safe = f"{safe[:MAX_FILE]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"sieve/{safe}.sieve"


def _make_safe(name: str) -> str:
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_to_json_value)


def _to_json_value(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)
