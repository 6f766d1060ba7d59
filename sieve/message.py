"""The message as a script may ask about it, and the addresses in a header (RFC 5322 section 3.4)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sieve.addrspec import quoted_local, unquoted_local

FIELD_NAME = re.compile(r"[!-9;-~]{1,200}", re.ASCII)  # RFC 5322 section 2.2
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # what no field holds (RFC 5322 section 2.2)
MAX_ADDRESS = 4096  # characters of one address with its display name
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: `raw` with its line end, `value` unfolded and decoded."""

    name: str
    value: str
    raw: bytes

    @property
    def raw_value(self) -> bytes:
        """The value on one line as it is written."""
        return _FOLD.sub(b"", self.raw.partition(b":")[2]).strip()


class Part(Protocol):
    """A MIME part (RFC 2045); the message itself is the root."""

    type: str  # in lower case, as subtype and the names of params
    subtype: str
    params: Mapping[str, str]
    children: Sequence["Part"]
    begin: int  # where its header begins in the message, and where its body ends
    end: int

    def header(self, name: str) -> list[str]: ...

    def raw_header(self, name: str) -> list[bytes]: ...

    def content(self) -> bytes:
        """Return the part without its transfer encoding; of a message within the message, its header."""
        ...

    def around(self) -> Sequence[str]:
        """Return the prologue and the epilogue of a multipart (RFC 5173 section 5.2)."""
        ...

    def text(self) -> str:
        """The content in its charset."""
        ...

    def is_readable(self) -> bool:
        """Is its transfer encoding a known one?"""
        ...


def every(part: Part) -> Iterator[Part]:
    """Depth first, the part itself before its children."""
    yield part
    for child in part.children:
        yield from every(child)


class MessageView(Protocol):
    """A message on its way to one recipient.  Every answer comes from memory or a quick look.

    Who implements it derives from it and overrides what it knows; the rest says "nothing of the kind".
    """

    size: int  # octets
    envelope_from: str  # MAIL FROM, "" for the null path
    envelope_to: str  # the RCPT TO this run is for
    envelope_auth: str = ""  # who submitted it
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)  # in the zone of the server

    def header(self, name: str) -> list[str]:
        """Every value of that field, unfolded and decoded; name in any case."""
        ...

    def raw_header(self, name: str) -> list[bytes]:
        """Return the values as they are written: addresses are read from that, and decoded afterwards (RFC 2047 section 6.2)."""
        ...

    def addresses(self, value: bytes) -> Sequence["Address"]:
        """The addresses of one value of a field, names, comments, groups and routes left out.

        What cannot be read is given back whole, so that `:all` still sees it (RFC 5228 section 5.1): of an empty field, "".
        """
        ...

    def structured(self, value: bytes) -> "Structured":
        """A value of a field with parameters, such as Content-Type."""
        ...

    def fields(self) -> Sequence[Field]:
        """The whole header, for those who change it."""
        return ()

    def root(self) -> Part:
        """The MIME structure."""
        ...

    def body(self) -> bytes | None:
        """Return all octets after the header; None if not even an empty line follows it."""
        return None

    def whole(self) -> bytes:
        """The message as it came."""
        ...

    def new_field(self, name: str, value: str) -> bytes:
        """A header field with its line end, encoded and folded; `value` is one line."""
        ...

    def new_text(self, text: str) -> bytes:
        """Text for people as a MIME entity, from its Content fields on."""
        ...

    def reread(self, octets: bytes) -> "MessageView":
        """Return this message as a script changed it, under the same envelope."""
        ...

    def environment(self, item: str) -> str | None:
        return None

    def mailbox_exists(self, name: str) -> bool:
        return False

    def mailbox_for(self, special_use: str) -> str | None:
        """The name of the mailbox with that special use (RFC 6154)."""
        return None

    def mailbox_with_id(self, identity: str) -> str | None:
        """The name of the mailbox with that id (RFC 8474)."""
        return None

    def metadata(self, mailbox: str, entry: str) -> str | None:
        """An annotation (RFC 5464); of the server where mailbox is ""."""
        return None

    def was_seen(self, key: str, seconds: int, last: bool) -> bool:
        """Was this key remembered within so many seconds (RFC 7352)?"""
        return False

    def list_exists(self, name: str) -> bool:
        return False

    def list_holds(self, name: str, value: str) -> bool:
        return False

    def list_members(self, name: str) -> Sequence[str]:
        """Addresses, for `redirect :list`."""
        return ()

    def envelope_option(self, name: str) -> str | None:
        """notify, orcpt, ret, envid of RFC 3461."""
        return None

    def spam_percent(self) -> float | None:
        """0 to 100, or None when nobody looked."""
        return None

    def virus_level(self) -> int:
        """RFC 5235 section 2.4: 0 not looked at, 1 clean ... 5 surely infected."""
        return 0


class Structured(NamedTuple):
    """A value with parameters (RFC 2045 section 5.1): the words before them, and names in lower case with their texts."""

    words: tuple[str, ...]
    params: tuple[tuple[str, str], ...]


class Address(NamedTuple):
    """local and domain, or only whole for something that is no address."""

    whole: str
    local: str | None
    domain: str | None


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|\[(?:[^\]\\]|\\.)*\]?|[<>,;:()]|\\.|\s+|[^\s"<>,;:()\[\\]+|.', re.DOTALL)
_LOCAL = r"""(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*")"""
_DOMAIN = r"(?:[\w](?:[\w\-]*[\w])?(?:\.[\w](?:[\w\-]*[\w])?)*|\[[^\s\[\]\\]+\])"
_ADDRESS = re.compile(f"({_LOCAL})@({_DOMAIN})")


def read_address(text: str) -> Address | None:
    """`local@domain` and nothing around it, or None."""
    found = _ADDRESS.fullmatch(text)
    if not found or len(text) > 320:
        return None
    local = found[1]
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    local = unquoted_local(local)
    return Address(f"{quoted_local(local)}@{found[2]}", local, found[2])


# Dots in odd places: some Japanese providers gave such names.
_ODD = re.compile(rf"[^\s\"(),:;<>@\[\]\\]+@{_DOMAIN}")
_SIGN = re.compile(r"([@.])")

_LISTED = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",]|")+?(?=,|$)')


def _closed_up(text: str) -> str:
    """Remove the white space that may stand around the signs of an address (RFC 5322 section 3.4.1)."""
    words = [word.strip() for word in _SIGN.split(text)] if "." in text or "@" in text else [text]
    return "".join(words)


def one_address(text: str) -> str:
    """`local@domain` of exactly one address, with or without a display name; "" if it is none or several.

    A local part is quoted only where it must be (RFC 5321 section 4.1.2).
    """
    if len(text) > MAX_ADDRESS or any(character in text for character in "\r\n\0"):
        return ""
    found = _every_address(text)
    if len(found) != 1:
        return ""
    whole, local, _ = found[0]
    if local is None:
        return whole if _ODD.fullmatch(whole) else ""
    return whole


def mailboxes(text: str) -> list[tuple[str, str]] | None:
    """Each address of a list as it is written and bare; None if one of them is none."""
    if any(character in text for character in "\r\n\0"):
        return None
    found = []
    for piece in _LISTED.findall(text):
        if piece.strip():
            address = one_address(piece.strip())
            if not address:
                return None
            found.append((piece.strip(), address))
    return found


def _every_address(value: str) -> list[Address]:
    found: list[Address] = []
    bare: list[str] = []
    angle: list[str] | None = None
    in_angle, depth = False, 0

    def end() -> None:
        nonlocal angle
        text = _closed_up("".join(bare if angle is None else angle).strip())
        if text or angle is not None:
            found.append((None if in_angle else read_address(text)) or Address(text, None, None))
        bare.clear()
        angle = None

    for piece in _PIECE.findall(value):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif in_angle:
            if piece == ">":
                in_angle = False
            elif piece == ":" and angle is not None:
                angle.clear()  # a route of RFC 5322 section 4.4
            elif angle is not None:
                angle.append(piece)
        elif piece == "<":
            angle, in_angle = [], True
        elif piece in ",;":
            end()
        elif piece == ":":
            bare.clear()  # the name of a group
        else:
            bare.append(piece)
    end()
    return found


ADDRESS_HEADERS = frozenset(
    """from to cc bcc sender resent-from resent-to reply-to resent-reply-to resent-sender resent-cc
    resent-bcc for-approval for-handling for-comment apparently-to errors-to delivered-to
    return-receipt-to return-path x-admin read-receipt-to x-confirm-reading-to mail-followup-to
    return-receipt-requested registered-mail-reply-requested-by mail-reply-to abuse-reports-to
    x-complaints-to x-report-abuse-to x-beenthere x-original-from x-original-to envelope-to
    disposition-notification-to x-forwarded-to x-forwarded-for x-envelope-to x-envelope-from
    """.split()  # noqa: SIM905 - a list of forty lines reads worse
)
