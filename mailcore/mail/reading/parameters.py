"""Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2183, RFC 2231), as people send them.

Each value is read twice over: `raw` is what the grammar makes of it, for IMAP to tell; `params` is what the sender meant,
with continuations joined, percent signs and encoded words decoded, and unquoted names with blanks whole.
Linear in the octets and never raises.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from mailcore.mail.reading import charsets, header, words

MAX_VALUE = 32_768  # octets of one field that are read
MAX_PARAMETERS = 200
MAX_TEXT = 4096  # characters of a value, as text
_REMEMBERED = 300  # octets; most messages have the same few values

_TOKEN = re.compile(rb"[^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f]+")
_KEY = re.compile(rb"([^\s=;\"(),]{1,200})[ \t]*+=[ \t]*+")
_COLON = re.compile(rb"(?i)(name|filename|charset)[ \t]*+:[ \t]*+")  # for `=`, as some write
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)("?)', re.DOTALL)
_PLAIN = re.compile(rb"[^\s()<>@,;:\\\"/\[\]]*")  # "=" and "?" stand unquoted in many boundaries
_WORD = re.compile(rb"=[^;\s]*")  # an encoded word that nobody quoted: Dovecot tells it whole
_REST = re.compile(rb"[^; \t\"]*")  # of an unquoted value, also what should have been quoted
_UP_TO_NEXT = re.compile(rb"[^;\r\n]*")
_NEXT_KEY = re.compile(rb"[ \t](?=[A-Za-z][A-Za-z0-9*-]{1,30}=)")
_COMMENT_PART = re.compile(rb"[^()\\]+|\\.|[()\\]", re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_PAIR_MEANT = re.compile(rb"\\([\"\\])")  # nobody quotes a letter: `C:\plan.pdf` is a path
_SECTION = re.compile(r"(.+)\*([0-9]{1,3})(\*?)\Z", re.DOTALL)
_CLOSED = (b"", b" ", b"\t", b"\r", b"\n", b";", b",")  # what may stand behind a quoted string
_BEGUN_NAME = re.compile(rb"(?i)[ \t]*+(?:file)?name[*0-9]*+[ \t]*+=[ \t]*+[^\s\";(][^\";]*+")
_ENDS = re.compile(rb"[ \t]*+(?:;|\Z)")
_LENIENT = ("name", "filename", "boundary", "title")  # of which people leave the quotes out

Raw = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """`words` is what stands before the first semicolon, split at the slash; names in `raw` are as written.

    `params` has names in small letters and each name once: text of Unicode scalar values, of bounded length.
    """

    words: tuple[str, ...]
    raw: Raw
    params: tuple[tuple[str, str], ...]


def parse(value: bytes) -> Value:
    """Read a field's value, folds and all."""
    value = header.unfold(value[:MAX_VALUE])
    return _parse_remembered(value) if len(value) <= _REMEMBERED else _parse(value)


def _parse(value: bytes) -> Value:
    if b"(" in value:
        value = _without_comments(value)
    at, end, found = 0, len(value), []
    lead = value.partition(b";")[0]
    if not _KEY.match(lead.lstrip()):  # `filename=x` alone lacks its disposition
        found = [token.decode("latin-1") for token in _TOKEN.findall(lead)[:2]]
        slash = lead.find(b"/")
        first = _TOKEN.search(lead)
        if slash < 0 or not first or slash < first.start() or lead[first.end() : slash].strip():
            found = found[:1]
        at = _behind_type(lead, len(found))
        if not _KEY.search(lead, at):
            at = len(lead)
    wire: list[tuple[str, bytes]] = []
    meant: list[tuple[str, bytes]] = []
    while at < end and len(wire) < MAX_PARAMETERS:
        key = _KEY.match(value, at)
        meant_key = key or _COLON.match(value, at)
        if meant_key is None:
            at = _next_start(value, at)
            continue
        name = meant_key[1].decode("latin-1")
        raw, text, at = _value(value, meant_key.end(), name.lower())
        if key:
            wire.append((name, raw))
        meant.append((name.lower(), text))
    return Value(tuple(found), _joined_raw(tuple(wire)), _decoded(meant))


_parse_remembered = lru_cache(1024)(_parse)


def _behind_type(lead: bytes, count: int) -> int:
    """Return the offset at which parameters may begin: some forget the semicolon, or write a comma."""
    at = 0
    for _ in range(count):
        token = _TOKEN.search(lead, at)
        if token is None:
            break
        at = token.end()
    return at


def _next_start(value: bytes, at: int) -> int:
    """Return the next place at which a name may begin."""
    step = _TOKEN.match(value, at)
    if step:
        return step.end()
    if value[at : at + 1] == b'"':
        quoted = _QUOTED.match(value, at)
        return quoted.end() if quoted else at + 1
    return at + 1


def _value(value: bytes, at: int, name: str) -> tuple[bytes, bytes, int]:
    """Parse a value; return it as the grammar has it, as it is meant, and its end."""
    if value[at : at + 1] == b'"':
        quoted = _QUOTED.match(value, at)
        if quoted and quoted[2]:
            text = _PAIR.sub(rb"\1", quoted[1])
            end = _inner_quotes(value, quoted.end()) if name in _LENIENT else -1
            if end > 0:
                return text, value[at:end].strip(b'"'), end
            return text, _PAIR_MEANT.sub(rb"\1", quoted[1]), quoted.end()
        at += 1  # a quote that is never closed
        rest = _UP_TO_NEXT.match(value, at)
        text = rest[0].rstrip() if rest else b""
        return text, text, at + len(text)
    plain = _WORD.match(value, at) or _PLAIN.match(value, at)
    raw = plain[0] if plain else b""
    if name.partition("*")[0] not in _LENIENT:
        return raw, raw, _REST.match(value, at).end()  # type: ignore[union-attr]  # it matches anything
    rest = _UP_TO_NEXT.match(value, at)
    whole = rest[0] if rest else b""
    if cut := _NEXT_KEY.search(whole):
        whole = whole[: cut.start()]
    text = whole.rstrip(b' \t"')
    if name in ("name", "filename") and len(text) > 2 and text[:1] == text[-1:] == b"'":
        text = text[1:-1]
    return (text if name.startswith("boundary") else raw), text, at + len(whole)


def _inner_quotes(value: bytes, at: int) -> int:
    """Find the end of a name with quotes within its quotes (`"a "b".pdf"`), or -1: its first one is closed at `at`."""
    if value[at : at + 1] in _CLOSED or _KEY.match(value, at):
        return -1
    stop = value.find(b";", at)
    return value.rfind(b'"', at, stop if stop >= 0 else len(value)) + 1 or -1


def _without_comments(value: bytes) -> bytes:
    """Comments outside of quoted strings become a blank (RFC 5322 section 3.2.2); one without an end stays.

    Brackets within a file's name that should have been quoted stay, too.
    """
    out: list[bytes] = []
    at = 0
    while (start := _outside(value, at)) >= 0:
        depth, end = 0, -1
        for part in _COMMENT_PART.finditer(value, start):
            depth += {b"(": 1, b")": -1}.get(part[0], 0)
            if depth == 0:
                end = part.end()
                break
        if end < 0:
            break
        if _is_of_name(b"".join((*out, value[at:start])), value, end):
            out.append(value[at:end])
            at = end
            continue
        # after a `=` a comment stands before the value
        out += [value[at:start], b"" if value[:start].rstrip().endswith(b"=") else b" "]
        at = end
        if len(out) > 2 * MAX_PARAMETERS:
            break
    out.append(value[at:])
    return b"".join(out).strip()


def _is_of_name(before: bytes, value: bytes, end: int) -> bool:
    """Do the brackets up to `end` belong to a name: `report(1).pdf`, `report (1).pdf`, and not `report.pdf (draft)`?"""
    if _ENDS.match(value, end) and before[-1:] in (b" ", b"\t"):
        return False
    return bool(_BEGUN_NAME.fullmatch(before, before.rfind(b";") + 1))


_OUTSIDE = re.compile(rb'[^"(]*+(?:"(?:[^"\\]|\\.)*+"[^"(]*+)*+\(', re.DOTALL)


def _outside(value: bytes, at: int) -> int:
    """Return the next `(` that is not within quotes, or -1."""
    found = _OUTSIDE.match(value, at)
    return found.end() - 1 if found else -1


def is_token(text: str) -> bool:
    return bool(_TOKEN.fullmatch(text.encode("latin-1", "replace")))


def unquoted(octets: bytes) -> bytes:
    """An extended value's octets, whatever its charset."""
    return unquote_to_bytes(_charset(octets)[2])


def _sections(pairs: list[tuple[str, bytes]]) -> dict[str, list[tuple[int, bool, bytes]]]:
    """Return the numbered pieces of each name (RFC 2231 section 3): number, whether percent-encoded, octets."""
    found: dict[str, list[tuple[int, bool, bytes]]] = {}
    for name, octets in pairs:
        if piece := _SECTION.match(name):
            found.setdefault(piece[1], []).append((int(piece[2]), bool(piece[3]), octets))
    return {name: sorted(pieces, key=lambda piece: piece[0]) for name, pieces in found.items()}


def _is_whole(pieces: list[tuple[int, bool, bytes]]) -> bool:
    return [number for number, _, _ in pieces] == list(range(len(pieces)))


def _joined_raw(wire: Raw) -> Raw:
    """Join continuations as other servers do: `name*` if a piece is percent-encoded, else `name`."""
    if not any("*" in name for name, _ in wire):
        return wire
    pieces = _sections(list(wire))
    whole = {name: parts for name, parts in pieces.items() if _is_whole(parts)}
    out = [(name, octets) for name, octets in wire if not ((m := _SECTION.match(name)) and m[1] in whole)]
    for name, parts in whole.items():
        extended = any(encoded for _, encoded, _ in parts)
        out.append((name + "*" if extended else name, b"".join(octets for _, _, octets in parts)))
    return tuple(out)


def _decoded(pairs: list[tuple[str, bytes]]) -> tuple[tuple[str, str], ...]:
    """Return each name once: what is percent-encoded before what is not (RFC 6266 section 4.3 for the same choice)."""
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    for name, octets in pairs:
        if name.endswith("*") and not _SECTION.match(name):
            extended.setdefault(name[:-1], _extended(octets))
        elif "*" not in name:
            plain.setdefault(name, _bounded(words.decode(octets)))
    for name, pieces in _sections(pairs).items():
        if pieces[0][1]:
            charset, _, first = _charset(pieces[0][2])
            octets = unquote_to_bytes(first) + b"".join(_piece(*piece, charset) for piece in pieces[1:])
            extended.setdefault(name, _bounded(charsets.decode(octets, charset)))
        else:
            joined = b"".join(unquote_to_bytes(o) if e else o for _, e, o in pieces)
            extended.setdefault(name, _bounded(words.decode(joined)))
    return tuple((plain | extended).items())


def _piece(_number: int, is_encoded: bool, octets: bytes, charset: str) -> bytes:
    """Decode a piece behind the first, which alone should name the charset (RFC 2231 section 4.1); some name it in each."""
    again = _charset(octets)
    if is_encoded and charset and again[0].lower() == charset.lower():
        octets = again[2]
    return unquote_to_bytes(octets) if is_encoded else octets


def _charset(octets: bytes) -> tuple[str, str, bytes]:
    """Charset, language and the rest of an extended value (RFC 2231 section 4); no charset if it lacks its quotes."""
    pieces = octets.split(b"'", 2)
    if len(pieces) == 2 and charsets.is_known(pieces[0].decode("latin-1")):  # some write one quote
        return pieces[0].decode("latin-1"), "", pieces[1]
    if len(pieces) < 3:
        return "", "", octets
    return pieces[0].decode("latin-1"), pieces[1].decode("latin-1"), pieces[2]


def _extended(octets: bytes) -> str:
    charset, _, rest = _charset(octets)
    text = charsets.decode(unquote_to_bytes(rest), charset)
    if "=?" in text:  # some write an encoded word here
        text = words.decode(text.encode("utf-8", "replace"))
    return _bounded(text)


def _bounded(text: str) -> str:
    return text[:MAX_TEXT]
