"""From source to program, or to the list of everything that is wrong with it."""

from dataclasses import replace

from sieve import core, limits
from sieve.builder import Builder, Tables
from sieve.extensions import EXTENSIONS
from sieve.parser import ScriptError, parse
from sieve.program import Program
from sieve.signature import CommandDef, TagSpec, TestDef
from sieve.tree import Command

_KNOWN = {extension.name: extension for extension in EXTENSIONS}


def capabilities() -> tuple[str, ...]:
    """What `require` may name, for ManageSieve (RFC 5804 section 1.7) and for people."""
    return tuple(sorted(_KNOWN))


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
    return Tables(commands, tests, tags)


_TABLES = _tables()


def _requires(commands: tuple[Command, ...], errors: list[ScriptError]) -> tuple[tuple[str, ...], tuple[Command, ...]]:
    """The names at the top of the script, and the rest (RFC 5228 section 3.2)."""
    names: dict[str, None] = {}
    for index, command in enumerate(commands):
        if command.name != "require":
            return tuple(names), commands[index:]
        match command.arguments:
            case (str() as name,) if not command.tests and command.block is None:
                asked: tuple[str, ...] = (name,)
            case (tuple() as several,) if not command.tests and command.block is None:
                asked = several
            case _:
                problem = "'require' wants the names of extensions: require [\"fileinto\"];"
                errors.append(ScriptError(command.line, problem))
                continue
        for name in asked:
            if name not in _KNOWN:
                problem = f"unknown extension '{name}'; known: {', '.join(capabilities())}"
                errors.append(ScriptError(command.line, problem))
            names[name] = None
    return tuple(names), ()


def _compile(source: str) -> tuple[Program | None, list[ScriptError]]:
    if len(source.encode("utf-8", "surrogatepass")) > limits.MAX_SCRIPT_OCTETS:
        problem = f"the script is larger than {limits.MAX_SCRIPT_OCTETS} octets; make it shorter"
        return None, [ScriptError(1, problem)]
    try:
        commands = parse(source)
    except ScriptError as error:
        return None, [error]
    errors: list[ScriptError] = []
    names, rest = _requires(commands, errors)
    implied = {other for name in names if name in _KNOWN for other in _KNOWN[name].implies}
    builder = Builder(_TABLES, frozenset(names) | implied)
    start = builder.block(rest)
    errors += builder.errors
    if errors:
        return None, sorted(errors, key=lambda error: error.line)
    return Program(names, start), []


def compile_script(source: str) -> Program:
    """Make a script ready to run.

    Raises:
        ScriptError: the first problem; check_script tells them all.
    """
    program, errors = _compile(source)
    if program is None:
        raise errors[0]
    return program


def check_script(source: str) -> list[ScriptError]:
    """Everything that is wrong, in the order of the lines; empty for a good script."""
    return _compile(source)[1][: limits.MAX_ERRORS]
