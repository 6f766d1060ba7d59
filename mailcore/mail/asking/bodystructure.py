"""IMAP's BODY and BODYSTRUCTURE (RFC 9051 section 7.5.2), ready to be sent."""

from mailcore.mail.asking.envelope import serialize_envelope
from mailcore.mail.asking.nstring import string
from mailcore.mail.reading import header, parameters
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part


def _list(params: parameters.Raw) -> bytes:
    if not params:
        return b"NIL"
    return b"(" + b" ".join(string(_latin(name)) + b" " + string(value) for name, value in params) + b")"


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def serialize_body(octets: Octets, part: Part) -> bytes:
    """BODY: without extension data."""
    return _serialize(octets, part, extended=False)


def serialize_bodystructure(octets: Octets, part: Part) -> bytes:
    return _serialize(octets, part, extended=True)


def _serialize(octets: Octets, part: Part, *, extended: bool) -> bytes:
    wire = part.wire
    if part.is_numbered:
        words = [
            b"".join(_serialize(octets, child, extended=extended) for child in part.children),
            string(_latin(wire.subtype)),
        ]
        if extended:
            words += [_list(wire.params), *_tail(part)]
        return b"(" + b" ".join(words) + b")"
    words = [
        string(_latin(wire.type)),
        string(_latin(wire.subtype)),
        _list(wire.params),
        string(part.id),
        string(part.description),
        string(_latin(wire.encoding)),
        b"%d" % part.size,
    ]
    if part.is_message:
        inside = part.children[0]
        block = octets[inside.header_start : min(inside.body_start, inside.header_start + header.MAX_READ)]
        words += [
            serialize_envelope(header.fields(block)),
            _serialize(octets, inside, extended=extended),
            b"%d" % part.lines,
        ]
    elif wire.type.lower() == "text":
        words.append(b"%d" % part.lines)
    if extended:
        words += [string(part.md5), *_tail(part)]
    return b"(" + b" ".join(words) + b")"


def _tail(part: Part) -> list[bytes]:
    disposition = b"NIL"
    if part.wire.disposition:
        disposition = b"(" + string(_latin(part.wire.disposition[0])) + b" " + _list(part.wire.disposition[1]) + b")"
    language = b"NIL"
    if part.language:
        language = b"(" + b" ".join(string(_latin(word)) for word in part.language) + b")"
    return [disposition, language, string(part.location)]
