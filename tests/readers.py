"""Messages as three readers see them: Python's `email`, fast-mail-parser (Rust, from PyPI) and our own."""

import binascii
import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass

import fast_mail_parser

from mailcore.mail.reading import address, header, structure
from mailcore.mail.showing import body, files


@dataclass(frozen=True)
class Seen:
    """A message as a reader sees it.  Addresses are (name, address); lines of the text end with LF."""

    subject: str
    author: tuple[str, str]
    to: tuple[tuple[str, str], ...]
    in_reply_to: str
    references: tuple[str, ...]
    text: str
    files: tuple[str, ...]


def _lined(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n")


def by_python(octets: bytes) -> Seen:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    fields = [message[name].addresses if message[name] else () for name in ("from", "to")]
    people = [[(a.display_name, a.addr_spec) for a in field] for field in fields]
    text = message.get_body(("plain",))
    return Seen(
        str(message["subject"] or ""),
        people[0][0],
        tuple(people[1]),
        str(message["in-reply-to"] or "").strip(),
        tuple(str(message["references"] or "").split()),
        _lined(text.get_content()) if text else "",
        tuple(part.get_filename() or "" for part in message.iter_attachments()) if message.is_multipart() else (),
    )


def by_rust(octets: bytes) -> Seen:
    message = fast_mail_parser.parse_email(octets)
    named = {name.lower(): values for name, values in message.headers.items()}
    return Seen(
        message.subject,
        (message.from_.display_name or "", message.from_.address),
        tuple((one.display_name or "", one.address) for one in message.to),
        " ".join(named.get("in-reply-to", [])),
        tuple(" ".join(named.get("references", [])).split()),
        _lined(message.text_plain[0]) if message.text_plain else "",
        tuple(one.filename for one in message.attachments if one.filename),
    )


def by_us(octets: bytes) -> Seen:
    root = structure.parse(octets)
    block = octets[: root.body_start]

    def people(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (header.decode((one.name or "").encode()), f"{one.localpart}@{one.host}")
            for value in header.raw_values(block, name)
            for one in address.parse(value)
        )

    def first(name: str) -> str:
        return next(iter(header.values(block, name)), "")

    return Seen(
        first("subject"),
        people("from")[0],
        people("to"),
        first("in-reply-to"),
        tuple(first("references").split()),
        _lined(body.readable(octets, root)),
        tuple(files.name_of(part) for _, part in body.read(octets, root).files),
    )


READERS: tuple[Callable[[bytes], Seen], ...] = (by_python, by_rust, by_us)
_ENCODED = re.compile(rb"=\?[^?\s]+\?[BbQq]\?[^?]*\?=")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")


def faults(octets: bytes, *, eight_bit: bool = False) -> list[str]:
    """List what is wrong with a message of ours, whatever it says."""
    found = []
    if not eight_bit and not octets.isascii():
        found.append("8-bit octets")
    if b"\0" in octets or re.search(rb"\r(?!\n)|(?<!\r)\n", octets):
        found.append("NUL, or a lone CR or LF")
    if max(map(len, octets.split(b"\r\n"))) > 998:
        found.append("a line above 998 octets")
    block = octets.partition(b"\r\n\r\n")[0]
    for field in _FIELD_END.split(block):
        name = field.partition(b":")[0].lower()
        if not re.fullmatch(rb"[!-9;-~]+", name):
            found.append(f"no field: {field!r}")
        if any(not line.strip() for line in field.split(b"\r\n")):
            found.append(f"a blank line within {name!r}")
        words = _ENCODED.findall(field)
        if any(len(word) > 75 for word in words):
            found.append(f"an encoded word above 75 characters in {name!r}")
        if words and max(map(len, field.split(b"\r\n"))) > 76:
            found.append(f"a line above 76 characters with an encoded word in {name!r}")
        if words and name in (b"from", b"to", b"cc", b"reply-to") and re.search(rb'"[^"]*=\?[^"]*"', field):
            found.append(f"an encoded word in quotes in {name!r}")
        if words and name in (b"message-id", b"in-reply-to", b"references", b"content-type", b"content-disposition"):
            found.append(f"an encoded word in {name!r}")
        found += [f"no text: {word!r}" for word in words if not _is_text(word)]
    return found


def _is_text(word: bytes) -> bool:
    """Does the encoded word hold whole characters?"""
    _, charset, kind, inner, _ = word.split(b"?", 4)
    octets = binascii.a2b_base64(inner) if kind in b"Bb" else binascii.a2b_qp(inner, header=True)
    try:
        octets.decode(charset.decode())
    except UnicodeDecodeError:
        return False
    return True


def text_of(octets: bytes) -> str:
    """Subject and text of one of our letters."""
    seen = by_python(octets)
    return f"Subject: {seen.subject}\n\n{seen.text}\n"
