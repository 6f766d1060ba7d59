"""Signatures: the arguments that a command or test takes, and the error that helps if they are others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.tree import Argument, Command, SieveTest, Tag


class Kind(Enum):
    STRING = Phrase("a string")
    STRINGS = Phrase("a string list")
    NUMBER = Phrase("a number")


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
            return Kind.STRING.value
        case int():
            return Kind.NUMBER.value
        case tuple():
            return Kind.STRINGS.value


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
            known = ", ".join(":" + each for each in sorted(tags)) or Phrase("none")
            problem = Phrase("'%(name)s' does not know ':%(tag)s'; it knows %(known)s", name=name, tag=tag, known=known)
            raise ScriptError(line, problem)
        if spec.requires and spec.requires not in required:
            raise ScriptError(
                line, Phrase("':%(tag)s' needs: require \"%(requires)s\";", tag=tag, requires=spec.requires)
            )
        if plain:
            raise ScriptError(
                line, Phrase("put ':%(tag)s' before the other arguments of '%(name)s'", tag=tag, name=name)
            )
        if tag in found:
            raise ScriptError(line, Phrase("':%(tag)s' appears twice in '%(name)s'; leave one out", tag=tag, name=name))
        if spec.group and (other := groups.setdefault(spec.group, tag)) != tag:
            raise ScriptError(
                line, Phrase("':%(other)s' and ':%(tag)s' exclude each other; leave one out", other=other, tag=tag)
            )
        found[tag] = None
        if spec.value:
            value = next(rest, None)
            if value is None or not _fits(value, spec.value):
                raise ScriptError(line, Phrase("':%(tag)s' needs %(kind)s after it", tag=tag, kind=spec.value.value))
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
            problem = Phrase(
                "'%(name)s' needs %(kind)s as %(key)s, found %(found)s",
                name=name,
                kind=kind.value,
                key=Phrase(key),
                found=_shown(value),
            )
            raise ScriptError(line, problem)
        values[key] = value
    if len(plain) < len(wanted):
        key, kind = wanted[len(plain)]
        problem = Phrase(
            "'%(name)s' needs %(kind)s as %(key)s, and it is missing", name=name, kind=kind.value, key=Phrase(key)
        )
        raise ScriptError(line, problem)
    if len(plain) > len(wanted):
        extra = _shown(plain[len(wanted)])
        if not wanted:
            raise ScriptError(line, Phrase("'%(name)s' takes no arguments, found %(extra)s", name=name, extra=extra))
        number = Phrase("one argument") if len(wanted) == 1 else Phrase("%(number)s arguments", number=len(wanted))
        problem = Phrase("'%(name)s' takes %(number)s, found also %(extra)s", name=name, number=number, extra=extra)
        raise ScriptError(line, problem)
    return values


def _check_shape(item: Command | SieveTest, signature: Signature) -> None:
    name, line = item.name, item.line
    if signature.tests == 0 and item.tests:
        raise ScriptError(line, Phrase("'%(name)s' takes no test; is a ';' missing before it?", name=name))
    if signature.tests == 1 and len(item.tests) != 1:
        raise ScriptError(line, Phrase("'%(name)s' needs exactly one test; join more with allof or anyof", name=name))
    if signature.tests == MANY and not item.tests:
        raise ScriptError(line, Phrase("'%(name)s' needs tests in brackets: %(name)s (true, false)", name=name))
    if isinstance(item, Command):
        if signature.block and item.block is None:
            raise ScriptError(line, Phrase("'%(name)s' needs a block: { ... }", name=name))
        if not signature.block and item.block is not None:
            raise ScriptError(line, Phrase("'%(name)s' takes no block; end it with ';'", name=name))
