"""The values of a header field: of the message, or of MIME parts (`:mime`, RFC 5703 section 4)."""

from collections.abc import Callable, Iterator, Sequence

from sieve import limits
from sieve.builder import Builder
from sieve.interpreter import State
from sieve.message import Part, every
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound

Values = Callable[[State, str], Sequence[str]]
RawValues = Callable[[State, str], Sequence[bytes]]


MAX_HEADER = 65_536  # octets of a part's header, which is read anew for each question


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
            if option is None:
                found += holder.header(name)
                continue
            for value in holder.raw_header(name):
                state.spend(1 + len(value) // limits.READ_CHARACTERS)
                found += _of(state, name.lower(), value, option, params(state))
        return found

    return values


def raw_values_of(bound: Bound) -> RawValues:
    """Return the values as they are written, not decoded."""
    if "mime" not in bound.tags:
        _refuse_options(bound)
        return lambda state, name: state.raw_header(name)
    any_child = "anychild" in bound.tags
    return lambda state, name: [value for holder in _holders(state, any_child) for value in holder.raw_header(name)]


def _refuse_options(bound: Bound) -> None:
    for tag in ("anychild", "type", "subtype", "contenttype", "param"):
        if tag in bound.tags:
            raise ScriptError(bound.line, Phrase("':%(tag)s' goes with ':mime'", tag=tag))


def _holders(state: State, any_child: bool) -> Iterator[State | Part]:
    """The parts whose header is asked; that of the whole message is what the script has made of it."""
    here = state.root() if state.part is None else state.part
    for part in every(here) if any_child else (here,):
        state.spend(1 + min(part.end - part.begin, MAX_HEADER) // limits.STEP_CHARACTERS)
        yield state if part.begin == 0 else part


def _of(state: State, field: str, value: bytes, option: str, params: Sequence[str]) -> list[str]:
    """A part of a structured value such as `text/plain; charset=utf-8`; of fields that have none, a blank (section 4.1)."""
    read = state.message.structured(value)
    if option == "param":
        wanted = {name.lower() for name in params}
        return [text for name, text in read.params if name in wanted]
    words = {"content-type": read.words[:2], "content-disposition": read.words[:1]}.get(field, ())
    if option == "contenttype":
        return ["/".join(words)]
    place = 0 if option == "type" else 1
    return ["".join(words[place : place + 1])]
