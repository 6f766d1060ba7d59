"""Leave a mailing list: by one request (RFC 8058), by the mailto: address of List-Unsubscribe, else on its page.

RFC 2369 and RFC 6068 say how these are written.  Nothing is raised.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

from mailcore.mail.reading.charsets import decode_undeclared
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import one_line

ONE_PRESS = "List-Unsubscribe=One-Click"  # field and body (RFC 8058 section 3.1)
DEFAULT_SUBJECT = "unsubscribe"
MAX_VALUE = 10_000  # characters of a field that are read
MAX_SUBJECT, MAX_BODY = 400, 2000  # characters
MAX_URL = 2000  # characters
_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # ASCII without blanks, quotes and angle brackets
_SAFE = "!#$%&'()*+,/:;=?@[]~\"\\<>"  # also what makes an address suspect
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}")
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
            is_bare = _ADDRESS.fullmatch(url) and not url.lower().startswith("mailto:")
            if (url[:7].lower() == "mailto:" or is_bare) and (found := _of_mailto(url if is_bare else url[7:])):
                return found
    return None


@dataclass(frozen=True, slots=True)
class LeavingPage:
    """A page of others on which one leaves the list; `host` is told to the reader before anything is opened."""

    url: str
    host: str


def find_leaving_page(fields: Header) -> LeavingPage | None:
    """Find the first page by HTTPS, of a host with a plain name."""
    for value in fields.values("list-unsubscribe"):
        for url in _urls(value[:MAX_VALUE]):
            url = quote(url, safe=_SAFE)  # some have braces, bars or letters that should have been encoded
            host = _host_of(url)
            if host:
                return LeavingPage(url, host)
    return None


def find_one_press(fields: Header) -> LeavingPage | None:
    """Find the address that takes the request of RFC 8058; whether the fields are signed is for the caller to see.

    Each of the two fields must be there once: a signature covers the last of a name, and we would read the first.
    """
    posts, addresses = fields.values("list-unsubscribe-post"), fields.raw_values("list-unsubscribe")
    if len(posts) != 1 or len(addresses) != 1 or "".join(posts[0].split()).lower() != ONE_PRESS.lower():
        return None
    return find_leaving_page(fields)


def _host_of(url: str) -> str:
    """Return the host of an address that may be opened, else "": no name of a user hides it, no odd letter dresses it up."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme != "https" or len(url) > MAX_URL or not _URL.fullmatch(url) or "@" in parts.netloc:
        return ""
    host = (parts.hostname or "").rstrip(".")
    return host if _HOST.fullmatch(host) else ""


def _urls(value: str) -> Iterator[str]:
    """Yield texts in angle brackets, without folds (RFC 2369 section 2); if there are none, those between commas."""
    pieces = [piece.partition(">")[0] for piece in value.split("<")[1:]] or value.split(",")
    for piece in pieces:
        yield "".join(piece.split())


def _of_mailto(rest: str) -> Leaving | None:
    written, _, query = rest.removeprefix("//").partition("?")
    fields: dict[str, str] = {}
    for pair in query.replace("&amp;", "&").split("&"):
        name, _, value = pair.partition("=")
        fields.setdefault(name.lower(), _decoded(value))  # a plus is a plus here (RFC 6068 section 5)
    for one in (*written.split(","), *fields.get("to", "").split(",")):
        if _ADDRESS.fullmatch(address := _decoded(one)):
            subject = " ".join(one_line(fields.get("subject", "")).split())[:MAX_SUBJECT]
            return Leaving(address, subject or DEFAULT_SUBJECT, _text(fields.get("body", "")))
    return None


def _decoded(text: str) -> str:
    return decode_undeclared(unquote_to_bytes(text))


def _text(body: str) -> str:
    return "".join(c for c in body.replace("\r\n", "\n") if c >= " " or c == "\n")[:MAX_BODY]
