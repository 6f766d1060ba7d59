"""Mail from elsewhere: what puts it in, and mbox and Maildir files; beside it takeout_read.py and imap_pull.py (N17, N18).

What stands there already (the same text in the same mailbox, of the same time) is not doubled, so an import that was broken off
is simply started again.  A full box ends it and is told; what came before stays.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.errors import ImportRefused, MailboxNotFound, OverQuota, Saying
from mailcore.log import log_for
from mailcore.mail import header, mbox
from mailcore.mail.mbox import Stored
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.blobs import Prepared
from mailcore.store.db import Tx

log = log_for(__name__)
BATCH, BATCH_OCTETS = 50, 4 * 2**20  # in one transaction
Progress = Callable[["Report"], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did so far.

    Attributes:
        there: messages that stood there already.
        left_out: messages above the site's size.
        full: it ended because the box is full.
        broken: it ended because the rest cannot be read; the last note says why.
        notes: what else was not taken, for people.
    """

    messages: int = 0
    octets: int = 0
    there: int = 0
    left_out: int = 0
    full: bool = False
    broken: bool = False
    notes: tuple[str, ...] = ()


class Importer:
    """Puts messages into the mailboxes of one account, in batches.  One thread at a time."""

    def __init__(self, core: Core, account: AccountId, progress: Progress = lambda report: None) -> None:
        self._core, self._account, self._progress = core, account, progress
        self._known: dict[MailboxId, dict[int, list[tuple[int, int]]]] = {}
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
            raise OverQuota(Saying("the mailbox is full; the rest was not taken"))

    def _write(
        self, tx: Tx, batch: list[tuple[Mailbox, Stored, datetime, Prepared]]
    ) -> tuple[int, int, int, bool]:
        added = there = octets = 0
        for box, message, at, prepared in batch:
            known = self._known_in(tx, box.id)
            same_time = known.setdefault(int(at.timestamp()), [])
            least = prepared.size - message.octets.count(b"\n") - 2  # an mbox file gives every line its CRLF
            candidates = [uid for uid, size in same_time if least <= size <= prepared.size]
            if any(_same(self._core.mail.octets(tx, box.id, uid), message.octets) for uid in candidates):
                there += 1
                continue
            try:
                uid = self._core.mail.append(tx, self._account, box.id, prepared, message.flags, at)
            except OverQuota:
                return added, there, octets, True
            same_time.append((uid, prepared.size))
            added, octets = added + 1, octets + prepared.size
        return added, there, octets, False

    def _known_in(self, tx: Tx, box: MailboxId) -> dict[int, list[tuple[int, int]]]:
        """What stands there, by time: uid and size of each message, and no octets."""
        if box not in self._known:
            found: dict[int, list[tuple[int, int]]] = {}
            for uid, size, at in self._core.mail.sizes_and_times(tx, box):
                found.setdefault(at, []).append((uid, size))
            self._known[box] = found
        return self._known[box]

    def break_off(self, reason: str) -> None:
        """What was read before the damage comes in."""
        try:
            self.finish()
        except OverQuota:
            log.info("the import into account %d ended with a full box", self._account)
        self.report = dataclasses.replace(self.report, broken=True)
        self.note(reason)

    def note(self, text: str) -> None:
        self.report = dataclasses.replace(self.report, notes=(*self.report.notes, text))


def _same(here: bytes, brought: bytes) -> bool:
    """But for the ends of lines, which files do not keep."""
    if here == brought:
        return True
    return here.replace(b"\r\n", b"\n").removesuffix(b"\n") == brought.replace(b"\r\n", b"\n").removesuffix(b"\n")


def ended(core: Core, account: AccountId, importer: Importer, kind: str, work: Iterator[None]) -> Report:
    """Run the import to its end, or to a full box, and write it down."""
    try:
        for _ in work:
            pass
        importer.finish()
    except OverQuota:
        log.info("the import into account %d ended with a full box", account)
    except ImportRefused as problem:
        importer.break_off(problem.args[0])
        report = importer.report
        if not report.messages + report.there + report.left_out:
            raise
    report = importer.report
    detail = f"{kind}: {report.messages} messages, {report.octets} octets"
    core.db.write(lambda tx: audit.note(core, tx, account, Event.MAIL_IMPORTED, detail=detail))
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
            raise ImportRefused(Saying("this is no mbox file: it does not begin with 'From '"))
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
        raise ImportRefused(Saying("%(folder)s is no Maildir: it has no cur and no new", folder=folder))

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


def mailbox_of_file(name: str) -> str:
    """The mailbox that a file's name suggests: `Work.mbox` is Work."""
    stem = unquote(Path(name.replace("\\", "/")).name)
    for end in (".mbox", ".mbx"):
        stem = stem.removesuffix(end)
    return stem.replace("/", "-").strip() or "INBOX"
