"""Mailboxes in zip files of other programs: mbox files under the names that these give them, folders of messages, Maildirs.

`Work.mbox` and Apple's `Work.mbox/mbox`; Thunderbird's `Work` beside `Work.msf`, with what is below it in `Work.sbd`;
`.eml` files of any program, Apple's `.emlx`; `cur` and `new` of a Maildir.  What is none of these is counted.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.mail.moving import maildir, mbox
from mailcore.mail.moving.mbox import Stored
from mailcore.mail.reading import header
from mailcore.services.transfer.mail_import import PIECE, suggest_mailbox
from mailcore.services.transfer.zip_reader import ZipReader

_MBOX, _LETTERS = (".mbox", ".mbx"), (".eml", ".emlx")
_MAILDIR = re.compile(r"(?:(.*)/)?(?:cur|new)/[^/]+")
_COUNTED = re.compile(
    rb"\s{0,10}(\d{1,10})[ \t]*\r?\n"
)  # Apple puts the length before a message, and a list of marks behind it
_MARKS = re.compile(rb"<key>flags</key>\s{0,20}<integer>(\d{1,18})</integer>")
_FLAGS = {0: "\\Seen", 2: "\\Answered", 4: "\\Flagged"}
_NO_MAIL = (".DS_Store", "/Thumbs.db", "/")


@dataclass(frozen=True, slots=True)
class ForeignBox:
    """A mailbox by its name there; `file` is its mbox file, or "" where `members` are its messages."""

    name: str
    file: str = ""
    members: tuple[str, ...] = ()


def list_boxes(archive: ZipReader) -> tuple[list[ForeignBox], int]:
    """List the mailboxes in a zip file of another program, and count the files that are none and hold none."""
    boxes: list[ForeignBox] = []
    folders: defaultdict[str, list[str]] = defaultdict(list)
    left_out = 0
    for path in archive.names:
        if path.endswith(_NO_MAIL) or "__MACOSX/" in path or path.rpartition("/")[2].startswith("._"):
            continue
        lower = path.lower()
        if lower.endswith(_MBOX):
            boxes.append(ForeignBox(suggest_mailbox(path), path))
        elif lower.endswith(".mbox/mbox"):
            boxes.append(ForeignBox(suggest_mailbox(path[: -len("/mbox")]), path))
        elif f"{path}.msf" in archive or (".sbd/" in path and "." not in path.rpartition("/")[2]):
            boxes.append(ForeignBox(_of_thunderbird(path), path))
        elif lower.endswith(_LETTERS):
            folders[path.rpartition("/")[0].removesuffix("/Messages")].append(path)
        elif found := _MAILDIR.fullmatch(path):
            folders[found[1] or ""].append(path)
        else:
            left_out += not lower.endswith((".msf", "/table_of_contents"))
    boxes += [ForeignBox(_of_folder(folder), members=tuple(members)) for folder, members in sorted(folders.items())]
    return boxes, left_out


def read_box(archive: ZipReader, box: ForeignBox, most: int) -> Iterator[Stored | None]:
    """Read the messages; None stands for one of more than `most` octets.  Raises NotMbox, and what a damaged file does."""
    if box.file:
        yield from mbox.read(archive.read(box.file, PIECE), most)
    for member in box.members:
        if archive.size(member) > most:
            yield None
            continue
        yield _letter(member, b"".join(archive.read(member, PIECE)))


def _letter(path: str, octets: bytes) -> Stored:
    flags: frozenset[str] = frozenset()
    at = None
    if path.lower().endswith(".emlx"):
        octets, flags = _of_apple(octets)
    elif not path.lower().endswith(_LETTERS):
        # Windows cannot write the colon of a Maildir's names
        name = maildir.read_name(re.sub(r"[;_!](2,[A-Za-z]*)\Z", r":\1", path.rpartition("/")[2]))
        flags, at = name.flags, name.at
    if b"\r\n" not in octets[:1000]:
        octets = octets.replace(b"\n", b"\r\n")
    return Stored(octets, flags, at or mbox.date_of(header.split(octets)[0]))


def _of_apple(octets: bytes) -> tuple[bytes, frozenset[str]]:
    counted = _COUNTED.match(octets)
    if counted is None:
        return octets, frozenset()
    end = counted.end() + int(counted[1])
    marks = _MARKS.search(octets, end)
    bits = int(marks[1]) if marks else 0
    return octets[counted.end() : end], frozenset(flag for bit, flag in _FLAGS.items() if bits >> bit & 1)


def _of_thunderbird(path: str) -> str:
    """Name `Mail/Local Folders/Work.sbd/2020` Work/2020."""
    levels = path.split("/")
    first = next((at for at, level in enumerate(levels) if level.endswith(".sbd")), len(levels) - 1)
    return "/".join(level.removesuffix(".sbd") for level in levels[first:])


def _of_folder(folder: str) -> str:
    """Name a folder of messages; `Maildir/.Sent.2020` is Sent/2020."""
    last = folder.rpartition("/")[2].removesuffix(".mbox")
    if last.startswith("."):
        return last[1:].replace(".", "/")
    return "INBOX" if last.lower() in ("maildir", "mail", "messages", "") else last
