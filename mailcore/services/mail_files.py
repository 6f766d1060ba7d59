"""The files that came with a message: their names made harmless, their octets decoded."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailboxNotFound
from mailcore.mail import header, structure, text
from mailcore.services.html_mail import is_file

_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp"}  # what a browser may show by itself
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class MailFile:
    """`number` counts the leaves of the message from 0; `size` in octets, decoded, about."""

    number: int
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class Download:
    """`may_show`: a browser may show it; anything else is saved."""

    name: str
    type: str
    octets: bytes
    may_show: bool


def safe_name(name: str) -> str:
    """Without paths, controls and marks that turn the reading direction: `gnp.exe` must not look like `exe.png`."""
    plain = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    plain = re.sub(r"[\\/:*?\"<>|]+", "_", plain).strip(" .")
    return plain[-MAX_NAME:] or "file"


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
    return f"file.{part.subtype if part.subtype.isalnum() else 'bin'}"


def _is_listed(part: structure.Part) -> bool:
    """All but the text that is shown."""
    return is_file(part) or part.type != "text" or part.subtype not in ("plain", "html")


def _files(root: structure.Part) -> list[tuple[int, structure.Part]]:
    return [(number, leaf) for number, leaf in enumerate(structure.leaves(root)) if _is_listed(leaf)]


def _size(part: structure.Part) -> int:
    return part.size * 3 // 4 if part.encoding == "base64" else part.size


def listing(octets: bytes) -> tuple[MailFile, ...]:
    return tuple(
        MailFile(number, _name(leaf), f"{leaf.type}/{leaf.subtype}", _size(leaf))
        for number, leaf in _files(structure.parse(octets))
    )


def all_octets(octets: bytes) -> list[tuple[str, bytes]]:
    """Name and decoded octets of every file of a message."""
    return [(_name(leaf), text.transfer_decoded(octets, leaf)) for _number, leaf in _files(structure.parse(octets))]


def download(core: Core, account: AccountId, mailbox: str, uid: int, number: int) -> Download:
    """Raises MailboxNotFound for what is not there."""
    box = core.db.read(lambda tx: core.mail.mailbox(tx, account, mailbox))
    octets = core.db.read(lambda tx: core.mail.octets(tx, box.id, uid))
    part = dict(_files(structure.parse(octets))).get(number)
    if not octets or part is None:
        raise MailboxNotFound(f"file {number} of message {uid}")
    kind = f"{part.type}/{part.subtype}"
    shown = kind in _SHOWN
    return Download(_name(part), kind if shown else "application/octet-stream", text.transfer_decoded(octets, part), shown)
