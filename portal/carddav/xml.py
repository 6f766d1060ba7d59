"""XML of WebDAV (RFC 4918): what programs ask, and answers.

A body is read as UTF-8 without a document type, so that there are no entities (CWE-776); names are `{namespace}name`, as
ElementTree writes them.  Answers are written as text: a book of 20,000 cards is one string for each.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.sax.saxutils import escape, quoteattr

DAV, CARD, SERVER = "DAV:", "urn:ietf:params:xml:ns:carddav", "http://calendarserver.org/ns/"
_PREFIXES = {DAV: "D", CARD: "C", SERVER: "S"}
_ROOT = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in _PREFIXES.items())
TYPE = "application/xml; charset=utf-8"
MAX_PROPERTIES = 200  # of one question
MAX_NAMES = 4000  # characters of their names: each card's answer says which of them it does not have

Properties = Mapping[str, Callable[[], str]]  # by name; what stands inside the element


class BadXml(Exception):
    """The body is no XML that is read here."""


def dav(name: str) -> str:
    return f"{{{DAV}}}{name}"


def card(name: str) -> str:
    return f"{{{CARD}}}{name}"


def server(name: str) -> str:
    return f"{{{SERVER}}}{name}"


def parse_body(octets: bytes) -> Element | None:
    """Parse the body of a request; None for an empty one.  Raises BadXml."""
    if not octets.strip():
        return None
    if b"<!" in octets.replace(b"<!--", b"").replace(b"<![CDATA[", b"") or b"\0" in octets:
        raise BadXml("document types are not read")
    parser = XMLParser(encoding="utf-8")  # noqa: S314 - there is no document type, so there are no entities
    try:
        # UTF-16, by its mark or by its zeros, would count for more than the encoding above, and "<!" look different
        parser.feed(octets.decode("utf-8-sig"))
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as problem:
        raise BadXml("not XML") from problem
    return root


@dataclass(frozen=True, slots=True)
class Wish:
    """Properties that a program asks for: `names`, or all, or the names alone."""

    names: tuple[str, ...] = ()
    all: bool = False
    only_names: bool = False
    ALL: ClassVar["Wish"]

    @classmethod
    def parse(cls, root: Element | None) -> "Wish":
        """Parse what stands in PROPFIND (RFC 4918 section 9.1) or in a report; nothing means all."""
        asked = None if root is None else root.find(dav("prop"))
        if asked is not None:
            return cls(cut_names(one.tag for one in asked))
        if root is not None and root.find(dav("propname")) is not None:
            return cls(only_names=True)
        return cls.ALL


Wish.ALL = Wish(all=True)


def cut_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once, as many as an answer repeats."""
    known = tuple(dict.fromkeys(names))[:MAX_PROPERTIES]
    ends = accumulate(map(len, known))
    return tuple(name for name, end in zip(known, ends, strict=True) if end <= MAX_NAMES)


def tag(name: str) -> tuple[str, str]:
    """Return how an element begins and how it ends."""
    namespace, _brace, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
    prefix = _PREFIXES.get(namespace)
    if prefix:
        return f"<{prefix}:{local}>", f"</{prefix}:{local}>"
    return f"<X:{local} xmlns:X={quoteattr(namespace or 'none')}>", f"</X:{local}>"


def element(name: str, *content: str) -> str:
    begin, end = tag(name)
    return f"{begin}{''.join(content)}{end}"


def text(value: str) -> str:
    return escape(value)


def href(path: str) -> str:
    return element(dav("href"), escape(path))


def document(name: str, *content: str) -> str:
    begin, end = tag(name)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{begin[:-1]}{_ROOT}>{"".join(content)}{end}\n'


def response(path: str, properties: Properties, wish: Wish) -> str:
    """Write the properties of one resource: those that it has, and those that it does not have."""
    if wish.only_names:
        return _response(path, [(200, "".join(element(name) for name in properties))])
    names = tuple(name for name in properties if name != card("address-data")) if wish.all else wish.names
    here = "".join(element(name, properties[name]()) for name in names if name in properties)
    missing = "".join(element(name) for name in names if name not in properties)
    found = [(200, here)] if here or not missing else []
    return _response(path, [*found, *([(404, missing)] if missing else ())])


def refuse(path: str, names: Iterable[str]) -> str:
    """Write that no property can be changed."""
    return _response(path, [(403, "".join(map(element, names)))])


def format_gone(path: str) -> str:
    """Write that a resource is not there."""
    return element(dav("response"), href(path), element(dav("status"), "HTTP/1.1 404 Not Found"))


def format_full(path: str) -> str:
    """Write that there is no room for more in this answer (RFC 4918 section 11.5)."""
    return element(dav("response"), href(path), element(dav("status"), "HTTP/1.1 507 Insufficient Storage"))


_STATUS = {200: "200 OK", 403: "403 Forbidden", 404: "404 Not Found"}


def _response(path: str, found: Iterable[tuple[int, str]]) -> str:
    stats = (
        element(dav("propstat"), element(dav("prop"), some), element(dav("status"), f"HTTP/1.1 {_STATUS[code]}"))
        for code, some in found
    )
    return element(dav("response"), href(path), *stats)
