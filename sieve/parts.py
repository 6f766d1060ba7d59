"""The values of a header field: of the message, or of MIME parts (`:mime`, RFC 5703 section 4)."""

import re
from collections.abc import Callable, Sequence

from sieve.builder import Builder
from sieve.interpreter import State
from sieve.message import every
from sieve.parser import ScriptError
from sieve.signature import Bound

Values = Callable[[State, str], Sequence[str]]


def values_of(build: Builder, bound: Bound) -> Values:
    """The values of a field: of the message, or with `:mime` of the part or parts it asks for (section 4)."""
    if "mime" not in bound.tags:
        for tag in ("anychild", "type", "subtype", "contenttype", "param"):
            if tag in bound.tags:
                raise ScriptError(bound.line, f"':{tag}' goes with ':mime'")
        return lambda state, name: state.header(name)
    params = build.texts(bound.tag_strings("param") or (), bound.line)
    option = bound.one_of("type", "subtype", "contenttype", "param")
    any_child = "anychild" in bound.tags

    def values(state: State, name: str) -> Sequence[str]:
        here = state.message.root() if state.part is None else state.part
        found: list[str] = []
        for part in every(here) if any_child else (here,):
            for value in part.header(name):
                found += [value] if option is None else _of(value, option, params(state))
        return found

    return values


_PARAM = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))')


def _of(value: str, option: str, params: Sequence[str]) -> list[str]:
    """A part of a structured value such as `text/plain; charset=utf-8`."""
    kind = value.partition(";")[0].strip()
    match option:
        case "type":
            return [kind.partition("/")[0]]
        case "subtype":
            return [kind.partition("/")[2]] if "/" in kind else []
        case "contenttype":
            return [kind]
    wanted = {name.lower() for name in params}
    return [
        re.sub(r"\\(.)", r"\1", m[2]) if m[2] is not None else m[3]
        for m in _PARAM.finditer(value)
        if m[1].lower() in wanted
    ]
