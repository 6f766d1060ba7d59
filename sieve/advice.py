"""Warnings about what is allowed but probably not meant.  Also: the scripts one includes, does it send mail on."""

from collections.abc import Iterable, Iterator

from sieve.message import FIELD_NAME
from sieve.parser import ScriptError, read
from sieve.phrase import Phrase
from sieve.tree import Argument, Command, SieveTest, Tag
from sieve.validator import brings

_SENDING = ("redirect", "notify")
_ENDS = ("stop", "return", "error")
_FIELD_NAMES = {"header": 2, "address": 2, "exists": 1}  # which argument names fields, counted from the end
MAX_WARNINGS = 20


def _nodes(commands: Iterable[Command | SieveTest]) -> Iterator[Command | SieveTest]:
    for node in commands:
        yield node
        yield from _nodes(node.tests)
        if isinstance(node, Command) and node.block:
            yield from _nodes(node.block)


def _strings(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, tuple):
            yield from argument


def includes(source: str) -> tuple[tuple[str, str], ...]:
    """Place ("personal" or "global") and name of every script that this one may include."""
    found: dict[tuple[str, str], None] = {}
    for node in _nodes(read(source)[0]):
        if node.name == "include":
            place = "global" if Tag("global") in node.arguments else "personal"
            found.update({(place, name): None for name in _strings(node.arguments)})
    return tuple(found)


def sends_on(source: str) -> bool:
    """May this text itself send mail to somebody else than its sender: by redirect or notify?"""
    return any(node.name in _SENDING for node in _nodes(read(source)[0]))


def mailboxes(source: str) -> tuple[tuple[str, int, int], ...]:
    """Names that fileinto is given without `:create`, with line and column."""
    return tuple(
        (name, node.line, node.column)
        for node in _nodes(read(source)[0])
        if node.name == "fileinto" and Tag("create") not in node.arguments and node.arguments
        for name in list(_strings(node.arguments))[-1:]
        if "${" not in name
    )


def warnings(source: str) -> list[ScriptError]:
    """Return the warnings about a script that compiles, in the order of its lines."""
    commands = read(source)[0]
    found = [*_unused(commands), *_unreached(commands), *_misnamed(commands)]
    return sorted(found, key=lambda each: (each.line, each.column))[:MAX_WARNINGS]


def _unreached(commands: Iterable[Command]) -> Iterator[ScriptError]:
    ended = ""
    for command in commands:
        if ended:
            problem = Phrase("this is never reached: '%(ended)s' stands before it", ended=ended)
            yield ScriptError(command.line, problem, command.column)
            return
        if command.name in _ENDS:
            ended = command.name
        if command.block:
            yield from _unreached(command.block)
        elif command.block is not None and command.name in ("if", "elsif"):
            problem = Phrase("this '%(name)s' does nothing: its block is empty", name=command.name)
            yield ScriptError(command.line, problem, command.column)


def _misnamed(commands: Iterable[Command]) -> Iterator[ScriptError]:
    """Fields that no message has, for their names are none: such a test never matches."""
    for node in _nodes(commands):
        place = _FIELD_NAMES.get(node.name, 0)
        if len(node.arguments) < place:
            continue
        for name in _strings(node.arguments[-place : len(node.arguments) - place + 1] if place else ()):
            if "${" not in name and not FIELD_NAME.fullmatch(name):
                problem = Phrase("'%(fixed)s' is not the name of a header field; use letters, digits and -", fixed=name)
                yield ScriptError(node.line, problem, node.column)


def _unused(commands: tuple[Command, ...]) -> Iterator[ScriptError]:
    required: dict[str, Command] = {}
    used: set[str] = set()
    for node in _nodes(commands):
        if node.name == "require":
            required.update(dict.fromkeys(_strings(node.arguments), node))  # type: ignore[arg-type]  # commands only
            continue
        used |= brings(node.name, [argument.name for argument in node.arguments if isinstance(argument, Tag)])
        for text in _strings(node.arguments):
            used.add(f"comparator-{text}")
            if "${" in text:
                used |= {"variables", "encoded-character"}
            if node.name == "ihave":
                used.add(text)
    for name, command in required.items():
        if name not in used and name not in ("vacation-seconds", "spamtestplus", "envelope-dsn", "include"):
            problem = Phrase("the extension '%(name)s' is required but not used", name=name)
            yield ScriptError(command.line, problem, command.column)
