"""Mail from elsewhere: our own take-out, mbox and Maildir files, another IMAP server (N17, N18).

What stands there already (the same octets in the same mailbox, of the same time) is not doubled, so an import that was broken off
is simply started again.  A full box ends it and is told; what came before stays.
"""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from mailcore.core import Core
from mailcore.domain import (
    AccountId,
    Away,
    FilterAction,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
    Mailbox,
    MailboxId,
)
from mailcore.errors import ImportRefused, MailboxNotFound, MailError, OverQuota
from mailcore.log import log_for
from mailcore.mail import header, mbox
from mailcore.mail.mbox import Stored
from mailcore.services import audit, away, filters
from mailcore.store import filters as store_filters
from mailcore.store.blobs import Prepared
from mailcore.store.db import Tx

log = log_for(__name__)
BATCH, BATCH_OCTETS = 50, 4 * 2**20  # in one transaction
MAX_TEXT = 4 * 2**20  # octets of a member that is no mail
MAX_MEMBERS = 2_000_000
Progress = Callable[["Report"], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did so far.

    Attributes:
        there: messages that stood there already.
        left_out: messages above the site's size.
        full: it ended because the box is full.
        notes: what else was not taken, for people.
    """

    messages: int = 0
    octets: int = 0
    there: int = 0
    left_out: int = 0
    full: bool = False
    notes: tuple[str, ...] = ()


class Importer:
    """Puts messages into the mailboxes of one account, in batches.  One thread at a time."""

    def __init__(self, core: Core, account: AccountId, progress: Progress = lambda report: None) -> None:
        self._core, self._account, self._progress = core, account, progress
        self._known: dict[MailboxId, dict[tuple[int, int], list[int]]] = {}
        self._batch: list[tuple[Mailbox, Stored, datetime, Prepared]] = []
        self._waiting = 0
        self.report = Report()

    def mailbox(self, name: str, special_use: str = "") -> Mailbox:
        """The one of this special use, or of this name, made if it is missing.  Raises InvalidName."""

        def find(tx: Tx) -> Mailbox:
            boxes = self._core.mail.mailboxes(tx, self._account)
            for box in boxes:
                if special_use and box.special_use == special_use:
                    return box
            try:
                return self._core.mail.mailbox(tx, self._account, name)
            except MailboxNotFound:
                return self._core.mail.create(tx, self._account, name)

        return self._core.db.write(find)

    def add(self, box: Mailbox, message: Stored | None) -> None:
        """Raises OverQuota when the box is full; what came before it is in."""
        if message is None or len(message.octets) > self._core.config.message_octets:
            self.report = dataclasses.replace(self.report, left_out=self.report.left_out + 1)
            return
        at = message.at or mbox.date_of(header.split(message.octets)[0]) or self._core.clock.now()
        at = max(at, datetime(1971, 1, 1, tzinfo=UTC)).replace(microsecond=0)
        self._batch.append((box, message, at, self._core.blobs.prepare(message.octets)))
        self._waiting += len(message.octets)
        if len(self._batch) >= BATCH or self._waiting >= BATCH_OCTETS:
            self.finish()

    def finish(self) -> None:
        """Write what waits.  Raises OverQuota."""
        batch, self._batch, self._waiting = self._batch, [], 0
        if not batch:
            return
        added, there, octets, full = self._core.db.write(lambda tx: self._write(tx, batch))
        report = self.report
        self.report = dataclasses.replace(
            report, messages=report.messages + added, octets=report.octets + octets, there=report.there + there, full=full
        )
        self._progress(self.report)
        if full:
            raise OverQuota("the mailbox is full; the rest was not taken")

    def _write(
        self, tx: Tx, batch: list[tuple[Mailbox, Stored, datetime, Prepared]]
    ) -> tuple[int, int, int, bool]:
        added = there = octets = 0
        for box, message, at, prepared in batch:
            known = self._known_in(tx, box.id)
            key = (prepared.size, int(at.timestamp()))
            if any(self._core.mail.octets(tx, box.id, uid) == message.octets for uid in known.get(key, ())):
                there += 1
                continue
            try:
                uid = self._core.mail.append(tx, self._account, box.id, prepared, message.flags, at)
            except OverQuota:
                return added, there, octets, True
            known.setdefault(key, []).append(uid)
            added, octets = added + 1, octets + prepared.size
        return added, there, octets, False

    def _known_in(self, tx: Tx, box: MailboxId) -> dict[tuple[int, int], list[int]]:
        """What stands there, by size and time: two numbers for each message, and no octets."""
        if box not in self._known:
            found: dict[tuple[int, int], list[int]] = {}
            for uid, size, at in self._core.mail.sizes_and_times(tx, box):
                found.setdefault((size, at), []).append(uid)
            self._known[box] = found
        return self._known[box]

    def note(self, text: str) -> None:
        self.report = dataclasses.replace(self.report, notes=(*self.report.notes, text))


def ended(core: Core, account: AccountId, importer: Importer, kind: str, work: Iterator[None]) -> Report:
    """Run the import to its end, or to a full box, and write it down."""
    try:
        for _ in work:
            pass
        importer.finish()
    except OverQuota:
        log.info("the import into account %d ended with a full box", account)
    report = importer.report
    detail = f"{kind}: {report.messages} messages, {report.octets} octets"
    core.db.write(lambda tx: audit.note(core, tx, account, "mail imported", detail=detail))
    return report


def from_mbox(
    core: Core, account: AccountId, file: IO[bytes], mailbox: str = "INBOX", progress: Progress = lambda report: None
) -> Report:
    """All messages of an mbox file into one mailbox.  Raises ImportRefused for a file that is none, InvalidName."""
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        lines = bounded_lines(file, core.config.message_octets)
        first = next(lines, b"")
        if first and not first.startswith(b"From "):
            raise ImportRefused("this is no mbox file: it does not begin with 'From '")
        box = importer.mailbox(mailbox)
        for message in mbox.read(_chained(first, lines), core.config.message_octets):
            importer.add(box, message)
            yield

    return ended(core, account, importer, "mbox", work())


def bounded_lines(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Lines, the long ones in pieces: no file can fill the memory with one line."""
    while piece := file.readline(limit):
        yield piece


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def from_maildir(
    core: Core, account: AccountId, folder: Path, mailbox: str = "INBOX", progress: Progress = lambda report: None
) -> Report:
    """A Maildir and its `.sub.folders` (Maildir++).  Raises ImportRefused, InvalidName."""
    importer = Importer(core, account, progress)
    if not (folder / "cur").is_dir() and not (folder / "new").is_dir():
        raise ImportRefused(f"{folder} is no Maildir: it has no cur and no new")

    def work() -> Iterator[None]:
        subs = sorted(sub for sub in folder.glob(".*") if (sub / "cur").is_dir())
        for place, name in [(folder, mailbox), *((sub, sub.name[1:].replace(".", "/")) for sub in subs)]:
            box = importer.mailbox(name)
            for path in sorted(path for kind in ("new", "cur") for path in (place / kind).glob("*") if path.is_file()):
                octets = _with_crlf(path.read_bytes())
                at = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
                importer.add(box, Stored(octets, mbox.maildir_flags(path.name), at))
                yield

    return ended(core, account, importer, "maildir", work())


def _with_crlf(octets: bytes) -> bytes:
    return octets if b"\r\n" in octets[:1000] else octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


# Our own take-out


def from_takeout(
    core: Core, account: AccountId, file: IO[bytes], progress: Progress = lambda report: None
) -> Report:
    """A zip file of services/takeout.py: mail, scripts, filters, vacation.  A forwarding must be set and confirmed anew.

    Raises:
        ImportRefused: it is no such file.
    """
    try:
        archive = zipfile.ZipFile(file)
        told = json.loads(_text(archive, "alumnimail.json"))
        if not isinstance(told, dict) or told.get("format") != 1:
            raise ImportRefused("this zip file is of a newer format")
        boxes = [box for box in told.get("mailboxes", []) if isinstance(box, dict)]
    except (zipfile.BadZipFile, KeyError, ValueError, UnicodeDecodeError, NotImplementedError, OSError) as problem:
        raise ImportRefused("this is no take-out of ours") from problem
    if len(archive.infolist()) > MAX_MEMBERS:
        raise ImportRefused("this zip file has too many members")
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        _settings(core, account, archive, told, importer)
        names = set(archive.namelist())
        for one in boxes:
            path, special = str(one.get("file", "")), str(one.get("special_use", ""))
            try:
                box = importer.mailbox(str(one.get("name", "")), special)
            except MailError as problem:
                importer.note(str(problem))
                continue
            for message in _members(core, archive, path, names):
                importer.add(box, message)
                yield

    try:
        return ended(core, account, importer, "take-out", work())
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as problem:  # RuntimeError: it has a password
        raise ImportRefused("this zip file is damaged") from problem


def _members(core: Core, archive: zipfile.ZipFile, path: str, names: set[str]) -> Iterator[Stored | None]:
    if path.endswith(".mbox") and path in names:
        with archive.open(path) as member:
            yield from mbox.read(bounded_lines(member, core.config.message_octets), core.config.message_octets)
        return
    for name in sorted(name for name in names if name.startswith(f"{path}/cur/")):
        if archive.getinfo(name).file_size > core.config.message_octets:
            yield None
            continue
        last = name.rpartition("/")[2]
        seconds = last.partition(".")[0]
        at = datetime.fromtimestamp(int(seconds), UTC) if seconds.isascii() and seconds.isdigit() and len(seconds) < 12 else None
        yield Stored(archive.read(name), mbox.maildir_flags(last), at)


def _text(archive: zipfile.ZipFile, name: str) -> str:
    """Raises KeyError, ImportRefused."""
    if archive.getinfo(name).file_size > MAX_TEXT:
        raise ImportRefused(f"{name} is too large")
    return archive.read(name).decode()


def _settings(core: Core, account: AccountId, archive: zipfile.ZipFile, told: dict[str, Any], importer: Importer) -> None:
    """What does not stand in the way of anything here: nothing of the owner's is replaced."""
    settings = told.get("settings") if isinstance(told.get("settings"), dict) else {}
    assert isinstance(settings, dict)  # noqa: S101 - just seen
    parts: tuple[Callable[[], None], ...] = (
        partial(_scripts, core, account, archive, told, importer),
        partial(_filters, core, account, settings.get("filters"), importer),
        partial(_vacation, core, account, settings.get("vacation")),
    )
    for part in parts:
        try:
            part()
        except (MailError, KeyError, TypeError, ValueError) as problem:
            importer.note(str(problem))
    forwarding = settings.get("forwarding")
    if isinstance(forwarding, dict) and forwarding.get("state") not in (None, "off"):
        importer.note(f"the forwarding to {forwarding.get('target')} must be set and confirmed again")


def _scripts(core: Core, account: AccountId, archive: zipfile.ZipFile, told: dict[str, Any], importer: Importer) -> None:
    here = {script.name: script for script in filters.scripts(core, account)}
    for one in told.get("scripts", []):
        name = str(one["name"])
        if one.get("origin") == "generated":
            continue
        source = _text(archive, str(one["file"]))
        if name in here:
            if here[name].source != source:
                importer.note(f"the script {name} stands here with another text, and stays")
            continue
        filters.put_script(core, account, name, source)
        if one.get("active") and not any(script.active for script in here.values()):
            filters.activate(core, account, name)


def _filters(core: Core, account: AccountId, found: object, importer: Importer) -> None:
    """Those that are not here yet, after those that are."""
    if not isinstance(found, list) or not found:
        return
    here = list(core.db.read(lambda tx: store_filters.of(tx, account)))
    for one in found:
        rule = FilterRule(
            str(one["name"]),
            tuple(FilterCondition(FilterField(c["field"]), FilterMatch(c["match"]), str(c["value"]), str(c["header"]))
                  for c in one["conditions"]),
            tuple(FilterAction(FilterVerb(a["verb"]), str(a["target"])) for a in one["actions"]),
            bool(one["every"]), bool(one["enabled"]),
        )  # fmt: skip
        if rule in here:
            continue
        try:
            here = list(filters.save_rules(core, account, [*here, rule]))
        except MailError as problem:
            importer.note(str(problem))


def _vacation(core: Core, account: AccountId, found: object) -> None:
    if not isinstance(found, dict) or away.get(core, account) != Away() or not found.get("text"):
        return
    first, last = (date.fromisoformat(found[key]) if found.get(key) else None for key in ("first_day", "last_day"))
    away.save(core, account, Away(bool(found.get("active")), first, last, str(found.get("subject", "")), str(found["text"])))


def mailbox_of_file(name: str) -> str:
    """The mailbox that a file's name suggests: `Work.mbox` is Work."""
    stem = unquote(Path(name.replace("\\", "/")).name)
    for end in (".mbox", ".mbx"):
        stem = stem.removesuffix(end)
    return stem.replace("/", "-").strip() or "INBOX"
