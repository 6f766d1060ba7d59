"""Leave a mailing list by mail: the mailto: address of List-Unsubscribe (RFC 2369, RFC 6068).  Never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import one_line

DEFAULT_SUBJECT = "unsubscribe"
MAX_VALUE = 10_000  # characters of a field that are read
MAX_SUBJECT, MAX_BODY = 400, 2000  # characters
_ADDRESS = re.compile(r"[^\s<>,;:\"()]{1,256}@[^\s<>,;:\"()@]{1,255}")


@dataclass(frozen=True, slots=True)
class Leaving:
    """The message that takes one off the list."""

    address: str
    subject: str = DEFAULT_SUBJECT
    body: str = ""


def leaving(fields: Header) -> Leaving | None:
    """Find the first address that takes mail, with what it wants to hear."""
    for value in fields.values("list-unsubscribe"):
        for url in _urls(value[:MAX_VALUE]):
            if url[:7].lower() == "mailto:" and (found := _of_mailto(url[7:])):
                return found
    return None


def _urls(value: str) -> Iterator[str]:
    """Yield texts in angle brackets, without folds (RFC 2369 section 2); if there are none, those between commas."""
    pieces = [piece.partition(">")[0] for piece in value.split("<")[1:]] or value.split(",")
    for piece in pieces:
        yield "".join(piece.split())


def _of_mailto(rest: str) -> Leaving | None:
    written, _, query = rest.partition("?")
    fields: dict[str, str] = {}
    for pair in query.replace("&amp;", "&").split("&"):
        name, _, value = pair.partition("=")
        fields.setdefault(name.lower(), unquote(value))  # a plus is a plus here (RFC 6068 section 5)
    for one in (*written.split(","), *fields.get("to", "").split(",")):
        if _ADDRESS.fullmatch(address := unquote(one)):
            subject = " ".join(one_line(fields.get("subject", "")).split())[:MAX_SUBJECT]
            return Leaving(address, subject or DEFAULT_SUBJECT, _text(fields.get("body", "")))
    return None


def _text(body: str) -> str:
    return "".join(c for c in body.replace("\r\n", "\n") if c >= " " or c == "\n")[:MAX_BODY]
