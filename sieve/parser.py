"""Text to tree: the generic grammar of RFC 5228 section 8, nothing about single commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sieve.limits import MAX_DEPTH, MAX_NUMBER
from sieve.tree import Argument, Command, SieveTest, Tag

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*(?:\n|\Z)|/\*.*?\*/)
      |(?P<text>text:[ \t]*(?:\#[^\n]*)?\r?\n(?P<lines>.*?)^\.\r?(?:\n|\Z))
      |"(?P<quoted>(?:[^"\\]|\\.)*)"
      |(?P<number>[0-9]+)(?P<unit>[KMGkmg]?)
      |:(?P<tag>[A-Za-z_]\w*)
      |(?P<name>[A-Za-z_]\w*)
      |(?P<mark>[\[\](){},;])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.ASCII,
)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


class ScriptError(Exception):
    """The script is not valid.  Shown to its author, so name the line and say what helps."""

    def __init__(self, line: int, problem: str, column: int = 0) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem, self.column = line, problem, column


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "name", "tag", "string", "number", "end", or the mark itself
    value: str
    line: int
    column: int


def _tokens(source: str) -> Iterator[_Token]:
    at, line, begin = 0, 1, 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        column = at - begin + 1
        if not found:
            raise ScriptError(line, f"cannot read {source[at : at + 12]!r}", column)
        match found.lastgroup:
            case "text":
                yield _Token("string", re.sub(r"(?m)^\.\.", ".", found["lines"]), line, column)
            case "quoted":
                yield _Token("string", re.sub(r"(?s)\\(.)", r"\1", found["quoted"]), line, column)
            case "unit":
                digits = found["number"].lstrip("0") or "0"
                size = int(digits[:20]) * _UNITS[found["unit"].lower()]
                if size > MAX_NUMBER or len(digits) > 20:
                    raise ScriptError(line, f"numbers end with {MAX_NUMBER}; write a smaller one", column)
                yield _Token("number", str(size), line, column)
            case "tag" | "name" as kind:
                yield _Token(kind, found[kind].lower(), line, column)
            case "mark":
                yield _Token(found[0], found[0], line, column)
        if breaks := found[0].count("\n"):
            line += breaks
            begin = at + found[0].rindex("\n") + 1
        at = found.end()
    yield _Token("end", "", line, at - begin + 1)


class _Parser:
    def __init__(self, source: str) -> None:
        self._rest = _tokens(source)
        self._next = next(self._rest)

    def _take(self, *kinds: str) -> _Token | None:
        token = self._next
        if token.kind not in kinds:
            return None
        if token.kind != "end":
            self._next = next(self._rest)
        return token

    def _expect(self, kind: str, what: str) -> _Token:
        if token := self._take(kind):
            return token
        found = "the end of the script" if self._next.kind == "end" else repr(self._next.value)
        raise ScriptError(self._next.line, f"expected {what}, found {found}", self._next.column)

    def commands(self, closing: str, depth: int = 0) -> tuple[Command, ...]:
        """commands = *command"""
        found = []
        while not self._take(closing):
            name = self._expect("name", "a command")
            arguments, tests = self._arguments(depth)
            block = None
            if self._take("{"):
                self._deeper(depth, name.line)
                block = self.commands("}", depth + 1)
            else:
                self._expect(";", "';' or a block")
            found.append(Command(name.value, arguments, tests, block, name.line, name.column))
        return tuple(found)

    def _arguments(self, depth: int) -> tuple[tuple[Argument, ...], tuple[SieveTest, ...]]:
        """arguments = *argument [ test / test-list ]"""
        arguments: list[Argument] = []
        while token := self._take("string", "number", "tag", "["):
            match token.kind:
                case "string":
                    arguments.append(token.value)
                case "number":
                    arguments.append(int(token.value))
                case "tag":
                    arguments.append(Tag(token.value))
                case _:
                    arguments.append(self._string_list())
        tests: list[SieveTest] = []
        if self._take("("):
            tests.append(self._test(depth))
            while self._take(","):
                tests.append(self._test(depth))
            self._expect(")", "',' or ')'")
        elif self._next.kind == "name":
            tests.append(self._test(depth))
        return tuple(arguments), tuple(tests)

    def _string_list(self) -> tuple[str, ...]:
        strings = [self._expect("string", "a string").value]
        while self._take(","):
            strings.append(self._expect("string", "a string").value)
        self._expect("]", "',' or ']'")
        return tuple(strings)

    def _test(self, depth: int) -> SieveTest:
        name = self._expect("name", "a test")
        self._deeper(depth, name.line)
        arguments, tests = self._arguments(depth + 1)
        return SieveTest(name.value, arguments, tests, name.line, name.column)

    def _deeper(self, depth: int, line: int) -> None:
        if depth >= MAX_DEPTH:
            raise ScriptError(line, f"nested more than {MAX_DEPTH} deep")


def parse(source: str) -> tuple[Command, ...]:
    """Parse a whole script.

    Raises:
        ScriptError: with the line number of the first problem.
    """
    return _Parser(source).commands("end")
