"""Read the words of one complete command.  `expect` and what reads a word raise; `take_word`, `sees` and `match` ask."""

import re

from mailcore.wire.framing import Sink

_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff]+')
_PATTERN = re.compile(rb'[^\x00-\x20(){"\\\x7f-\xff]+')
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_NUMBER64 = re.compile(rb"[0-9]{1,19}")
_NUMBER = re.compile(rb"[0-9]{1,10}")


class SyntaxProblem(Exception):
    """The command does not follow the grammar.  The text is safe to show the client."""


class Reader:
    """A cursor over the parts of a CommandLine (RFC 9051 section 9).

    Args:
        utf8: has the client enabled UTF-8 in quoted strings and names?
    """

    def __init__(
        self, parts: tuple[bytes, ...], *, utf8: bool = False, sinks: tuple[tuple[int, Sink], ...] = ()
    ) -> None:
        self.utf8 = utf8
        self._sinks = dict(sinks)
        self._parts = parts
        self._part = 0
        self._at = 0

    def rest(self) -> "Reader":
        """Return a reader of all that is still to be read; this one is at its end."""
        other = self.again()
        self._part, self._at = len(self._parts) - 1, len(self._parts[-1])
        return other

    def again(self) -> "Reader":
        """Return another cursor at the same place."""
        other = Reader(self._parts, utf8=self.utf8, sinks=tuple(self._sinks.items()))
        other._part, other._at = self._part, self._at
        return other

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = pattern.match(self._parts[self._part], self._at)
        if found:
            self._at = found.end()
        return found

    def take_word(self, text: bytes) -> bool:
        """Step over `text` (given in upper case) if it stands here in any case."""
        here = self._parts[self._part][self._at : self._at + len(text)]
        if here.upper() != text:
            return False
        self._at += len(text)
        return True

    def sees(self, text: bytes) -> bool:
        return self._parts[self._part].startswith(text, self._at)

    def expect(self, text: bytes, what: str) -> None:
        if not self.take_word(text):
            raise SyntaxProblem(f"expected {what}")

    def space(self) -> None:
        self.expect(b" ", "a space")

    def atom(self) -> bytes:
        if found := self.match(_ATOM):
            return found[0]
        raise SyntaxProblem("expected an atom")

    def number(self) -> int:
        if found := self.match(_NUMBER):
            return int(found[0])
        raise SyntaxProblem("expected a number")

    def number64(self, what: str = "a number") -> int:
        """number64 (RFC 9051 section 9): below 2**63"""
        if (found := self.match(_NUMBER64)) and int(found[0]) < 2**63:
            return int(found[0])
        raise SyntaxProblem(f"expected {what}")

    def modseq(self) -> int:
        """mod-sequence-valzer (RFC 7162 section 7): below 2**63"""
        return self.number64("a modification sequence")

    def literal(self) -> bytes | None:
        """Read the literal that stands here, if one does."""
        if self._at != len(self._parts[self._part]) or self._part + 2 >= len(self._parts):
            return None
        if self._part + 1 in self._sinks:
            raise SyntaxProblem("that literal is too long")
        literal = self._parts[self._part + 1]
        self._part, self._at = self._part + 2, 0
        return literal

    def message(self) -> bytes | Sink | None:
        """Read the literal that stands here, also one that went elsewhere for its length."""
        if self._at == len(self._parts[self._part]) and (sink := self._sinks.get(self._part + 1)) is not None:
            self._part, self._at = self._part + 2, 0
            return sink
        return self.literal()

    def quoted(self) -> bytes | None:
        if (found := self.match(_QUOTED)) is None:
            return None
        return _ESCAPED.sub(rb"\1", found[1]) if b"\\" in found[1] else found[1]

    def string(self) -> bytes:
        """string = quoted / literal"""
        for read in (self.literal, self.quoted):
            if (found := read()) is not None:
                return found
        raise SyntaxProblem("expected a string")

    def astring(self) -> bytes:
        """astring = 1*ASTRING-CHAR / string"""
        for read in (self.literal, self.quoted):
            if (found := read()) is not None:
                return found
        return self.atom()

    def pattern(self) -> bytes:
        """list-mailbox = 1*list-char / string"""
        for read in (self.literal, self.quoted):
            if (found := read()) is not None:
                return found
        if found_char := self.match(_PATTERN):
            return found_char[0]
        raise SyntaxProblem("expected a pattern")

    def at_end(self) -> bool:
        return self._part == len(self._parts) - 1 and self._at == len(self._parts[self._part])

    def end(self) -> None:
        if not self.at_end():
            raise SyntaxProblem("unexpected text at the end of the command")
