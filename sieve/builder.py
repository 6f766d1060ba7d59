"""Tree to closures.  Collects every problem it meets, so that an author sees them all at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sieve import limits, matchers, regex
from sieve.interpreter import Check, Matcher, State, Step, Text, Texts
from sieve.match import COMPARATORS, DEFAULT, FOLDS, FREE, NUMERIC, OCTET
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Signature, TagSpec, bind
from sieve.strings import Reference, decode, references
from sieve.tree import Command, SieveTest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CommandDef:
    """A command: its arguments, and how its step is built of them."""

    signature: Signature
    build: Callable[["Builder", Bound], Step]
    requires: str = ""


@dataclass(frozen=True, slots=True)
class TestDef:
    """A test: its arguments, and how its check is built of them."""

    signature: Signature
    build: Callable[["Builder", Bound], Check]
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """A name for `require`, and all that it brings.

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
class Tables:
    """Everything the language knows, base and extensions together."""

    commands: Mapping[str, CommandDef]
    tests: Mapping[str, TestDef]
    tags: Mapping[str, Mapping[str, TagSpec]]
    known: Mapping[str, Mapping[str, TagSpec]]  # by command or test: its own tags and those of its families


def _never(state: State) -> None:
    """Stand in for a command that has a problem; such a program is not handed out."""


def NEVER(_state: State) -> bool:  # noqa: N802 - a constant: known to be false before any message comes
    """The test that is false at compile time; what it guards need not even be valid (RFC 5463 section 4)."""
    return False


Include = Callable[[str, str, int, bool, bool], Step | None]  # place, name, line, optional, once


class Builder:
    """Builds one script.

    Attributes:
        known: every extension, and what it implies.
        globals: variables that this script shares (RFC 6609 section 3.4).
        locals: variables that it has used before as its own.
        required: what `require` named, with all that it implies.
        errors: in the order of the script.
    """

    def __init__(
        self,
        tables: Tables,
        required: frozenset[str],
        known: Mapping[str, tuple[str, ...]],
        include: Include,
        count_pattern: Callable[[int], None],
        options: limits.Options,
    ) -> None:
        self._tables, self._include, self._count_pattern = tables, include, count_pattern
        self.required = required
        self.known, self.options = known, options
        self.errors: list[ScriptError] = []
        self.globals: set[str] = set()
        self.locals: set[str] = set()
        self.loops: list[str] = []  # names of the foreverypart around, "" for one without

    def require(self, names: Iterable[str]) -> None:
        """Treat these extensions, named by a true `ihave`, as required from there on."""
        self.required |= {other for name in names for other in (name, *self.known[name])}

    def variable(self, name: str) -> str:
        """Return the name under which a run keeps a variable: `global.x` for one that this script declared global."""
        if name in self.globals:
            return f"global.{name}"
        self.locals.add(name)
        return name

    def included(self, place: str, name: str, line: int, *, optional: bool, once: bool) -> Step | None:
        """Build another script as one step; None for one that is missing or already runs, where that is allowed."""
        return self._include(place, name, line, optional, once)

    # Commands and tests

    def block(self, commands: Iterable[Command]) -> Step:
        """Build one step of a whole block; `elsif` and `else` are joined to their `if`."""
        steps: list[tuple[int, Step]] = []
        chain: list[tuple[Check, Step]] | None = None
        for command in commands:
            if len(self.errors) >= limits.MAX_ERRORS:  # no more of them are shown
                break
            if command.broken:
                chain = [] if command.name in ("if", "elsif") else chain
                continue
            if command.name in ("if", "elsif", "else"):
                if command.name == "if":
                    chain = []
                    steps.append((command.line, _choice(chain)))
                elif chain is None:
                    self._note(command, Phrase("'%(name)s' follows no 'if'", name=command.name))
                    continue
                branch = self._branch(command)
                if branch and chain is not None:
                    chain.append(branch)
                if command.name == "else":
                    chain = None
                continue
            chain = None
            steps.append((command.line, self._step(command)))
        return _sequence(tuple(steps))

    def _branch(self, command: Command) -> tuple[Check, Step] | None:
        bound = self._bound(command, self._tables.commands[command.name])
        if bound is None:
            return None
        check = self.check(bound.tests[0]) if bound.tests else _true
        if check is NEVER:
            return None
        return check, self.block(bound.block or ())

    def _step(self, command: Command) -> Step:
        definition = self._tables.commands.get(command.name)
        if definition is None:
            kind = Phrase("test, not a command") if command.name in self._tables.tests else Phrase("unknown command")
            self._note(command, Phrase("'%(name)s': %(kind)s", name=command.name, kind=kind))
            return _never
        bound = self._bound(command, definition)
        if bound is None:
            return _never
        try:
            return definition.build(self, bound)
        except ScriptError as error:
            self._add(error, command)
            return _never

    def check(self, test: SieveTest) -> Check:
        if len(self.errors) >= limits.MAX_ERRORS:
            return NEVER
        definition = self._tables.tests.get(test.name)
        if definition is None:
            kind = Phrase("command, not a test") if test.name in self._tables.commands else Phrase("unknown test")
            self._note(test, Phrase("'%(name)s': %(kind)s", name=test.name, kind=kind))
            return NEVER
        bound = self._bound(test, definition)
        if bound is None:
            return NEVER
        try:
            return definition.build(self, bound)
        except ScriptError as error:
            self._add(error, test)
            return NEVER

    def _bound(self, item: Command | SieveTest, definition: CommandDef | TestDef) -> Bound | None:
        if definition.requires and definition.requires not in self.required:
            self._note(
                item,
                Phrase("'%(name)s' needs: require \"%(requires)s\";", name=item.name, requires=definition.requires),
            )
            return None
        try:
            return bind(item, definition.signature, self._tables.known[item.name], self.required)
        except ScriptError as error:
            self._add(error, item)
            return None

    def _add(self, error: ScriptError, item: Command | SieveTest) -> None:
        error.column = error.column or item.column
        self.errors.append(error)

    def _note(self, item: Command | SieveTest, problem: str) -> None:
        self.errors.append(ScriptError(item.line, problem, item.column))

    # Strings

    def parts(self, value: str, line: int) -> tuple[str | Reference, ...]:
        if "${" in value:
            if "encoded-character" in self.required:
                value = decode(value, line)
            if "variables" in self.required:
                spaces = ("global",) if "include" in self.required else ()
                return tuple(
                    part if isinstance(part, str) or part.number is not None else Reference(self.variable(part.name))
                    for part in references(value, line, spaces)
                )
        return (value,)

    def constant(self, value: str, line: int) -> str | None:
        """Return the string if it is the same in every run."""
        parts = self.parts(value, line)
        return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else None

    def text(self, value: str, line: int) -> Text:
        parts = self.parts(value, line)
        fixed = parts[0]
        if len(parts) == 1 and isinstance(fixed, str):
            return _same(fixed, len(fixed) // limits.STEP_CHARACTERS)
        return lambda state: _expanded(state, parts)

    def texts(self, values: Iterable[str], line: int) -> Texts:
        values = tuple(values)
        fixed = tuple(self.constant(value, line) for value in values)
        known = tuple(value for value in fixed if value is not None)
        if len(known) == len(fixed):
            return _same(known, len(known) - 1 + sum(map(len, known)) // limits.STEP_CHARACTERS)
        each = tuple(self.text(value, line) for value in values)

        def expanded(state: State) -> tuple[str, ...]:
            state.spend(len(each))
            return tuple(text(state) for text in each)

        return expanded

    # Matching

    def matcher(self, bound: Bound, keys: tuple[str, ...]) -> Matcher:
        """Compare a list of values with the keys, as the tags of the test say (RFC 5228 2.7)."""
        comparator = bound.tag_string("comparator") or DEFAULT
        if comparator not in COMPARATORS:
            problem = Phrase(
                "unknown comparator '%(comparator)s'; known: %(known)s",
                comparator=comparator,
                known=", ".join(COMPARATORS),
            )
            raise ScriptError(bound.line, problem)
        if comparator not in FREE and f"comparator-{comparator}" not in self.required:
            problem = Phrase("'%(comparator)s' needs: require \"comparator-%(comparator)s\";", comparator=comparator)
            raise ScriptError(bound.line, problem)
        kind = bound.one_of("is", "contains", "matches", "value", "count", "regex", "list") or "is"
        if kind == "regex":
            return self._regex(keys, comparator != OCTET, bound.line)
        wanted = self.texts(keys, bound.line)
        if kind == "list":
            return matchers.is_in_list(wanted)
        if kind in ("value", "count"):
            return matchers.relates(bound, kind, comparator, wanted)
        if comparator == NUMERIC:
            if kind != "is":
                raise ScriptError(bound.line, Phrase("':%(kind)s' cannot compare numbers; use ':is'", kind=kind))
            return matchers.equals_number(wanted)
        fold = FOLDS[comparator]
        if kind == "matches":
            return matchers.matches_any(fold, wanted)
        constants = [self.constant(key, bound.line) for key in keys]
        known = [fold(key) for key in constants if key is not None]
        folded = tuple(known) if len(known) == len(keys) else None
        compare = matchers.contains_any if kind == "contains" else matchers.is_any
        return compare(fold, wanted, folded)

    def _regex(self, keys: Iterable[str], ignore_case: bool, line: int) -> Matcher:
        """Compile constants once, here; a variable's value is compiled when it is met, and counts as work."""
        made: list[tuple[int, Any] | Text] = []
        for key in keys:
            fixed = self.constant(key, line)
            if fixed is None:
                made.append(self.text(key, line))
            else:
                self._count_pattern(line)
                made.append((len(fixed), regex.fixed(fixed, ignore_case, line)))
        return matchers.matches_regex(ignore_case, made)


def _same(value: T, steps: int) -> Callable[[State], T]:
    """Give what is the same in every run, for so many steps."""
    if not steps:
        return lambda state: value

    def given(state: State) -> T:
        state.spend(steps)
        return value

    return given


def _true(_state: State) -> bool:
    return True


def _sequence(steps: tuple[tuple[int, Step], ...]) -> Step:
    def run(state: State) -> None:
        state.spend(len(steps))
        for line, step in steps:
            state.line = line
            step(state)

    return run


def _choice(chain: list[tuple[Check, Step]]) -> Step:
    def run(state: State) -> None:
        state.spend(len(chain))
        for check, block in chain:
            if check(state):
                block(state)
                return

    return run


def _expanded(state: State, parts: tuple[str | Reference, ...]) -> str:
    found: list[str] = []
    for part in parts:
        if isinstance(part, str):
            found.append(part)
        elif part.number is None:
            found.append(state.read(part.name))
        elif part.number < len(state.matched):
            found.append(state.matched[part.number])
    text = "".join(found)
    state.spend(1 + len(parts) // 8 + len(text) // limits.STEP_CHARACTERS)
    return text
