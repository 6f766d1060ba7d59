"""Text to tree: the generic grammar of RFC 5228 section 8, nothing about single commands.

After a problem the parser goes on at the next command, so that an author sees all of them at once.
"""

import re
from bisect import bisect_right
from typing import NamedTuple

from sieve.limits import MAX_DEPTH, MAX_ERRORS, MAX_NUMBER, MAX_WORDS
from sieve.phrase import Phrase
from sieve.tree import Argument, Command, SieveTest, Tag

_SPACE = r"(?:[ \t\r\n]+|\#[^\n]*(?:\n|\Z)|/\*.*?\*/)*+"
_TOKEN = re.compile(
    _SPACE
    + r"""(?:(?P<text>text:[ \t]*(?:\#[^\n]*)?\r?\n(?P<lines>.*?)^\.\r?(?:\n|\Z))
      |"(?P<quoted>(?:[^"\\]|\\.)*)"
      |(?P<number>[0-9]+)(?P<unit>[KMG]?)
      |:(?P<tag>[A-Z_]\w*)
      |(?P<name>[A-Z_]\w*)
      |(?P<mark>[\[\](){},;])
      |(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.ASCII | re.IGNORECASE,
)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_BLANK = re.compile(_SPACE, re.VERBOSE | re.DOTALL | re.ASCII)
_ONE_BEFORE = ("quoted", "tag")  # whose first character, " or :, stands before the group
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
_BREAK = re.compile(r"\r?\n")
_UNENDED = {
    '"': Phrase("this string does not end; write a closing '\"'"),
    "/*": Phrase("this comment does not end; write */"),
    "text:": Phrase("this text does not end; write a line with only a dot in it"),
}
_COMMAND, _TEST, _STRING = Phrase("a command"), Phrase("a test"), Phrase("a string")
_BLOCK_OR_END, _MORE_TESTS, _MORE_STRINGS = Phrase("';' or a block"), Phrase("',' or ')'"), Phrase("',' or ']'")


class ScriptError(Exception):
    """The script is not valid.  Shown to its author, so name the line and say what helps."""

    def __init__(self, line: int, problem: str, column: int = 0) -> None:
        super().__init__(Phrase("line %(line)s: %(problem)s", line=line, problem=problem))
        self.line, self.problem, self.column = line, problem, column


class _Lost(Exception):
    """A problem is noted; the parser goes on at the next command."""


class _Enough(Exception):
    """So many problems that the author has to begin somewhere."""


class _Token(NamedTuple):
    kind: str  # "name", "tag", "string", "number", "end", or the mark itself
    value: str
    at: int  # offset in the source


def _lines(text: str) -> str:
    """Line ends are CRLF (RFC 5228 section 2.4.2), as in a message, however the script was written."""
    return _BREAK.sub("\r\n", text) if "\n" in text else text


class Reading(NamedTuple):
    """Commands, problems and length of a script.

    Attributes:
        errors: every problem in its order.
        words: how many it has as limits.MAX_WORDS counts them, as far as it was read.
    """

    commands: tuple[Command, ...]
    errors: list[ScriptError]
    words: int


class _Parser:
    def __init__(self, source: str) -> None:
        self.errors: list[ScriptError] = []
        self.words = 0
        self._source = source
        self._cut = False  # something does not end, so that the end of the script surprises nobody
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]
        self._tokens = self._read()
        self._index = 0
        self._next = self._tokens[0]

    # Words

    def _read(self) -> list[_Token]:
        source, at, found = self._source, 0, []
        if source.startswith("\ufeff"):  # some editors begin a file so
            at = 1
        while at < len(source) and len(self.errors) < MAX_ERRORS:  # no more of them are shown
            match = _TOKEN.match(source, at)
            if match is None:
                at = self._unreadable(_BLANK.match(source, at).end())  # type: ignore[union-attr]  # it matches nothing too
                continue
            kind = match.lastgroup or ""
            at = match.start(kind) - (kind in _ONE_BEFORE)
            match kind:
                case "end":
                    break
                case "quoted":
                    text = match["quoted"]
                    found.append(_Token("string", _lines(_ESCAPED.sub(r"\1", text) if "\\" in text else text), at))
                case "name" | "tag":
                    found.append(_Token(kind, match[kind].lower(), at))
                case "mark":
                    found.append(_Token(match[kind], match[kind], at))
                case "unit":
                    at = match.start("number")
                    found.append(_Token("number", self._number(match, at), at))
                case "text":
                    found.append(_Token("string", _lines(_STUFFED.sub(".", match["lines"])), at))
            self.words += 1
            if found and found[-1].at == at and found[-1].kind == "string":
                self.words += found[-1].value.count("${")
                if "\0" in found[-1].value:
                    self._note(at, Phrase("a string cannot hold the character NUL; leave it out"))
            at = match.end()
            if self.words > MAX_WORDS:
                self._note(at, Phrase("the script has more than %(most)s words; make it shorter", most=MAX_WORDS))
                self._cut = True
                break
        found.append(_Token("end", "", len(source)))
        return found

    def _unreadable(self, at: int) -> int:
        """Note what no word begins with; where to read on."""
        source = self._source
        for begin, problem in _UNENDED.items():
            if source[at : at + len(begin)].lower() == begin:
                self._note(at, problem)
                self._cut = True
                return len(source)
        problem = Phrase(
            "cannot read %(found)s; is a '\"' missing before it?", found=repr(source[at : at + 12].partition("\n")[0])
        )
        self._note(at, problem)
        return at + 1

    def _number(self, found: re.Match[str], at: int) -> str:
        digits = found["number"].lstrip("0") or "0"
        size = int(digits[:20]) * _UNITS[found["unit"].lower()]
        if size > MAX_NUMBER or len(digits) > 20:
            self._note(at, Phrase("numbers end with %(most)s; write a smaller one", most=MAX_NUMBER))
            return "0"
        return str(size)

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def _note(self, at: int, problem: str) -> None:
        if self._cut and at == len(self._source):
            return
        line, column = self.place(at)
        if not self.errors or (self.errors[-1].line, self.errors[-1].column) != (line, column):
            self.errors.append(ScriptError(line, problem, column))

    # Sentences

    def _take(self, *kinds: str) -> _Token | None:
        token = self._next
        if token.kind not in kinds:
            return None
        if token.kind != "end":
            self._index += 1
            self._next = self._tokens[self._index]
        return token

    def _count(self, at: int, problem: str) -> None:
        """Note a problem, which may be the last."""
        self._note(at, problem)
        if len(self.errors) >= MAX_ERRORS:
            raise _Enough

    def _lost(self, problem: str, at: int) -> _Lost:
        self._count(at, problem)
        return _Lost()

    def _expect(self, kind: str, what: str) -> _Token:
        if token := self._take(kind):
            return token
        shown = self._next.value if len(self._next.value) < 40 else self._next.value[:39] + "…"
        found = Phrase("the end of the script") if self._next.kind == "end" else repr(shown)
        raise self._lost(Phrase("expected %(what)s, found %(found)s", what=what, found=found), self._next.at)

    def script(self) -> tuple[Command, ...]:
        try:
            return self._commands("end", 0)
        except _Enough:
            return ()

    def _commands(self, closing: str, depth: int) -> tuple[Command, ...]:
        """commands = *command"""
        found: list[Command] = []
        while not self._take(closing):
            name = self._next
            if name.kind == "end":
                self._note(name.at, Phrase("expected '}', found the end of the script"))
                break
            if self._take("}"):
                self._count(name.at, Phrase("this '}' closes nothing; leave it out"))
                continue
            try:
                found.append(self._command(depth))
            except _Lost:
                line, column = self.place(name.at)
                found.append(Command(name.value, line=line, column=column, broken=True))
                self._recover(depth)
        return tuple(found)

    def _recover(self, depth: int) -> None:
        """Skip to behind the next ';' or block, or to the end of this block."""
        while not self._take(";"):
            if self._next.kind in ("end", "}"):
                return
            if self._take("{"):
                self._block(depth)
                return
            self._take(self._next.kind)

    def _block(self, depth: int) -> tuple[Command, ...]:
        if depth < MAX_DEPTH:
            return self._commands("}", depth + 1)
        self._note(self._next.at, Phrase("nested more than %(most)s deep; make the script flatter", most=MAX_DEPTH))
        open_blocks = 1
        while open_blocks and self._next.kind != "end":
            open_blocks += {"{": 1, "}": -1}.get(self._next.kind, 0)
            self._take(self._next.kind)
        return ()

    def _command(self, depth: int) -> Command:
        """command = identifier arguments (";" / block)"""
        name = self._expect("name", _COMMAND)
        arguments, tests = self._arguments(depth)
        block = None
        if self._take("{"):
            block = self._block(depth)
        else:
            self._expect(";", _BLOCK_OR_END)
        line, column = self.place(name.at)
        return Command(name.value, arguments, tests, block, line, column)

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
            self._expect(")", _MORE_TESTS)
        elif self._next.kind == "name":
            tests.append(self._test(depth))
        return tuple(arguments), tuple(tests)

    def _string_list(self) -> tuple[str, ...]:
        strings = [self._expect("string", _STRING).value]
        while self._take(","):
            strings.append(self._expect("string", _STRING).value)
        self._expect("]", _MORE_STRINGS)
        return tuple(strings)

    def _test(self, depth: int) -> SieveTest:
        name = self._expect("name", _TEST)
        if depth >= MAX_DEPTH:
            raise self._lost(Phrase("nested more than %(most)s deep; make the script flatter", most=MAX_DEPTH), name.at)
        arguments, tests = self._arguments(depth + 1)
        line, column = self.place(name.at)
        return SieveTest(name.value, arguments, tests, line, column)


def read(source: str) -> Reading:
    """Parse a whole script; return the commands that could be read, and every problem."""
    parser = _Parser(source)
    commands = parser.script()
    return Reading(commands, sorted(parser.errors, key=lambda error: (error.line, error.column)), parser.words)


def parse(source: str) -> tuple[Command, ...]:
    """Parse a whole script.

    Raises:
        ScriptError: with line and column of the first problem.
    """
    commands, errors, _ = read(source)
    if errors:
        raise errors[0]
    return commands
