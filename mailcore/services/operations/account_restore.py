"""One account, or one mailbox of it, out of a backup into the running service.

Nothing of the owner's is replaced and nothing is doubled: a message that still stands in its mailbox stays as it is.  Mail goes
the way of every import; scripts, filters, address book and settings that are missing come as those of a take-out do.
"""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Account, Mailbox
from mailcore.errors import BackupProblem, MailboxNotFound, MailError, OctetsMissing
from mailcore.log import log_for
from mailcore.mail.moving.mbox import Stored
from mailcore.saying import Saying
from mailcore.services.accounts import accounts
from mailcore.services.operations import backup, file_delta, restore_drill
from mailcore.services.transfer import mail_import, takeout, takeout_import
from mailcore.services.transfer.mail_import import Importer, Progress, Report

log = log_for(__name__)
CHUNK = 200  # messages named in one reading transaction


@dataclass(frozen=True, slots=True)
class SavedAccount:
    """An account as a backup has it.

    Attributes:
        core: the backup, opened to read.
        boxes: the mailboxes that are wanted.
        is_whole: all of them are, and settings, too.
        octets: of the mail in them.
    """

    core: Core
    owner: Account
    boxes: tuple[Mailbox, ...]
    is_whole: bool
    octets: int


@contextmanager
def open_account(core: Core, folder: Path, name: str, mailbox: str = "") -> Iterator[SavedAccount]:
    """Open what a backup has of an account, or of one mailbox and those below it.

    Raises:
        AccountNotFound: the backup has none of this name.
        MailboxNotFound: the account has none of this name in it.
        BackupProblem: there is no complete backup, or it cannot be read.
    """
    with _opened_backup(core, folder) as saved:
        owner = accounts.find_account(saved, name)
        boxes = tuple(box for box in takeout.count_contents(saved, owner.id).mailboxes if _is_within(box.name, mailbox))
        if not boxes:
            raise MailboxNotFound(mailbox)
        yield SavedAccount(saved, owner, boxes, not mailbox, sum(box.octets for box in boxes))


def restore_account(
    core: Core,
    saved: SavedAccount,
    *,
    under: str = "",
    progress: Progress = lambda report: None,
) -> Report:
    """Bring back what is missing, while the service runs.

    Args:
        under: a mailbox below which all of them are put; "" = where they were.

    Raises:
        AccountNotFound: there is no account of this name here.
    """
    account = accounts.find_account(core, saved.owner.name)
    importer = Importer(core, account.id, progress)
    for note in _restore_settings(core, saved, account) if saved.is_whole else ():
        importer.note(note)
    return mail_import.finish_import(core, account.id, importer, "backup", _bring(saved, importer, under))


@contextmanager
def _opened_backup(core: Core, folder: Path) -> Iterator[Core]:
    """Open a backup to read from it: a copy of its database, and its large messages where they are."""
    restore_drill.check_room(backup.read_manifest(folder).database)
    with tempfile.TemporaryDirectory(prefix="alumnimail-restore-") as temporary:
        place = restore_drill.describe_place(core.config, Path(temporary))
        place = replace(place, blobs=f"file://{(folder / 'blobs').resolve()}")
        try:
            file_delta.finish_interrupted(folder / "database")
            file_delta.copy_file(folder / "database", place.database_path)
        except OSError as problem:
            raise BackupProblem(f"the backup cannot be read: {problem.strerror} ({problem.filename})") from problem
        saved = cores.build(place, core.clock)
        try:
            yield saved
        finally:
            cores.close(saved)


def _is_within(name: str, mailbox: str) -> bool:
    if mailbox.upper() == "INBOX":
        mailbox = "INBOX"
    return not mailbox or name == mailbox or name.startswith(f"{mailbox}/")


def _restore_settings(core: Core, saved: SavedAccount, account: Account) -> tuple[str, ...]:
    """Restore what is missing beside mail; return what people must know of it."""
    plan = replace(takeout.make_plan(saved.core, saved.owner.id), boxes=())
    file = io.BytesIO(b"".join(takeout.write_zip(saved.core, saved.owner.id, plan)))
    return takeout_import.import_takeout(core, account.id, file).notes


def _bring(saved: SavedAccount, importer: Importer, under: str) -> Iterator[None]:
    for box in saved.boxes:
        try:
            if under:
                target = importer.mailbox(mail_import.tidy_name(f"{under}/{box.name}"))
            else:
                target = importer.mailbox(box.name, box.special_use)
        except MailError as problem:
            importer.note(problem.args[0])
            continue
        for message in _list_messages(saved.core, box):
            if message is None:
                importer.note(Saying("A message in the backup cannot be read, and was left out."))
            else:
                importer.add(target, message)
            yield


def _list_messages(saved: Core, box: Mailbox) -> Iterator[Stored | None]:
    """Yield the messages of a mailbox; None for one whose octets are not there."""
    after = 0
    while uids := saved.db.read(lambda tx, after=after: saved.mail.next_uids(tx, box.id, after + 1, CHUNK)):  # type: ignore[misc]  # a default binds it
        after = uids[-1]
        infos = saved.db.read(lambda tx, uids=uids: saved.mail.infos(tx, box.id, [(uids[0], uids[-1])]))  # type: ignore[misc]
        for info in infos:
            try:
                octets = saved.db.read(lambda tx, uid=info.uid: saved.mail.octets(tx, box.id, uid))  # type: ignore[misc]
            except OctetsMissing as problem:
                log.error("message %d of mailbox %d of the backup: %s", info.uid, box.id, problem)
                yield None
            else:
                yield Stored(octets, info.flags, info.internal_date)
