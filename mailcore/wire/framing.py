"""Cut a stream of octets into whole commands.  No I/O: feed it, then ask it.

A command is a line that may contain literals, `{12}` or `{12+}`, whose octets follow the
line end (RFC 9051 section 4.3, RFC 7888).  ManageSieve frames its commands the same way
(RFC 5804 section 1.2), so both servers use this module.
"""

import re
from dataclasses import dataclass
from typing import Protocol

_LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r\n\Z")


class LineTooLong(Exception):
    """The peer sent more than `max_line` octets without ending the line."""


class Sink(Protocol):
    """Destination of a long literal, instead of memory."""

    size: int

    @property
    def must_flush(self) -> bool: ...
    def add(self, octets: bytes) -> None: ...
    def flush(self) -> None:
        """May block."""

    def discard(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command: text, literal, text, literal, ..., text (without the line end).

    A literal that went elsewhere is empty in `parts`; `sinks` has it with its place.
    """

    parts: tuple[bytes, ...]
    sinks: tuple[tuple[int, Sink], ...] = ()


@dataclass(frozen=True, slots=True)
class LiteralWanted:
    """The peer announced a literal.  Answer with `Framer.accept` or `Framer.refuse`."""

    size: int
    synchronizing: bool


Event = CommandLine | LiteralWanted


class Framer:
    """Collects octets until a command is complete.

    Args:
        max_line: limit in octets for the text of one command, literals not counted.
    """

    def __init__(self, max_line: int = 65_536) -> None:
        self._max_line = max_line
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._text = 0
        self._offered: LiteralWanted | None = None
        self._literal = 0
        self._held = 0
        self._sink: Sink | None = None
        self._sinks: list[tuple[int, Sink]] = []
        self._skip = 0
        self._dropping = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def head(self) -> bytes:
        """Return the octets before the first literal of the command that is being collected."""
        return self._parts[0] if self._parts else b""

    @property
    def held(self) -> int:
        """Count the octets of the literals taken into the command so far."""
        return self._held

    @property
    def buffered(self) -> int:
        """Count the octets that wait to be cut, beyond those of a literal that is on its way."""
        coming = self._literal if self._sink is None else 0
        return max(0, len(self._buffer) - coming - self._skip)

    @property
    def is_amid_a_literal(self) -> bool:
        """Has the peer announced octets that it sends without waiting, and that have not all come?"""
        offered = self._offered is not None and not self._offered.synchronizing
        return offered or self._skip > 0 or self._literal > 0

    @property
    def sink(self) -> Sink | None:
        """Return the destination of the literal that is on its way, or None if that is memory."""
        return self._sink

    def clear(self) -> None:
        """Forget what came in, e.g. what was sent in the clear before TLS (RFC 9051 section 6.2.1)."""
        self._buffer.clear()

    def discard(self) -> None:
        """Forget the literals that are saved elsewhere, as the conversation has ended."""
        for sink in [*(sink for _, sink in self._sinks), *([self._sink] if self._sink is not None else [])]:
            sink.discard()
        self._sinks, self._sink = [], None

    def accept(self, sink: Sink | None = None) -> None:
        """Take the offered literal into the command, or into `sink`."""
        if self._offered is None:
            raise RuntimeError("no literal was offered")
        self._literal, self._offered = self._offered.size, None
        self._held += self._literal
        if self._literal == 0:
            self._parts.append(b"")
        else:
            self._sink = sink

    def refuse(self) -> None:
        """Drop the command.  If its literal is on its way already, drop all that follows in it."""
        if self._offered is None:
            raise RuntimeError("no literal was offered")
        self._skip = 0 if self._offered.synchronizing else self._offered.size
        self._dropping = not self._offered.synchronizing
        self._offered = None
        self.discard()
        self._parts.clear()
        self._text = self._held = 0

    def next_event(self) -> Event | None:
        """Return the next event, or None when more octets are needed.

        Raises:
            LineTooLong: the connection cannot be brought back in step; close it.
        """
        if self._offered is not None:
            return self._offered
        while True:
            if self._skip and not self._skip_dropped():
                return None
            if self._literal and not self._take_literal():
                return None
            line = self._take_line()
            if line is None:
                return None
            literal = _LITERAL.search(line) if line.endswith(b"}\r\n") else None
            if literal and self._dropping and literal[2]:
                self._skip = int(literal[1])
            elif self._dropping:
                self._dropping = False
                self._text = 0
            elif literal:
                self._parts.append(line[: literal.start()])
                self._offered = LiteralWanted(int(literal[1]), synchronizing=not literal[2])
                return self._offered
            elif not self._parts:
                self._text = 0
                return CommandLine((line.rstrip(b"\r\n"),))
            else:
                command = CommandLine((*self._parts, line.rstrip(b"\r\n")), tuple(self._sinks))
                self._parts.clear()
                self._sinks.clear()
                self._text = self._held = 0
                return command

    def _skip_dropped(self) -> bool:
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped
        return self._skip == 0

    def _take_literal(self) -> bool:
        if self._sink is not None:
            return self._pour(self._sink)
        if len(self._buffer) < self._literal:
            return False
        self._parts.append(self._take(self._literal))
        self._literal = 0
        return True

    def _pour(self, sink: Sink) -> bool:
        octets = self._take(min(self._literal, len(self._buffer)))
        if octets:
            sink.add(octets)
        self._literal -= len(octets)
        if self._literal:
            return False
        self._sinks.append((len(self._parts), sink))
        self._parts.append(b"")
        self._sink = None
        return True

    def _take_line(self) -> bytes | None:
        if not self._buffer:
            return None
        end = self._buffer.find(b"\n") + 1
        if self._text + (end or len(self._buffer)) > self._max_line:
            raise LineTooLong
        if not end:
            return None
        self._text += end
        return self._take(end)

    def _take(self, size: int) -> bytes:
        if size == len(self._buffer):
            taken = bytes(self._buffer)
            self._buffer.clear()
            return taken
        with memoryview(self._buffer) as view:
            taken = bytes(view[:size])
        del self._buffer[:size]
        return taken
