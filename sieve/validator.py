"""From source to program, or to the list of everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from sieve import core, limits
from sieve.builder import Builder, CommandDef, Tables, TestDef
from sieve.extensions import EXTENSIONS
from sieve.interpreter import Program, Step
from sieve.parser import ScriptError, read
from sieve.phrase import Phrase
from sieve.printer import quoted
from sieve.signature import TagSpec
from sieve.tree import Command

Library = Callable[[str, str], str | None]  # "personal" or "global", and a name: the source
_KNOWN = {extension.name: extension for extension in EXTENSIONS}
_IMPLIES = {extension.name: extension.implies for extension in EXTENSIONS}


def capabilities() -> tuple[str, ...]:
    """Return the extensions that `require` may name, for ManageSieve (RFC 5804 section 1.7) and for people."""
    return tuple(sorted(_KNOWN))


def argument_names() -> set[str]:
    """Return the names by which problems call the arguments of commands and tests."""
    known = [each.signature for each in _TABLES.commands.values()] + [each.signature for each in _TABLES.tests.values()]
    return {name for signature in known for name, _kind in signature.positional}


def _tables() -> Tables:
    commands: dict[str, CommandDef] = dict(core.COMMANDS)
    tests: dict[str, TestDef] = dict(core.TESTS)
    tags: dict[str, dict[str, TagSpec]] = {
        "match": dict(core.MATCH_TAGS),
        "part": dict(core.PART_TAGS),
    }
    for extension in EXTENSIONS:
        name = extension.name
        for key, command in extension.commands.items():
            commands[key] = replace(command, requires=name)
        for key, test in extension.tests.items():
            tests[key] = replace(test, requires=name)
        for target, added in extension.tags.items():
            ours = tags.setdefault(target, {})
            ours.update({tag: replace(spec, requires=name) for tag, spec in added.items()})
    known: dict[str, Mapping[str, TagSpec]] = {}
    signatures = {key: each.signature for key, each in commands.items()} | {
        key: each.signature for key, each in tests.items()
    }
    for key, signature in signatures.items():
        known[key] = {**signature.tags}
        for family in (*signature.families, key):
            known[key] = {**known[key], **tags.get(family, {})}
    return Tables(commands, tests, tags, known)


_TABLES = _tables()


def _parted(commands: Iterable[Command], errors: list[ScriptError]) -> Iterator[Command]:
    """Part commands where a ';' is missing and the next one was read as a test of the one before; report each."""
    for command in commands:
        if command.block:
            block = tuple(_parted(command.block, errors))
            if len(block) != len(command.block) or any(
                new is not old for new, old in zip(block, command.block, strict=True)
            ):
                command = replace(command, block=block)
        known = _TABLES.commands.get(command.name)
        while (
            known
            and not known.signature.tests
            and len(command.tests) == 1
            and command.tests[0].name in _TABLES.commands
        ):
            test = command.tests[0]
            problem = Phrase(
                "'%(name)s' takes no test; is a ';' missing before '%(test)s'?", name=command.name, test=test.name
            )
            errors.append(ScriptError(command.line, problem, command.column))
            yield replace(command, tests=(), block=() if known.signature.block else None)
            command = Command(test.name, test.arguments, test.tests, command.block, test.line, test.column)
            known = _TABLES.commands[command.name]
        yield command


def _requires(commands: tuple[Command, ...], errors: list[ScriptError]) -> tuple[tuple[str, ...], tuple[Command, ...]]:
    """The names at the top of the script, and the rest (RFC 5228 section 3.2)."""
    names: dict[str, None] = {}
    for index, command in enumerate(commands):
        if command.name != "require":
            return tuple(names), commands[index:]
        if command.broken:  # what it names is not known, so nothing is missed
            names.update(dict.fromkeys(_KNOWN))
            continue
        match command.arguments:
            case (str() as name,) if not command.tests and command.block is None:
                asked: tuple[str, ...] = (name,)
            case (tuple() as several,) if not command.tests and command.block is None:
                asked = several
            case _:
                problem = Phrase("'require' needs the names of extensions: require [\"fileinto\"];")
                errors.append(ScriptError(command.line, problem, command.column))
                continue
        for name in asked:
            if len(errors) >= limits.MAX_ERRORS:
                break
            if name not in _KNOWN:
                near = get_close_matches(name, _KNOWN, 1)
                problem = Phrase("unknown extension '%(name)s'; leave it out", name=name)
                if near:
                    problem = Phrase("unknown extension '%(name)s'; did you mean '%(near)s'?", name=name, near=near[0])
                errors.append(ScriptError(command.line, problem, command.column))
            names[name] = None
    return tuple(names), ()


def brings(name: str, tags: Iterable[str]) -> set[str]:
    """The extensions that a command or test of that name, with these tags, makes use of."""
    found = set()
    definition = _TABLES.commands.get(name) or _TABLES.tests.get(name)
    if definition is not None:
        found.add(definition.requires)
        for family in (*definition.signature.families, name):
            known = _TABLES.tags.get(family, {})
            found |= {known[tag].requires for tag in tags if tag in known}
    return found


def _none(_place: str, _name: str) -> str | None:
    return None


class _Compiler:
    """Compile one script and what it includes."""

    def __init__(self, library: Library, options: limits.Options) -> None:
        self._library, self._options = library, options
        self._count = self._octets = self._words = self._patterns = 0

    def compile(
        self, source: str, chain: tuple[tuple[str, str], ...] = ()
    ) -> tuple[tuple[str, ...], Step, list[ScriptError]]:
        octets = len(source.encode("utf-8", "surrogatepass"))
        self._octets += octets
        for size, most in ((octets, limits.MAX_SCRIPT_OCTETS), (self._octets, limits.MAX_SOURCE_OCTETS)):
            if size > most:
                problem = Phrase("the script is larger than %(most)s octets; make it shorter", most=most)
                return (), _nothing, [ScriptError(1, problem)]
        commands, errors, words = read(source)
        self._words += words
        if words < self._words > limits.MAX_WORDS:
            problem = Phrase(
                "the scripts together have more than %(most)s words; make them shorter", most=limits.MAX_WORDS
            )
            return (), _nothing, [ScriptError(1, problem)]
        commands = tuple(_parted(commands, errors))
        names, rest = _requires(commands, errors)
        for name in names:
            missing = [other for other in _KNOWN[name].wants if other not in names] if name in _KNOWN else []
            if missing:
                problem = Phrase(
                    "'%(name)s' goes with: require [%(others)s];", name=name, others=", ".join(map(quoted, missing))
                )
                errors.append(ScriptError(1, problem, 1))
        implied = {other for name in names if name in _KNOWN for other in _KNOWN[name].implies}

        def include(place: str, name: str, line: int, optional: bool, once: bool) -> Step | None:
            if once and (place, name) in chain:
                return None
            return self._included(place, name, line, optional, chain)

        builder = Builder(_TABLES, frozenset(names) | implied, _IMPLIES, include, self._count_pattern, self._options)
        start = builder.block(rest)
        errors += builder.errors
        return names, start, sorted(errors, key=lambda error: (error.line, error.column))

    def _count_pattern(self, line: int) -> None:
        self._patterns += 1
        if self._patterns > limits.MAX_PATTERNS:
            raise ScriptError(line, Phrase("more than %(most)s regular expressions", most=limits.MAX_PATTERNS))

    def _included(
        self, place: str, name: str, line: int, optional: bool, chain: tuple[tuple[str, str], ...]
    ) -> Step | None:
        """RFC 6609 section 3.2: one that is missing, broken or includes itself is an error of who includes it."""
        self._count += 1
        if self._count > self._options.max_includes:
            raise ScriptError(line, Phrase("more than %(most)s scripts are included", most=self._options.max_includes))
        if len(chain) >= self._options.max_include_depth:
            problem = Phrase("scripts include each other more than %(most)s deep", most=self._options.max_include_depth)
            raise ScriptError(line, problem)
        if (place, name) in chain:
            raise ScriptError(line, Phrase("the script '%(name)s' includes itself", name=name))
        source = self._library(place, name)
        if source is None:
            if optional:
                return None
            problem = Phrase(
                "there is no %(place)s script '%(name)s'; write ':optional' if that is no fault",
                place=place,
                name=name,
            )
            raise ScriptError(line, problem)
        _, start, errors = self.compile(source, (*chain, (place, name)))
        if errors:
            problem = Phrase(
                "the %(place)s script '%(name)s' is not valid: line %(line)s: %(problem)s",
                place=place,
                name=name,
                line=errors[0].line,
                problem=errors[0].problem,
            )
            raise ScriptError(line, problem)
        return start


def _nothing(state: object) -> None:
    """The start of a script that is not handed out."""


def compile_script(source: str, library: Library = _none, options: limits.Options = limits.DEFAULT) -> Program:
    """Make a script ready to run.

    Args:
        library: where `include` finds scripts.

    Raises:
        ScriptError: the first problem; check_script tells them all.
    """
    names, start, errors = _Compiler(library, options).compile(source)
    if errors:
        raise errors[0]
    return Program(names, start)


def examine(
    source: str, library: Library = _none, options: limits.Options = limits.DEFAULT
) -> tuple[Program | None, list[ScriptError]]:
    """The program, or None and everything that is wrong, in the order of the lines."""
    names, start, errors = _Compiler(library, options).compile(source)
    return (None if errors else Program(names, start)), errors[: limits.MAX_ERRORS]


def check_script(source: str, library: Library = _none, options: limits.Options = limits.DEFAULT) -> list[ScriptError]:
    """Everything that is wrong, in the order of the lines; empty for a good script."""
    return _Compiler(library, options).compile(source)[2][: limits.MAX_ERRORS]
