"""set, string and the modifiers (RFC 5229).  Reading a variable stands in sieve.strings."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

from sieve.builder import Builder, CommandDef, Extension, TestDef
from sieve.interpreter import Check, State, Step
from sieve.regex import quoted
from sieve.signature import Bound, Kind, Signature, TagSpec
from sieve.strings import encode_url, variable_name

_WILDCARDS = str.maketrans({one: "\\" + one for one in "*?\\"})


def _quote_wildcard(text: str) -> str:
    return text.translate(_WILDCARDS)


def count_characters(text: str) -> str:
    return str(len(text))


# By falling precedence (section 4.1); two of one precedence exclude each other.
MODIFIERS: dict[str, tuple[int, Callable[[str], str]]] = {
    "lower": (40, str.lower),
    "upper": (40, str.upper),
    "lowerfirst": (30, lambda text: text[:1].lower() + text[1:]),
    "upperfirst": (30, lambda text: text[:1].upper() + text[1:]),
    "quotewildcard": (20, _quote_wildcard),
    "quoteregex": (20, quoted),
    "encodeurl": (15, encode_url),
    "length": (10, count_characters),
}


def limited(text: str, change: Callable[[str], str], most: int) -> str:
    """The changed text, cut to so many octets where it is too long; what one character became is never cut in two."""
    changed = change(text)
    if change not in _BY_CHARACTER or len(changed.encode("utf-8", "replace")) <= most:
        return changed
    fitting = (
        bisect_right(range(len(text)), most, key=lambda count: len(change(text[:count]).encode("utf-8", "replace"))) - 1
    )
    return change(text[:fitting])


CHANGED_CHARACTERS = 20  # so many cost one step
_BY_CHARACTER = (_quote_wildcard, quoted, encode_url)
_ELSEWHERE = ("quoteregex", "encodeurl")  # brought by regex and enotify


def change_text(state: State, text: str, modifiers: Iterable[Callable[[str], str]]) -> str:
    for change in modifiers:
        state.spend(1 if change is count_characters else 1 + len(text) // CHANGED_CHARACTERS)
        text = limited(text, change, state.options.max_variable_length)
    return text


def _set(build: Builder, bound: Bound) -> Step:
    name = bound.string("name").lower()
    plain = name.removeprefix("global.") if "include" in build.required else name
    variable_name(plain, bound.line)
    key = build.variable(name)
    value = build.text(bound.string("value"), bound.line)
    modifiers = [change for tag, (_, change) in MODIFIERS.items() if tag in bound.tags]

    return lambda state: state.assign(key, change_text(state, value(state), modifiers))


def _string(build: Builder, bound: Bound) -> Check:
    source = build.texts(bound.strings("source"), bound.line)
    matcher = build.matcher(bound, bound.strings("keys"))
    if bound.one_of("count"):  # empty strings do not count (section 5)
        return lambda state: matcher(state, [text for text in source(state) if text])
    return lambda state: matcher(state, source(state))


EXTENSION = Extension(
    "variables",
    commands={
        "set": CommandDef(
            Signature(
                (("name", Kind.STRING), ("value", Kind.STRING)),
                {tag: TagSpec(group=str(rank)) for tag, (rank, _) in MODIFIERS.items() if tag not in _ELSEWHERE},
            ),
            _set,
        )
    },
    tests={
        "string": TestDef(
            Signature((("source", Kind.STRINGS), ("keys", Kind.STRINGS)), families=("match",)),
            _string,
        )
    },
)
