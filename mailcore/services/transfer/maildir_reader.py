"""A Maildir comes in: with sub-folders beside it (`.Sent`, Maildir++) or within it, as Dovecot and our own take-outs have them.

Names of folders are read in modified UTF-7, which Dovecot and Courier write, else as they are; keywords come from Dovecot's file.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import ImportRefused, MailError
from mailcore.log import log_for
from mailcore.mail.moving import maildir
from mailcore.mail.moving.mbox import Stored
from mailcore.saying import Saying
from mailcore.services.transfer.mail_import import Importer, Progress, Report, finish_import, tidy_name
from mailcore.store.mail.mailboxes import MAX_MAILBOXES

log = log_for(__name__)
MAX_DESCRIPTION = 16 * 2**20  # octets of a file that is no mail


@dataclass(frozen=True, slots=True)
class _Maildir:
    """One Maildir: its folder, and the mailbox that it becomes."""

    folder: Path
    mailbox: str
    special_use: str = ""


def import_maildir(
    core: Core, account: AccountId, folder: Path, mailbox: str = "INBOX", progress: Progress = lambda report: None
) -> Report:
    """Import all messages of a Maildir and of those beside and below it.

    Args:
        mailbox: where the messages of the folder itself go.

    Raises:
        ImportRefused: there is no Maildir.
        InvalidName
    """
    importer = Importer(core, account, progress)
    places = _list_maildirs(folder, mailbox)
    if not places:
        raise ImportRefused(Saying("%(folder)s is no Maildir: it has no cur and no new", folder=folder))

    def work() -> Iterator[None]:
        for place in places:
            try:
                box = importer.mailbox(place.mailbox, place.special_use)
            except MailError as problem:
                importer.note(problem.args[0])
                continue
            for message in _read_messages(importer, place.folder, core.config.message_octets):
                importer.add(box, message)
                yield

    return finish_import(core, account, importer, "maildir", work())


def _list_maildirs(folder: Path, mailbox: str) -> list[_Maildir]:
    if _is_maildir(folder):
        subs = sorted(sub for sub in folder.glob(".*") if _is_maildir(sub))
        return [
            _Maildir(folder, mailbox),
            *(_Maildir(sub, tidy_name(_decode_utf7(_decode_name(sub.name[1:])).replace(".", "/"))) for sub in subs),
        ]
    description = _read_description(folder)
    maildirs: list[_Maildir] = []
    for path, folders, _files in os.walk(folder):
        folders.sort()
        here = Path(path)
        if here != folder and _is_maildir(here) and len(maildirs) < MAX_MAILBOXES:
            levels = [_decode_name(level) for level in here.relative_to(folder).parts]
            name = tidy_name("/".join(_decode_utf7(level.removeprefix(".")) for level in levels))
            maildirs.append(_Maildir(here, *description.get("/".join(levels), (name, ""))))
    return maildirs


def _is_maildir(folder: Path) -> bool:
    return (folder / "cur").is_dir() or (folder / "new").is_dir()


def _read_description(folder: Path) -> dict[str, tuple[str, str]]:
    """Map folder to name and special use, of a take-out of ours that was unpacked: here, or its `mail` is here."""
    for place, within in ((folder, ""), (folder.parent, folder.name + "/")):
        try:
            with (place / "alumnimail.json").open("rb") as file:
                boxes = json.loads(file.read(MAX_DESCRIPTION))["mailboxes"]
            return {
                str(box["file"]).removeprefix(within): (str(box["name"]), str(box.get("special_use", "")))
                for box in boxes
                if str(box["file"]).startswith(within)
            }
        except OSError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            log.info("alumnimail.json beside a Maildir cannot be read: %r", problem)
    return {}


def _decode_name(name: str) -> str:
    """Decode a file name of any octets."""
    octets = os.fsencode(name)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _decode_utf7(name: str) -> str:
    """Decode modified UTF-7 if it is that, `%2F` of our own take-outs, else as it is."""
    from imapclient import imap_utf7  # here, as this takes a quarter of a second and few commands need it

    if "&" in name and name.isascii():
        try:
            text = imap_utf7.decode(name.encode())
            if imap_utf7.encode(text) == name.encode():
                return str(text)
        except ValueError:
            return name
    return unquote(name, errors="replace") if "%" in name else name


def _read_messages(importer: Importer, folder: Path, limit: int) -> Iterator[Stored | None]:
    known, others = _read_keywords(folder)
    paths = (path for kind in ("new", "cur") for path in (folder / kind).glob("*") if not path.name.startswith("."))
    for path in sorted(path for path in paths if path.is_file()):
        name = maildir.read_name(_decode_name(path.name))
        try:
            state = path.stat()
            octets = path.read_bytes() if state.st_size <= limit else None
        except OSError as problem:
            importer.note(Saying("%(name)s cannot be read", name=_decode_name(path.name)))
            log.info("a file of a Maildir cannot be read: %s", problem)
            continue
        if octets is None:
            yield None
            continue
        octets = octets if name.uid else _with_crlf(octets)
        at = name.at or to_time(int(state.st_mtime))
        yield Stored(
            octets, name.flags | maildir.keywords_of(name.letters, known) | others.get(name.uid, frozenset()), at
        )


def _read_keywords(folder: Path) -> tuple[dict[str, str], dict[int, frozenset[str]]]:
    """By letter, and by uid those that have none."""
    return (
        maildir.read_keywords(_read_lines(folder / maildir.KEYWORDS_FILE)),
        maildir.read_others(_read_lines(folder / maildir.OTHERS_FILE)),
    )


def _read_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DESCRIPTION).decode("utf-8", "replace").split("\n")
    except OSError:
        return []


def _with_crlf(octets: bytes) -> bytes:
    return octets if b"\r\n" in octets[:1000] else octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
