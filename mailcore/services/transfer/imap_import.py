"""Mail fetched from an account on another IMAP server, with a forecast of the room it needs (N18).

Nothing is changed there: mailboxes are opened read-only and messages peeked at.  An import that was broken off is started again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import IMAPClient

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailError
from mailcore.mail.asking.keywords import is_keyword
from mailcore.mail.moving.mbox import Stored
from mailcore.services.transfer import mail_import
from mailcore.services.transfer.imap_connection import Server, open_connection
from mailcore.services.transfer.mail_import import Importer, Progress, Report
from mailcore.store.mail.flags import BY_LOWER
from mailcore.store.mail.mailboxes import MAX_MAILBOXES

FETCH_OCTETS = 8 * 2**20  # asked for at once, unless one message is larger
_SPECIAL = {
    b"\\drafts": "\\Drafts",
    b"\\sent": "\\Sent",
    b"\\junk": "\\Junk",
    b"\\trash": "\\Trash",
    b"\\archive": "\\Archive",
}
_DOUBLED = {
    b"\\noselect",
    b"\\nonexistent",
    b"\\all",
    b"\\flagged",
    b"\\important",
}  # what they hold stands elsewhere, too


@dataclass(frozen=True, slots=True)
class Folder:
    """A mailbox there: its name on the wire, its name here, its special use."""

    there: str
    name: str
    special_use: str
    messages: int
    octets: int


def list_folders(server: Server) -> list[Folder]:
    """List the folders that can be fetched.  Raises ImportRefused."""
    with open_connection(server) as client:
        return _list_folders(client)


def fetch_folder(
    client: IMAPClient, there: str, after: Callable[[int], int], limit: int
) -> Iterator[tuple[int, Stored | None]]:
    """Fetch the messages of a folder in the order of their uids; None for one above the limit.

    Args:
        after: tells from the folder's UIDVALIDITY behind which uid to begin.
    """
    opened = client.select_folder(there, readonly=True)
    first = after(int(opened.get(b"UIDVALIDITY", 0)))
    yield from _fetch_sized(client, [(uid, size) for uid, size in _list_sizes(client) if uid > first], limit)


def import_mail(core: Core, account: AccountId, server: Server, progress: Progress = lambda report: None) -> Report:
    """Import all mail of all mailboxes; a full mailbox ends it.  Raises ImportRefused."""
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        with open_connection(server) as client:
            for folder in _list_folders(client):
                try:
                    box = importer.mailbox(mail_import.tidy_name(folder.name), folder.special_use)
                except MailError as problem:
                    importer.note(f"{folder.name}: {problem}")
                    continue
                for message in _fetch_messages(client, folder, core.config.message_octets):
                    importer.add(box, message)
                    yield

    return mail_import.finish_import(core, account, importer, f"IMAP {server.host}", work())


def _list_folders(client: IMAPClient) -> list[Folder]:
    folders: list[Folder] = []
    for flags, delimiter, name in client.list_folders():
        lower = {flag.lower() for flag in flags}
        if lower & _DOUBLED:
            continue
        if len(folders) >= MAX_MAILBOXES:
            break  # no account here may have more
        special = next((_SPECIAL[flag] for flag in lower if flag in _SPECIAL), "")
        separator = delimiter.decode() if isinstance(delimiter, bytes) else delimiter or "/"
        here = name.replace("/", "-").replace(separator, "/") if separator != "/" else name
        client.select_folder(name, readonly=True)
        sizes = _list_sizes(client)
        folders.append(Folder(name, here, special, len(sizes), sum(size for _, size in sizes)))
    return folders


def _list_sizes(client: IMAPClient) -> list[tuple[int, int]]:
    """List uid and octets of all messages of the mailbox that is open."""
    uids = client.search(["ALL"])
    sizes: list[tuple[int, int]] = []
    for start in range(0, len(uids), 5000):
        answers = client.fetch(uids[start : start + 5000], ["RFC822.SIZE"])
        sizes += ((uid, int(answer[b"RFC822.SIZE"])) for uid, answer in answers.items() if b"RFC822.SIZE" in answer)
    return sorted(sizes)


def _fetch_messages(client: IMAPClient, folder: Folder, limit: int) -> Iterator[Stored | None]:
    client.select_folder(folder.there, readonly=True)
    for _uid, message in _fetch_sized(client, _list_sizes(client), limit):
        yield message


def _fetch_sized(
    client: IMAPClient, sizes: Sequence[tuple[int, int]], limit: int
) -> Iterator[tuple[int, Stored | None]]:
    """Fetch messages of the mailbox that is open, with their uids; what went away meanwhile is left out."""
    for uids in _group_uids(sizes, limit):
        if isinstance(uids, int):
            yield uids, None
            continue
        for uid, answer in sorted(_fetch(client, uids).items()):
            octets = answer.get(b"BODY[]")
            if octets is not None:
                yield (
                    uid,
                    Stored(
                        bytes(octets),
                        _convert_flags(answer.get(b"FLAGS", ())),
                        _convert_date(answer.get(b"INTERNALDATE")),
                    ),
                )


def _fetch(client: IMAPClient, uids: list[int]) -> dict[int, dict[bytes, Any]]:  # Any: as imapclient has it
    try:
        answers = client.fetch(uids, ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"])
    except ValueError:  # a date that is none; the message's own will do
        answers = client.fetch(uids, ["BODY.PEEK[]", "FLAGS"])
    return dict(answers)


def _group_uids(sizes: Sequence[tuple[int, int]], limit: int) -> Iterator[list[int] | int]:
    """Group the uids that are fetched together; a single one is of a message above the limit, which is not fetched at all."""
    group: list[int] = []
    octets = 0
    for uid, size in sizes:
        if size > limit:
            yield uid
            continue
        if group and octets + size > FETCH_OCTETS:
            yield group
            group, octets = [], 0
        group.append(uid)
        octets += size
    if group:
        yield group


def _convert_flags(flags: Sequence[bytes]) -> frozenset[str]:
    """Return system flags, and keywords that may be saved here."""
    words = (flag.decode("ascii", "replace") for flag in flags)
    return frozenset(word for word in words if word.lower() in BY_LOWER or is_keyword(word))


def _convert_date(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
