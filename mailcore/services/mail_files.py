"""The files that came with a message: their names made harmless, their octets decoded."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailboxNotFound
from mailcore.mail import body, header, structure, text
from mailcore.mail.octets import Octets
from mailcore.services import mail_actions

_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp"}  # what a browser may show by itself
MAX_NAME = 120
_TEXT = "text/plain"
# what Windows, macOS or a desktop starts, or what carries such a file unseen
_HARMFUL = frozenset(
    """ade adp apk app appx bat cab chm cmd com cpl dll dmg docm dotm exe hta htm html img ins iso jar js jse lnk mde msc
    msi msix mst one pif ps1 ps2 psc1 reg rgs scr sct shb shs svg sys url vb vbe vbs vhd vhdx ws wsc wsf wsh xhtml xll xlsm
    xltm""".split()  # noqa: SIM905
)
PEEK = 4096  # encoded octets that tell what a text looks like


@dataclass(frozen=True, slots=True)
class MailFile:
    """`number` counts the leaves of the message from 0; `size` in octets, decoded, about.

    `harmful`: opening a file of this kind may start a program.
    """

    number: int
    name: str
    type: str
    size: int
    harmful: bool = False
    may_show: bool = False


@dataclass(frozen=True, slots=True)
class Download:
    """`size` in octets, exactly; `may_show`: a browser may show it, anything else is saved."""

    name: str
    type: str
    size: int
    pieces: Iterator[bytes]
    may_show: bool


def safe_name(name: str) -> str:
    """Without paths, controls and marks that turn the reading direction: `gnp.exe` must not look like `exe.png`.

    Of several endings only a harmless last one may stand alone: `bill.pdf.exe` is `bill_pdf.exe`, which nobody whose
    system hides endings takes for a PDF.
    """
    plain = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    plain = re.sub(r"[\\/:*?\"<>|]+", "_", re.sub(r"\s+", " ", plain)).strip(" .")
    if is_harmful(plain):
        stem, _, ending = plain.rpartition(".")
        plain = f"{re.sub(r'[ .]+', '_', stem) or 'file'}.{ending}" if "." in stem or " ." in plain else plain
    return plain[-MAX_NAME:] or "file"


def is_harmful(name: str) -> bool:
    """May opening a file of this name start a program?"""
    return name.rpartition(".")[2].strip().lower() in _HARMFUL


def _name(part: structure.Part) -> str:
    params = dict(part.params) | dict(part.disposition[1] if part.disposition else ())
    for key in ("filename*", "name*"):  # RFC 2231 section 4
        if key in params and params[key].count("'") >= 2:
            charset, _, rest = params[key].split("'", 2)
            try:
                return safe_name(unquote(rest, encoding=charset or "utf-8", errors="replace"))
            except LookupError:
                return safe_name(unquote(rest))
    found = params.get("filename") or params.get("name") or ""
    if found:
        return safe_name(header.decode(found.encode("latin-1", "replace")))
    if (part.type, part.subtype) == ("message", "rfc822"):
        return "message.eml"
    return f"file.{part.subtype if part.subtype.isalnum() else 'bin'}"


def _size(part: structure.Part) -> int:
    return part.size * 3 // 4 if part.encoding == "base64" else part.size


def listing(octets: Octets, root: structure.Part | None = None) -> tuple[MailFile, ...]:
    return tuple(_listed(number, leaf) for number, leaf in body.files(root or structure.parse(octets)))


def _listed(number: int, leaf: structure.Part) -> MailFile:
    name, kind = _name(leaf), f"{leaf.type}/{leaf.subtype}"
    return MailFile(number, name, kind, _size(leaf), is_harmful(name), kind in _SHOWN or kind == _TEXT)


def all_octets(octets: bytes) -> list[tuple[str, bytes]]:
    """Name and decoded octets of every file of a message."""
    return [(_name(leaf), text.transfer_decoded(octets, leaf)) for _number, leaf in body.files(structure.parse(octets))]


def download(core: Core, account: AccountId, mailbox: str, uid: int, number: int) -> Download:
    """A file piece by piece, as it is sent.  Raises MailboxNotFound for what is not there."""
    _, octets = mail_actions.opened(core, account, mailbox, uid)
    part = dict(body.files(structure.parse(octets))).get(number)
    if part is None:
        raise MailboxNotFound(f"file {number} of message {uid}")
    name, kind = _name(part), f"{part.type}/{part.subtype}"
    size = sum(map(len, text.decoded_pieces(octets, part)))  # so that a browser shows how far it is, and notices a cut
    pieces = text.decoded_pieces(octets, part)
    if kind == _TEXT and not body.is_html_like(text.transfer_decoded(octets, part, PEEK)):
        charset = re.sub(r"[^\w.-]", "", dict(part.params).get("charset", "utf-8"))[:40] or "utf-8"
        return Download(name, f"text/plain; charset={charset}", size, pieces, True)
    shown = kind in _SHOWN
    return Download(name, kind if shown else "application/octet-stream", size, pieces, shown)


def as_zip(core: Core, account: AccountId, mailbox: str, uid: int) -> Iterator[bytes]:
    """All files of a message as one zip, piece by piece.  Raises MailboxNotFound at once if there are none."""
    _, octets = mail_actions.opened(core, account, mailbox, uid)
    found = body.files(structure.parse(octets))
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

    def take(self) -> bytes:
        taken = b"".join(self.waiting)
        self.waiting.clear()
        return taken


def _zip(octets: Octets, found: tuple[tuple[int, structure.Part], ...]) -> Iterator[bytes]:
    pieces, names = _Pieces(), set[str]()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, leaf in found:
            name = _name(leaf)
            name = name if name not in names else f"{number}-{name}"
            names.add(name)
            with archive.open(zipfile.ZipInfo(name), "w") as target:
                for piece in text.decoded_pieces(octets, leaf):
                    target.write(piece)
                    yield pieces.take()
    yield pieces.take()
