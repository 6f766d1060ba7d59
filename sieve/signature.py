"""Which arguments a command or test takes, and the error that helps when they are others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sieve.parser import ScriptError
from sieve.tree import Argument, Command, SieveTest, Tag

if TYPE_CHECKING:
    from sieve.builder import Builder
    from sieve.program import Check, Step


class Kind(Enum):
    STRING = "a string"
    STRINGS = "a string list"
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class TagSpec:
    """A tagged argument.

    Attributes:
        value: what must follow the tag, or None for a bare flag.
        group: at most one tag of a group may stand; "" for no group.
        requires: the extension that brings it; filled in when the tables are put together.
    """

    value: Kind | None = None
    group: str = ""
    requires: str = ""


MANY = -1


@dataclass(frozen=True, slots=True)
class Signature:
    """positional = name and kind, in order; tests = 0, 1 or MANY.

    Attributes:
        families: tag families it takes, such as "match", which extensions may enlarge.
        optional_last: so may the last one.
        optional_first: the first positional argument may be left out (RFC 5232 section 4).
    """

    positional: tuple[tuple[str, Kind], ...] = ()
    tags: Mapping[str, TagSpec] = field(default_factory=dict)
    tests: int = 0
    block: bool = False
    families: tuple[str, ...] = ()
    optional_first: bool = False
    optional_last: bool = False


@dataclass(frozen=True, slots=True)
class CommandDef:
    signature: Signature
    build: Callable[["Builder", "Bound"], "Step"]
    requires: str = ""


@dataclass(frozen=True, slots=True)
class TestDef:
    signature: Signature
    build: Callable[["Builder", "Bound"], "Check"]
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """One name for `require`, and all that it brings.

    Attributes:
        tags: for a command, a test or a tag family: tag name -> what it is.
        implies: is required with it; wants: must be required beside it.
    """

    name: str
    commands: Mapping[str, CommandDef] = field(default_factory=dict)
    tests: Mapping[str, TestDef] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, TagSpec]] = field(default_factory=dict)
    implies: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """Arguments that fit their signature."""

    name: str
    line: int
    tags: Mapping[str, Argument | None]
    values: Mapping[str, Argument]
    tests: tuple[SieveTest, ...]
    block: tuple[Command, ...] | None

    def one_of(self, *names: str) -> str | None:
        return next((name for name in names if name in self.tags), None)

    def string(self, name: str) -> str:
        value = self.values[name]
        return value if isinstance(value, str) else ""

    def strings(self, name: str) -> tuple[str, ...]:
        return _strings(self.values[name])

    def number(self, name: str) -> int:
        value = self.values[name]
        return value if isinstance(value, int) else 0

    def tag_string(self, name: str) -> str | None:
        value = self.tags.get(name)
        return value if isinstance(value, str) else None

    def tag_strings(self, name: str) -> tuple[str, ...] | None:
        value = self.tags.get(name)
        return None if value is None else _strings(value)

    def tag_number(self, name: str) -> int | None:
        value = self.tags.get(name)
        return value if isinstance(value, int) else None


def _strings(value: Argument) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str) else ()


def _fits(value: Argument, kind: Kind) -> bool:
    match kind:
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.STRINGS:
            return isinstance(value, str | tuple)
        case Kind.NUMBER:
            return isinstance(value, int)


def _shown(value: Argument) -> str:
    match value:
        case Tag(name):
            return f"':{name}'"
        case str():
            return "a string"
        case int():
            return "a number"
        case tuple():
            return "a string list"


def bind(
    item: Command | SieveTest,
    signature: Signature,
    tags: Mapping[str, TagSpec],
    required: frozenset[str],
) -> Bound:
    """Sort the arguments by name.

    Raises:
        ScriptError: for the first one that does not fit.
    """
    name, line = item.name, item.line
    found: dict[str, Argument | None] = {}
    groups: dict[str, str] = {}
    plain: list[Argument] = []
    rest = iter(item.arguments)
    for argument in rest:
        if not isinstance(argument, Tag):
            plain.append(argument)
            continue
        tag = argument.name
        spec = tags.get(tag)
        if spec is None:
            known = ", ".join(":" + each for each in sorted(tags)) or "none"
            raise ScriptError(line, f"'{name}' does not know ':{tag}'; it knows {known}")
        if spec.requires and spec.requires not in required:
            raise ScriptError(line, f"':{tag}' needs: require \"{spec.requires}\";")
        if plain:
            raise ScriptError(line, f"put ':{tag}' before the other arguments of '{name}'")
        if tag in found:
            raise ScriptError(line, f"':{tag}' stands twice in '{name}'; leave one out")
        if spec.group and (other := groups.setdefault(spec.group, tag)) != tag:
            raise ScriptError(line, f"':{other}' and ':{tag}' exclude each other; leave one out")
        found[tag] = None
        if spec.value:
            value = next(rest, None)
            if value is None or not _fits(value, spec.value):
                raise ScriptError(line, f"':{tag}' wants {spec.value.value} after it")
            found[tag] = value
    values = _positional(name, line, signature, plain)
    _check_shape(item, signature)
    return Bound(name, line, found, values, item.tests, getattr(item, "block", None))


def _positional(name: str, line: int, signature: Signature, plain: list[Argument]) -> dict[str, Argument]:
    wanted = signature.positional
    if signature.optional_first and len(plain) == len(wanted) - 1:
        wanted = wanted[1:]
    if signature.optional_last and len(plain) == len(wanted) - 1:
        wanted = wanted[:-1]
    values: dict[str, Argument] = {}
    for (key, kind), value in zip(wanted, plain, strict=False):
        if not _fits(value, kind):
            raise ScriptError(line, f"'{name}' wants {kind.value} as {key}, found {_shown(value)}")
        values[key] = value
    if len(plain) < len(wanted):
        key, kind = wanted[len(plain)]
        raise ScriptError(line, f"'{name}' wants {kind.value} as {key}, and it is missing")
    if len(plain) > len(wanted):
        extra = _shown(plain[len(wanted)])
        number = {0: "no arguments", 1: "one argument"}.get(len(wanted), f"{len(wanted)} arguments")
        raise ScriptError(line, f"'{name}' takes {number}; {extra} is too much")
    return values


def _check_shape(item: Command | SieveTest, signature: Signature) -> None:
    name, line = item.name, item.line
    if signature.tests == 0 and item.tests:
        raise ScriptError(line, f"'{name}' takes no test; is a ';' missing before it?")
    if signature.tests == 1 and len(item.tests) != 1:
        raise ScriptError(line, f"'{name}' wants exactly one test; join more with allof or anyof")
    if signature.tests == MANY and not item.tests:
        raise ScriptError(line, f"'{name}' wants tests in brackets: {name} (true, false)")
    if isinstance(item, Command):
        if signature.block and item.block is None:
            raise ScriptError(line, f"'{name}' wants a block: {{ ... }}")
        if not signature.block and item.block is not None:
            raise ScriptError(line, f"'{name}' takes no block; end it with ';'")
