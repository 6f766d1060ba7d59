"""The files of a message as the portal shows and sends them; their names: mail/showing/files.py."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailboxNotFound
from mailcore.mail.judging import programs
from mailcore.mail.reading import structure, text
from mailcore.mail.reading.octets import Octets
from mailcore.mail.showing import body, files, protection
from mailcore.mail.writing import opening
from mailcore.services.webmail import inside, mail_actions

_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp"}  # what a browser may show by itself
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
_TEXT = "text/plain"
MAX_LISTED = 8 * 2**20  # octets of a winmail.dat, as sent, whose files are listed before it is opened
PEEK = 4096  # encoded octets that tell what a text looks like


@dataclass(frozen=True, slots=True)
class MailFile:
    """`number` counts the leaves of the message from 0; `size` in octets, decoded, about.

    `harmful`: opening a file of this kind may start a program, by its name or by what stands in it.  `opens` is the kind of
    message in it (mail/writing/opening.py), `packed` what stands in a winmail.dat; `purpose` as of mail/showing/protection.py.
    """

    number: int
    name: str
    type: str
    size: int
    harmful: bool = False
    may_show: bool = False
    opens: str = ""
    purpose: str = ""
    packed: tuple["MailFile", ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """`size` in octets, exactly; `may_show`: a browser may show it, anything else is saved."""

    name: str
    type: str
    size: int
    pieces: Iterator[bytes]
    may_show: bool


def _size(part: structure.Part) -> int:
    return part.size * 3 // 4 if part.encoding in ("base64", "uuencode") else part.size


def _kind(part: structure.Part) -> str:
    kind = f"{part.type}/{part.subtype}"
    return _ALIASES.get(kind, kind)


def list_files(octets: Octets, root: structure.Part | None = None) -> tuple[MailFile, ...]:
    """List the files of a message, and those in a winmail.dat of moderate size; what is in these is listed once opened."""
    listed = ((leaf, _listed(octets, number, leaf)) for number, leaf in body.read(octets, root).files)
    return tuple(replace(file, packed=_list_packed(octets, leaf, file.opens)) for leaf, file in listed)


def _listed(octets: Octets, number: int, leaf: structure.Part) -> MailFile:
    name, kind = files.name_of(leaf), _kind(leaf)
    is_program = number < programs.MAX_FILES and bool(programs.find_program(octets, leaf))
    may_show = (kind in _SHOWN or kind == _TEXT) and not is_program
    is_harmful = is_program or files.is_harmful(name)
    opens, purpose = opening.kind_of(octets, leaf), protection.purpose_of(leaf)
    return MailFile(number, name, kind, _size(leaf), is_harmful, may_show, opens, purpose)


def _list_packed(octets: Octets, leaf: structure.Part, opens: str) -> tuple[MailFile, ...]:
    """List the files in a winmail.dat under the numbers that they have once it is opened."""
    if leaf.size > MAX_LISTED or opens != opening.TNEF:
        return ()
    opened = opening.open_as(opens, octets, leaf)
    if opened is None:
        return ()
    return tuple(_listed(opened.octets, number, one) for number, one in body.read(opened.octets, opened.root).files)


def open_file(core: Core, account: AccountId, mailbox: str, uid: int, number: int, path: str = "") -> Download:
    """A file piece by piece, as it is sent; `path` is that of the message within, as in inside.py.

    Raises:
        MailboxNotFound: for what is not there.
    """
    opened = inside.open_inside(core, account, mailbox, uid, path)
    octets = opened.octets
    part = dict(body.read(octets, opened.root).files).get(number)
    if part is None:
        raise MailboxNotFound(f"file {number} of message {uid}")
    name, kind = files.name_of(part), _kind(part)
    if programs.find_program(octets, part):
        kind = "application/octet-stream"  # whatever its label says, it is saved and never opened
    size = sum(map(len, text.decoded_pieces(octets, part)))  # so that a browser shows how far it is, and notices a cut
    pieces = text.decoded_pieces(octets, part)
    if kind == _TEXT and not body.is_html_like(text.transfer_decoded(octets, part, PEEK)):
        charset = re.sub(r"[^A-Za-z0-9_.-]", "", (part.param("charset") or "utf-8"))[:40] or "utf-8"
        return Download(name, f"text/plain; charset={charset}", size, pieces, True)
    shown = kind in _SHOWN
    return Download(name, kind if shown else "application/octet-stream", size, pieces, shown)


def make_zip(core: Core, account: AccountId, mailbox: str, uid: int) -> Iterator[bytes]:
    """All files of a message as one zip, piece by piece.  Raises MailboxNotFound at once if there are none."""
    _, octets = mail_actions.open_message(core, account, mailbox, uid)
    found = body.read(octets).files
    if not found:
        raise MailboxNotFound(f"no files in message {uid}")
    return _zip(octets, found)


class _Pieces(io.RawIOBase):
    """A file that only grows; what was written is taken away piece by piece, so no zip stands in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # Any: whatever has octets
        self.waiting.append(bytes(data))
        return len(data)

    def take_octets(self) -> bytes:
        taken = b"".join(self.waiting)
        self.waiting.clear()
        return taken


def _zip(octets: Octets, found: tuple[tuple[int, structure.Part], ...]) -> Iterator[bytes]:
    pieces, names = _Pieces(), set[str]()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, leaf in found:
            name = files.name_of(leaf)
            if name.casefold() in names:  # some systems take A.txt and a.txt for one file
                name = next(one for free in count(number) if (one := f"{free}-{name}").casefold() not in names)
            names.add(name.casefold())
            with archive.open(zipfile.ZipInfo(name), "w") as target:
                for piece in text.decoded_pieces(octets, leaf):
                    target.write(piece)
                    yield pieces.take_octets()
    yield pieces.take_octets()
