"""Mail from elsewhere: what puts it in, and mbox files (N17, N18).

Other forms are read beside it, by maildir_reader.py, takeout_import.py and imap_import.py.

What stood there before the import began (the same text in the same mailbox, of the same time) is not doubled, so an import that
was broken off is simply started again; what stands twice in what is brought comes twice.  A full box ends it and is told; what
came before stays.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.errors import ImportRefused, MailboxNotFound, MailError, OverQuota
from mailcore.log import log_for
from mailcore.mail.moving import mbox, mbox_marks
from mailcore.mail.moving.mbox import NotMbox, Stored
from mailcore.mail.reading import header
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.mail.mailboxes import MAX_DEPTH, MAX_NAME
from mailcore.store.mail.messages import EARLIEST, LATEST

log = log_for(__name__)
_BAD = re.compile(r"[\x00-\x1f\x7f*%\ud800-\udfff]")  # what no mailbox name holds
PIECE = 64 * 1024  # octets of a line that are read at once
BATCH, BATCH_OCTETS = 50, 4 * 2**20  # in one transaction
Progress = Callable[["Report"], None]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an import so far.

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


_Waiting = tuple[Mailbox, Stored, datetime | None, Prepared]  # None: the file does not know when it came

_Match = tuple[MailboxId, int, tuple[int, int]]  # mailbox, time, uid and size of a message that was there before


class Importer:
    """Write messages into the mailboxes of one account, in batches; for one thread at a time."""

    def __init__(self, core: Core, account: AccountId, progress: Progress = lambda report: None) -> None:
        self._core, self._account, self._progress = core, account, progress
        self._known: dict[
            MailboxId, dict[int, list[tuple[int, int]]]
        ] = {}  # what stood there and has not been brought yet
        self._batch: list[_Waiting] = []
        self._waiting = 0
        self._places: dict[tuple[str, str], Mailbox] = {}
        self.report = Report()

    def mailbox(self, name: str, special_use: str = "") -> Mailbox:
        """Return the mailbox of this special use, or of this name, created if it is missing.  Raises InvalidName."""

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

    def place(self, labels: tuple[str, ...], otherwise: Mailbox) -> tuple[Mailbox, frozenset[str]]:
        """Return the mailbox for a message with Gmail's labels, and the flags that they mean."""
        place = mbox_marks.place_of(labels)
        key = (tidy_name(place.mailbox), place.special_use)
        if key not in self._places:
            try:
                self._places[key] = self.mailbox(*key)
            except MailError as problem:  # there are too many
                self.note(problem.args[0])
                self._places[key] = otherwise
        return self._places[key], place.flags

    def bring(self, box: Mailbox, message: Stored | None, *, by_labels: bool) -> None:
        """Add a message to a mailbox, or to the one of its labels.  Raises OverQuota."""
        if by_labels and message is not None and message.labels is not None:
            box, flags = self.place(message.labels, box)
            message = dataclasses.replace(message, flags=message.flags | flags)
        self.add(box, message)

    def add(self, box: Mailbox, message: Stored | None) -> None:
        """Raises OverQuota when the box is full; what came before it is in."""
        if message is None or len(message.octets) > self._core.config.message_octets:
            self.report = dataclasses.replace(self.report, left_out=self.report.left_out + 1)
            return
        at = message.at or mbox.date_of(header.split(message.octets)[0])
        self._batch.append((box, message, at and at.replace(microsecond=0), self._core.blobs.prepare(message.octets)))
        self._waiting += len(message.octets)
        if len(self._batch) >= BATCH or self._waiting >= BATCH_OCTETS:
            self.finish()

    def finish(self) -> None:
        """Write what waits.  Raises OverQuota."""
        batch, self._batch, self._waiting = self._batch, [], 0
        if not batch:
            return
        account = (self._account,)
        added, matched, octets, full = self._core.db.write(lambda tx: self._write(tx, batch), of=account)
        for box, second, message in matched:
            self._known[box][second].remove(message)
        report = self.report
        self.report = dataclasses.replace(
            report,
            messages=report.messages + added,
            octets=report.octets + octets,
            there=report.there + len(matched),
            full=full,
        )
        self._progress(self.report)
        if full:
            raise OverQuota(Saying("The mailbox is full; the rest was not imported."))

    def _write(self, tx: Tx, batch: list[_Waiting]) -> tuple[int, list[_Match], int, bool]:
        """Return how many were added, which stood there before, the octets added, and whether the box is full."""
        added = octets = 0
        matched: list[_Match] = []
        for box, message, at, prepared in batch:
            if (match := self._find_match(tx, box.id, message.octets, at, matched)) is not None:
                matched.append(match)
                continue
            try:
                came = at or self._core.clock.now()
                self._core.mail.append(tx, self._account, box.id, prepared, message.flags, came)
            except OverQuota:
                return added, matched, octets, True
            added, octets = added + 1, octets + prepared.size
        return added, matched, octets, False

    def _find_match(
        self, tx: Tx, box: MailboxId, brought: bytes, at: datetime | None, matched: list[_Match]
    ) -> _Match | None:
        """Find a message that was there before; each of those matches once; one without a date, whatever their times."""
        known = self._known_in(tx, box)
        times = list(known) if at is None else [to_stored_seconds(at)]
        least = len(brought) - brought.count(b"\n") - 2  # an mbox file of others gives every line its CRLF
        near = [(second, one) for second in times for one in known.get(second, ()) if least <= one[1] <= len(brought)]
        exact = ((second, one, bytes.__eq__) for second, one in near if one[1] == len(brought))
        for second, one, is_same in chain(exact, ((second, one, _is_same_text) for second, one in near)):
            match = box, second, one
            if match not in matched and is_same(self._core.mail.octets(tx, box, one[0]), brought):
                return match
        return None

    def _known_in(self, tx: Tx, box: MailboxId) -> dict[int, list[tuple[int, int]]]:
        """Index the messages that are already in a mailbox by time: uid and size of each, and no octets."""
        if box not in self._known:
            found: dict[int, list[tuple[int, int]]] = {}
            for uid, size, at in self._core.mail.sizes_and_times(tx, box):
                found.setdefault(at, []).append((uid, size))
            self._known[box] = found
        return self._known[box]

    def break_off(self, reason: str) -> None:
        """Import what was read before the damage, and report the import as broken."""
        try:
            self.finish()
        except OverQuota:
            log.info("the import into account %d ended with a full box", self._account)
        self.report = dataclasses.replace(self.report, broken=True)
        self.note(reason)

    def note(self, text: str) -> None:
        self.report = dataclasses.replace(self.report, notes=(*self.report.notes, text))


def _is_same_text(here: bytes, brought: bytes) -> bool:
    """Compare two messages but for the ends of lines, which files do not preserve."""
    if here == brought:
        return True
    return here.replace(b"\r\n", b"\n").removesuffix(b"\n") == brought.replace(b"\r\n", b"\n").removesuffix(b"\n")


def finish_import(core: Core, account: AccountId, importer: Importer, kind: str, work: Iterator[None]) -> Report:
    """Run an import to its end, or until the mailbox is full, and record it."""
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


def import_mbox(
    core: Core,
    account: AccountId,
    file: IO[bytes],
    mailbox: str = "INBOX",
    progress: Progress = lambda report: None,
    *,
    by_labels: bool = False,
) -> Report:
    """Import all messages of an mbox file into one mailbox.

    Args:
        by_labels: those of Gmail go where their labels say.

    Raises:
        ImportRefused: it is no mbox file, or there is no message in it.
        InvalidName
    """
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        lines = read_bounded_lines(file, PIECE)
        first, box = next(lines, b""), None
        for message in read_mbox(chain([first], lines), core.config.message_octets):
            box = box or importer.mailbox(mailbox)
            importer.bring(box, message, by_labels=by_labels)
            yield
        if first and box is None:
            raise ImportRefused(Saying("There is no message in this file."))

    return finish_import(core, account, importer, "mbox", work())


def read_mbox(lines: Iterator[bytes], limit: int) -> Iterator[Stored | None]:
    """Read the messages of an mbox file.  Raises ImportRefused, before the first one."""
    try:
        yield from mbox.read(lines, limit)
    except NotMbox:
        raise ImportRefused(Saying("This is not an mbox file: it does not begin with 'From '.")) from None


def read_bounded_lines(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Read lines, long ones in pieces: no file can fill the memory with one line."""
    while piece := file.readline(limit):
        yield piece


def to_stored_seconds(at: datetime) -> int:
    """Return the internal date as the store saves it."""
    return min(max(int(at.timestamp()), EARLIEST), LATEST)


def tidy_name(name: str) -> str:
    """Turn a name from elsewhere into one that a mailbox may have; "" becomes INBOX."""
    levels = [_BAD.sub("_", level) for level in name.split("/")]
    levels = ["_" if level in (".", "..") else level for level in levels if level]
    tidy = "/".join(
        [*levels[: MAX_DEPTH - 1], "-".join(levels[MAX_DEPTH - 1 :])] if len(levels) > MAX_DEPTH else levels
    )
    return tidy.encode("utf-8", "replace")[:MAX_NAME].decode("utf-8", "ignore").rstrip("/") or "INBOX"


def suggest_mailbox(name: str) -> str:
    """Suggest a mailbox by the name of a file: `Work.mbox` is Work."""
    stem = unquote(Path(name.replace("\\", "/")).name)
    for end in (".mbox", ".mbx"):
        stem = stem.removesuffix(end)
    return stem.replace("/", "-").strip() or "INBOX"
