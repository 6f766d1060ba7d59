"""The MIME structure of a message (RFC 2045, RFC 2046) and its IMAP forms (RFC 9051 section 7.5.2).

Any octets have a structure: what is broken becomes text/plain or an empty part, nothing is raised.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.mail import header
from mailcore.mail.envelope import serialize_envelope
from mailcore.mail.nstring import string
from mailcore.mail.octets import Octets, count

MAX_DEPTH, MAX_PARTS = 50, 1000
MAX_VALUE = 8192  # octets of a Content-Type or Content-Disposition that are read

_WORD = r"[^\s()<>@,;:\\\"/\[\]?=]+"
_TYPE = re.compile(rf"\s*({_WORD})\s*/\s*({_WORD})")
_PARAM = re.compile(rf';\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))')


@dataclass(frozen=True, slots=True)
class Part:
    """One body part.  Offsets are into the octets that were parsed; `lines` counts the body's line ends."""

    type: str
    subtype: str
    params: tuple[tuple[str, str], ...]
    id: bytes | None
    description: bytes | None
    encoding: str
    disposition: tuple[str, tuple[tuple[str, str], ...]] | None
    language: tuple[str, ...]
    location: bytes | None
    md5: bytes | None
    header_start: int
    body_start: int
    end: int
    lines: int
    children: tuple["Part", ...] = ()
    envelope: bytes = b""

    @property
    def size(self) -> int:
        return self.end - self.body_start

    @property
    def is_message(self) -> bool:
        return self.type == "message" and self.subtype in ("rfc822", "global") and bool(self.children)


def parse(octets: Octets) -> Part:
    """The structure of a whole message."""
    return _parse(octets, 0, len(octets), 0, [0], ("text", "plain"))


def _params(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (m[1].lower(), re.sub(r"\\(.)", r"\1", m[2]) if m[2] is not None else m[3]) for m in _PARAM.finditer(text)
    )


def _parse(octets: Octets, start: int, end: int, depth: int, made: list[int], default: tuple[str, str]) -> Part:
    made[0] += 1
    body = header.end(octets, start, end)
    block = octets[start : min(body, start + header.MAX_READ)]
    found: dict[str, bytes] = {}
    for name, value in header.fields(block):
        lower = name.lower()
        if lower.startswith("content-"):
            found.setdefault(lower, re.sub(rb"\r?\n[ \t]", b" ", value[:MAX_VALUE]).strip())
    written = found.get("content-type", b"").decode("latin-1")
    kind = _TYPE.match(written)
    type_, subtype = (kind[1].lower(), kind[2].lower()) if kind else default
    params = _params(written[kind.end() :]) if kind else ()
    if not kind and default == ("text", "plain"):
        params = (("charset", "us-ascii"),)
    children: tuple[Part, ...] = ()
    inner_envelope = b""
    room = depth < MAX_DEPTH and made[0] < MAX_PARTS
    if type_ == "multipart":
        boundary = dict(params).get("boundary", "")
        child_default = ("message", "rfc822") if subtype == "digest" else ("text", "plain")
        if boundary and room:
            children = tuple(
                _parse(octets, a, b, depth + 1, made, child_default)
                for a, b in _slices(octets, body, end, boundary.encode("latin-1", "replace"))
                if made[0] < MAX_PARTS
            )
        if not children:  # no boundary found: one empty part, as IMAP needs at least one
            children = (_empty(end),)
    elif type_ == "message" and subtype in ("rfc822", "global") and room:
        children = (_parse(octets, body, end, depth + 1, made, ("text", "plain")),)
        inner_envelope = serialize_envelope(octets[body : min(header.end(octets, body, end), body + header.MAX_READ)])
    return Part(
        type_, subtype, params, found.get("content-id"), found.get("content-description"),
        found.get("content-transfer-encoding", b"7bit").decode("latin-1").strip().lower() or "7bit",
        _disposition(found.get("content-disposition")),
        tuple(filter(None, (w.strip() for w in found.get("content-language", b"").decode("latin-1").split(",")))),
        found.get("content-location"), found.get("content-md5"), start, body, end,
        count(octets, b"\n", body, end) if type_ in ("text", "message") else 0, children, inner_envelope,
    )  # fmt: skip


def _empty(at: int) -> Part:
    plain = (("charset", "us-ascii"),)
    return Part("text", "plain", plain, None, None, "7bit", None, (), None, None, at, at, at, 0)


def _disposition(value: bytes | None) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    if not value:
        return None
    text = value.decode("latin-1")
    return text.partition(";")[0].strip().lower() or "attachment", _params(text)


def _slices(octets: Octets, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts between the boundary lines lie (RFC 2046 section 5.1.1); at most MAX_PARTS of them."""
    mark = b"--" + boundary
    found: list[tuple[int, int]] = []
    begin = -1
    at = octets.find(mark, start, end)
    while at >= 0 and len(found) < MAX_PARTS:
        after = at + len(mark)
        closing = octets[after : after + 2] == b"--"
        line_end = octets.find(b"\n", after, end)
        # RFC 2046 lets spaces follow; a line of megabytes is no boundary line and is not copied to find that out
        rest = octets[after : min(line_end if line_end >= 0 else end, after + MAX_VALUE)].strip()
        if (at == start or octets[at - 1 : at] == b"\n") and (not rest or closing):
            if begin >= 0:
                stop = at - 1 if at > begin else begin
                found.append((begin, stop - 1 if stop > begin and octets[stop - 1 : stop] == b"\r" else stop))
            if closing or line_end < 0:
                return found
            begin = line_end + 1
        at = octets.find(mark, after, end)
    if begin >= 0:
        found.append((begin, end))  # the closing boundary is missing
    return found


def section(part: Part, path: tuple[int, ...]) -> Part | None:
    """The part at `1.2.3` (RFC 9051 section 6.4.5.1).

    Numbers count the parts of a multipart.  A message whose body is not a multipart has the one part 1, and so
    has a message inside message/rfc822, whatever the type of that body.
    """
    here, is_container = part, True  # a whole message: its body is what is numbered
    for number in path:
        if not is_container and here.is_message:
            here, is_container = here.children[0], True
        if here.type == "multipart":
            if not 1 <= number <= len(here.children):
                return None
            here = here.children[number - 1]
        elif not is_container or number != 1:
            return None
        is_container = False
    return here


def extent(part: Part) -> tuple[int, int]:
    """How many parts there are, the message itself too, and how deep they stand within one another."""
    found = [extent(child) for child in part.children]
    return 1 + sum(count for count, _ in found), 1 + max((depth for _, depth in found), default=-1)


def leaves(part: Part) -> Iterator[Part]:
    """The parts that hold octets of their own, in their order; those inside message/rfc822 too."""
    if not part.children:
        yield part
    for child in part.children:
        yield from leaves(child)


def _list(params: tuple[tuple[str, str], ...]) -> bytes:
    if not params:
        return b"NIL"
    return b"(" + b" ".join(string(_latin(word)) for pair in params for word in pair) + b")"


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def serialize_body(part: Part) -> bytes:
    return _serialize(part, extended=False)


def serialize_bodystructure(part: Part) -> bytes:
    return _serialize(part, extended=True)


def _serialize(part: Part, *, extended: bool) -> bytes:
    if part.type == "multipart":
        words = [b"".join(_serialize(child, extended=extended) for child in part.children), string(_latin(part.subtype))]
        if extended:
            words += [_list(part.params), *_tail(part)]
        return b"(" + b" ".join(words) + b")"
    words = [
        string(_latin(part.type)), string(_latin(part.subtype)), _list(part.params), string(part.id),
        string(part.description), string(_latin(part.encoding)), b"%d" % part.size,
    ]  # fmt: skip
    if part.is_message:
        words += [part.envelope, _serialize(part.children[0], extended=extended), b"%d" % part.lines]
    elif part.type == "text":
        words.append(b"%d" % part.lines)
    if extended:
        words += [string(part.md5), *_tail(part)]
    return b"(" + b" ".join(words) + b")"


def _tail(part: Part) -> list[bytes]:
    disposition = b"NIL"
    if part.disposition:
        disposition = b"(" + string(_latin(part.disposition[0])) + b" " + _list(part.disposition[1]) + b")"
    language = b"NIL"
    if part.language:
        language = b"(" + b" ".join(string(_latin(word)) for word in part.language) + b")"
    return [disposition, language, string(part.location)]
