"""The message within a file: an attached one, what Outlook packed into winmail.dat, what S/MIME wrapped.

What cannot be opened is no error of ours and stays a file.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import format_datetime

from mailcore.mail.reading import rtf, structure, text, tnef
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.reading.tnef import PackedFile, PackedMessage
from mailcore.mail.showing import file_types, wrapped
from mailcore.mail.showing.files import safe_name
from mailcore.mail.showing.wrapped import MAX_OPENED, Opened
from mailcore.mail.writing import entities
from mailcore.mail.writing.fields_out import NameAddr, media_field, people_field, text_field, token_field

MESSAGE, TNEF, SIGNED = "message", "tnef", "signed"
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}")
MAX_TEXT = 2**20  # characters of RTF
_LOOKED_AT = 4096  # encoded octets that tell what a file is
_FIELD = re.compile(rb"[!-9;-~]{1,70}:")


def kind_of(octets: Octets, part: Part) -> str:
    """Say what a file can be opened as: MESSAGE, TNEF, SIGNED; "" if it cannot."""
    if _is_in_place(part):
        return MESSAGE
    kind, name = f"{part.type}/{part.subtype}", part.filename.strip().lower()
    if part.size > MAX_OPENED or part.type == "multipart":
        return ""
    if kind in ("application/ms-tnef", "application/vnd.ms-tnef") or name == "winmail.dat":
        return TNEF if tnef.is_tnef(text.transfer_decoded(octets, part, _LOOKED_AT)) else ""
    if wrapped.is_signed(octets, part):
        return SIGNED
    if name.endswith(".eml") or kind in ("message/rfc822", "message/global"):
        return MESSAGE if _FIELD.match(text.transfer_decoded(octets, part, _LOOKED_AT).lstrip()) else ""
    return ""


def _is_in_place(part: Part) -> bool:
    """Was an attached message read with the whole?  RFC 2046 section 5.2.1 forbids to encode one; some programs do."""
    return part.is_message and not part.encoding


def open_part(octets: Octets, part: Part) -> Opened | None:
    """Open a file; None if there is no message in it."""
    return open_as(kind_of(octets, part), octets, part)


def open_as(kind: str, octets: Octets, part: Part) -> Opened | None:
    """Open a file of which `kind_of` has said the kind; None if there is no message in it after all."""
    if _is_in_place(part):
        return Opened(octets, part.children[0])  # in its place: a large one is not copied
    if not kind:
        return None
    whole: bytes | None
    if kind == SIGNED:
        whole = wrapped.find_signed(octets, part)
    else:
        whole = text.transfer_decoded(octets, part)
        if kind == TNEF:
            packed = tnef.read_tnef(whole)
            whole = _as_message(packed) if packed else None
    return Opened(whole, structure.parse(whole)) if whole else None


def _as_message(packed: PackedMessage) -> bytes:
    """Write what was packed as MIME: then everything that reads messages reads it."""
    head = [text_field("Subject", packed.subject)]
    if "@" in packed.sender:
        head.append(people_field("From", [NameAddr(packed.sender, packed.sender_name)]))
    elif packed.sender_name:
        head.append(text_field("From", packed.sender_name))
    head += [text_field(name, value) for name, value in (("To", packed.to), ("Cc", packed.cc)) if value]
    if packed.sent_at:
        head.append(token_field("Date", format_datetime(packed.sent_at.astimezone(UTC))))
    texts: list[Iterable[bytes]] = [[entities.text(packed.text)]] if packed.text.strip() else []
    if packed.html.strip():
        texts.append([media_field("Content-Type", "text/html"), entities.encoded(packed.html)])
    if packed.rtf and not texts:
        words = rtf.read_rtf(packed.rtf, MAX_TEXT)
        texts = [[entities.text(words)]] if words else []
        texts.append(entities.file("message.rtf", "application/rtf", [packed.rtf]))
        return b"".join((*head, *entities.multipart([*texts, *map(_file, packed.files)])))
    parts = [entities.multipart(texts, "alternative")] if len(texts) > 1 else texts
    return b"".join((*head, *entities.multipart([*parts, *map(_file, packed.files)])))


def _file(packed: PackedFile) -> Iterator[bytes]:
    if _CONTENT_ID.fullmatch(packed.id):
        yield token_field("Content-ID", f"<{packed.id}>")
    yield from entities.file(packed_name(packed), _kind(packed), [bytes(packed.octets)])


def packed_name(packed: PackedFile) -> str:
    """Return the name of a file in winmail.dat; one of ours if it has none."""
    name = safe_name(packed.name.strip() or ("message" if packed.is_message else "file"))
    return name if "." in name else f"{name}.{file_types.ending(_kind(packed))}"


def _kind(packed: PackedFile) -> str:
    return "application/ms-tnef" if packed.is_message else packed.kind or "application/octet-stream"
