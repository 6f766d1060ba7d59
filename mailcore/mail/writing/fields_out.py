"""Header fields as we write them: folded, ASCII, and safe whatever stands in a value.  Each function gives a whole field.

A field has a kind, and each kind its own rules: text and names are encoded (RFC 2047), addresses, identifiers and
parameters never are.  An identifier is never cut and never an encoded word, as nobody would know the message by it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailcore.mail.reading import address
from mailcore.mail.reading.lines import one_line
from mailcore.mail.writing.encoded_words import MOST_LINE, WIDTH, Folder, add_text

MOST_TEXT = 10_000  # characters of one value
MOST_SPEC = 900  # characters of one address, and of one identifier
MOST_IDS, MOST_IDS_OCTETS = 20, 4000
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_SPEC = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_LOCAL = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(?:\.[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*")
_QUOTED_LOCAL = re.compile(r'"(?:[^\x00-\x1f\x7f"\\]|\\[^\x00-\x1f\x7f])*"')
_HOST = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]+|\[[!-Z^-~]*\]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`{|}~-]+")  # RFC 2045 section 5.1, without what RFC 2231 gives a meaning
_QUOTABLE = re.compile(r"[]A-Za-z0-9 !#$&'()*+,./:=?@[^_`{|}~-]*")
_ID = re.compile(r"<([^<>]*)>")
_ONE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_ID_OCTETS = re.compile(r"[!-;=?-~]+")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """Somebody in From, To or Cc (RFC 5322 section 3.4): an address, and the name for people if there is one."""

    spec: str
    name: str = ""


def text_field(name: str, text: str) -> bytes:
    """Write unstructured text, as a Subject is."""
    text = one_line(text[:MOST_TEXT])
    if _fits(name, text) and "=?" not in text:
        return f"{name}: {text}\r\n".encode()
    folder = Folder(name)
    if text:
        add_text(folder, text)
    return folder.octets()


def _fits(name: str, text: str) -> bool:
    """May it stand as it is, on one line?  Most values may."""
    return 0 < len(text) <= WIDTH - 2 - len(name) and text.isascii()


def token_field(name: str, value: str) -> bytes:
    """Write a structured value of ours, in ASCII: folded between its words, and never encoded."""
    value = one_line(value[:MOST_TEXT])
    if _fits(name, value):
        return f"{name}: {value}\r\n".encode()
    folder = Folder(name)
    for word in value.encode("ascii", "replace").decode().split():
        folder.add(" " + word[:MOST_SPEC])
    return folder.octets()


def people_field(name: str, people: Iterable[NameAddr]) -> bytes:
    """Write addresses with their names; b"" where there is nobody who has an address."""
    return _people_field(name, tuple(people))


@lru_cache(maxsize=256)  # our own letters are from a few, and their copies go to the same people
def _people_field(name: str, people: tuple[NameAddr, ...]) -> bytes:
    if not people:
        return b""
    able = [(written, one.name) for one in people if (written := addr_spec(one.spec))]
    folder = Folder(name)
    for number, (spec, shown) in enumerate(able, 1):
        comma = "," if number < len(able) else ""
        if _add_phrase(folder, one_line(shown[:MOST_TEXT])):
            folder.add(f" <{spec}>{comma}")
        else:
            folder.add(f" {spec}{comma}")
    return folder.octets() if able else b""


def _add_phrase(folder: Folder, name: str) -> bool:
    """A display name (RFC 5322 section 3.2.5): atoms, a quoted string, or encoded words, which never stand in quotes."""
    if not name:
        return False
    name = re.sub(" +", " ", name)
    if not name.isascii() or "=?" in name or len(name) > WIDTH - 20:
        folder.add_encoded(name)
    elif _ATOM.fullmatch(name):
        for word in name.split(" "):
            folder.add(" " + word)
    else:
        folder.add(' "' + re.sub(r'(["\\])', r"\\\1", name) + '"')
    return True


def addr_spec(spec: str) -> str:
    """The address as a field has it: the domain as DNS knows it, the local part quoted if it must be.  "" if it is none.

    Letters beyond ASCII in a local part stay (RFC 6532): who has such an address is reached by SMTPUTF8 alone.
    """
    spec = spec.strip()
    if len(spec) <= MOST_SPEC and _PLAIN_SPEC.fullmatch(spec):
        return spec
    local, _, host = spec.rpartition("@")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return ""
    if not local or one_line(spec) != spec or not _HOST.fullmatch(host) or len(local) + len(host) > MOST_SPEC:
        return ""
    if not _LOCAL.fullmatch(local) and not _QUOTED_LOCAL.fullmatch(local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return f"{local}@{host}"


# Identifiers (RFC 5322 section 3.6.4)


def identifiers(value: str) -> list[str]:
    """The identifiers of a field, each in its brackets.  What cannot be written as one (other letters, no end) is left out.

    Blanks in one are folds that another program made in its middle; words that all have an @ lack their brackets.
    """
    if _ONE_ID.fullmatch(value):
        return [value]
    found = ["".join(inner.split()) for inner in _ID.findall(value)]
    if not found and all("@" in word for word in value.split()):
        found = [word.rstrip(",") for word in value.split()]
    return [f"<{one}>" for one in found if _ID_OCTETS.fullmatch(one) and len(one) <= MOST_SPEC]


def references(before: str, parent: str) -> tuple[str, ...]:
    """The conversation down to the message that is answered: its first identifier, and as many of the last as there is room for.

    Args:
        before: References of the message that is answered, or its In-Reply-To where it has none.
        parent: its Message-ID; nobody can refer to a message without one.
    """
    named = identifiers(parent)[:1]
    if not named:
        return ()
    every = [*(one for one in dict.fromkeys(identifiers(before)) if one != named[0]), *named]
    kept: list[str] = []
    room = MOST_IDS_OCTETS - sum(map(len, every[:1]))
    for one in reversed(every[1:]):
        room -= len(one)
        if kept and (room < 0 or len(kept) >= MOST_IDS - 1):
            break
        kept.append(one)
    return (*every[:1], *reversed(kept))


def ids_field(name: str, ids: Sequence[str]) -> bytes:
    """Identifiers, one after another, each whole on its line; b"" where there are none."""
    able = [one for written in ids for one in identifiers(written)]
    folder = Folder(name)
    for one in able:
        folder.add(" " + one)
    return folder.octets() if able else b""


# Media types and their parameters


def media_field(name: str, value: str, params: Mapping[str, str] | None = None) -> bytes:
    """Content-Type or Content-Disposition; parameters as RFC 2045, and as RFC 2231 where their value is not plain."""
    written = [piece for key, text in params.items() for piece in _parameter(key, one_line(text))] if params else []
    folder = Folder(name)
    folder.add(f" {value}" + (";" if written else ""))
    for number, piece in enumerate(written, 1):
        folder.add(f" {piece}" + (";" if number < len(written) else ""))
    return folder.octets()


def _parameter(key: str, text: str) -> list[str]:
    if _TOKEN.fullmatch(text) and len(text) < WIDTH:
        return [f"{key}={text}"]
    return [f'{key}="{text}"'] if is_plain(text) else _extended(key, text)


def is_plain(text: str) -> bool:
    """May it stand in quotes, so that every reader takes it?  Some end a quoted string at a semicolon, or decode it."""
    return bool(_QUOTABLE.fullmatch(text)) and "=?" not in text and len(text) < MOST_LINE // 2


def _extended(key: str, text: str) -> list[str]:
    """RFC 2231 section 4; in pieces (section 3) where it is longer than a line.  No piece ends inside a character."""
    chars = ["".join(chr(o) if o in _ATTRIBUTE else f"%{o:02X}" for o in char.encode()) for char in text]
    whole = f"{key}*=utf-8''{''.join(chars)}"
    if len(whole) <= WIDTH - 2:
        return [whole]
    found: list[str] = []
    piece = f"{key}*0*=utf-8''"
    for char in chars:
        if len(piece) + len(char) > WIDTH - 2:
            found.append(piece)
            piece = f"{key}*{len(found)}*="
        piece += char
    return [*found, piece]


_ATTRIBUTE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


# By name


_IDENTIFYING = frozenset(("message-id", "in-reply-to", "references", "content-id", "resent-message-id"))


def field(name: str, value: str) -> bytes:
    """Write a field that somebody else names, such as a script: an identifier's rules for identifiers, else text.

    b"" for what is no field's name.
    """
    if not _FIELD_NAME.fullmatch(name):
        return b""
    if name.lower() in _IDENTIFYING:
        return ids_field(name, [value])
    return text_field(name, value)


_OF_PEOPLE = frozenset(("from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-to", "resent-cc"))


def script_field(name: str, value: str) -> bytes:
    """A field that a script adds to somebody's message: ASCII as it is written, folded; else encoded as its kind allows."""
    value = one_line(value[:MOST_TEXT])
    if value.isascii() and not _UNFOLDABLE.search(value):
        folder = Folder(name)
        for word in _WORD.findall(f" {value}"):
            folder.add(word)
        return folder.octets()
    if name.lower() in _OF_PEOPLE:
        people = [NameAddr(one.spec, one.name) for one in address.parse(value)]
        if people and "" not in (addr_spec(one.spec) for one in people):
            return people_field(name, people)
    return text_field(name, value)


_WORD = re.compile(r"(?<! ) ++[^ ]++")
_UNFOLDABLE = re.compile(r" {20}|[^ ]{900}")
