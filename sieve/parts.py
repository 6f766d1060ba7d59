"""The values of a header field: of the message, or of MIME parts (`:mime`, RFC 5703 section 4)."""

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote_to_bytes

from sieve.builder import Builder
from sieve.interpreter import State
from sieve.message import Part, every
from sieve.parser import ScriptError
from sieve.saying import Saying
from sieve.signature import Bound

Values = Callable[[State, str], Sequence[str]]
RawValues = Callable[[State, str], Sequence[bytes]]


def values_of(build: Builder, bound: Bound) -> Values:
    """The values of a field: of the message, or with `:mime` of the part or parts it asks for (section 4)."""
    if "mime" not in bound.tags:
        _refuse_options(bound)
        return lambda state, name: state.header(name)
    params = build.texts(bound.tag_strings("param") or (), bound.line)
    option = bound.one_of("type", "subtype", "contenttype", "param")
    any_child = "anychild" in bound.tags

    def values(state: State, name: str) -> Sequence[str]:
        found: list[str] = []
        for holder in _holders(state, any_child):
            for value in holder.header(name):
                found += [value] if option is None else _of(name.lower(), value, option, params(state))
        return found

    return values


def raw_values_of(bound: Bound) -> RawValues:
    """The same as they are written."""
    if "mime" not in bound.tags:
        _refuse_options(bound)
        return lambda state, name: state.raw_header(name)
    any_child = "anychild" in bound.tags
    return lambda state, name: [value for holder in _holders(state, any_child) for value in holder.raw_header(name)]


def _refuse_options(bound: Bound) -> None:
    for tag in ("anychild", "type", "subtype", "contenttype", "param"):
        if tag in bound.tags:
            raise ScriptError(bound.line, Saying("':%(tag)s' goes with ':mime'", tag=tag))


def _holders(state: State, any_child: bool) -> Iterator[State | Part]:
    """The parts whose header is asked; that of the whole message is what the script has made of it."""
    here = state.root() if state.part is None else state.part
    for part in every(here) if any_child else (here,):
        yield state if part.begin == 0 else part


_PARAM = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))')


def _of(field: str, value: str, option: str, params: Sequence[str]) -> list[str]:
    """A part of a structured value such as `text/plain; charset=utf-8`; of fields that have none, a blank (section 4.1)."""
    if option == "param":
        wanted = {name.lower() for name in params}
        return [text for name, text in parameters(value) if name in wanted]
    if field not in ("content-type", "content-disposition"):
        return [""]
    kind = value.partition(";")[0].strip()
    if option == "contenttype":
        return [kind]
    main, _, sub = kind.partition("/")
    if option == "type":
        return [main.strip()]
    return [sub.strip() if field == "content-type" else ""]


def parameters(value: str) -> list[tuple[str, str]]:
    """Names in lower case, values with the continuations and charsets of RFC 2231 put together."""
    plain: list[tuple[str, str]] = []
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for found in _PARAM.finditer(value):
        text = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
        name, star, rest = found[1].lower().partition("*")
        if not star:
            plain.append((name, text))
            continue
        number, encoded, _ = rest.partition("*")
        at = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
        pieces.setdefault(name, {})[at] = (text, bool(encoded) or not number)
    return plain + [(name, _joined(parts)) for name, parts in pieces.items()]


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    octets, charset = b"", "utf-8"
    for at, (text, encoded) in sorted(parts.items()):
        if encoded and at == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    try:
        return octets.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return octets.decode("latin-1")
