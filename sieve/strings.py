"""Contents of strings: encoded characters (RFC 5228 section 2.4.2.4) and references to variables (RFC 5229 section 3).

Whatever is not quite one of them stays as it was written.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from sieve.limits import MAX_MATCH_VARIABLE, MAX_VARIABLE_NAME
from sieve.parser import ScriptError
from sieve.phrase import Phrase

_ENCODED = re.compile(
    r"\$\{(?:(?P<hex>hex):(?P<octets>\s*[0-9a-f]{1,2}(?:\s+[0-9a-f]{1,2})*\s*)"
    r"|(?P<unicode>unicode):(?P<points>\s*[0-9a-f]{1,12}(?:\s+[0-9a-f]{1,12})*\s*))\}",
    re.IGNORECASE | re.ASCII,
)
_REFERENCE = re.compile(r"\$\{([0-9]+|[a-z_]\w*(?:\.\w+)*)\}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """`${name}`, name in lower case, or `${1}`."""

    name: str
    number: int | None = None


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def variable_name(name: str, line: int) -> str:
    """The name of a variable in lower case (RFC 5229 section 3).  Raises ScriptError."""
    if not _NAME.fullmatch(name):
        raise ScriptError(line, Phrase("'%(name)s' is not a variable name; use letters, digits and _", name=name))
    if len(name) > MAX_VARIABLE_NAME:
        raise ScriptError(
            line, Phrase("'%(name)s' is longer than %(most)s characters", name=name, most=MAX_VARIABLE_NAME)
        )
    return name.lower()


def encode_url(text: str) -> str:
    """`:encodeurl` of `set` (RFC 5435 section 6)."""
    return quote(text, safe="-._~")


def decode(text: str, line: int) -> str:
    """`${hex: 24 40}` and `${unicode: 20AC}`."""

    def replaced(found: re.Match[str]) -> str:
        if found["hex"]:
            octets = bytes(int(octet, 16) for octet in found["octets"].split())
            return octets.decode("utf-8", "surrogateescape")
        points = [int(point, 16) for point in found["points"].split()]
        for point in points:
            if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
                raise ScriptError(
                    line, Phrase("%(point)s is not a Unicode character; write another number", point=format(point, "X"))
                )
        return "".join(map(chr, points))

    # Octets of one character may come from neighbouring ${hex:}, so they are joined at the end.
    decoded = _ENCODED.sub(replaced, text)
    return decoded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def references(text: str, line: int, namespaces: tuple[str, ...] = ()) -> tuple[str | Reference, ...]:
    """Cut a string into plain text and references.

    Raises:
        ScriptError: a namespace that no extension brings, or a number that is too high.
    """
    parts: list[str | Reference] = []
    at = 0
    for found in _REFERENCE.finditer(text):
        if found.start() > at:
            parts.append(text[at : found.start()])
        name = found[1].lower()
        if name.isdigit():
            number = int(name) if len(name) < 8 else MAX_MATCH_VARIABLE + 1
            if number > MAX_MATCH_VARIABLE:
                raise ScriptError(line, Phrase("match variables end with ${%(most)s}", most=MAX_MATCH_VARIABLE))
            parts.append(Reference(name, number))
        elif "." in name and name.partition(".")[0] not in namespaces:
            space = name.partition(".")[0]
            raise ScriptError(line, Phrase("nothing here brings variables named '%(space)s.'", space=space))
        else:
            parts.append(Reference(name))
        at = found.end()
    if at < len(text) or not parts:
        parts.append(text[at:])
    return tuple(parts)
