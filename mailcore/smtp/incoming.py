"""One message while it comes in: its limits are watched, its header is seen to, and what is large goes to a file.

A message that is refused is read to its end all the same, so that we stay in step, but not saved.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailcore.config import Limits, octets
from mailcore.errors import MailError, TooLarge
from mailcore.mail.reading import header
from mailcore.mail.reading.octets import Octets
from mailcore.smtp.data import LineEnds
from mailcore.store.mail.spool import Spool

Edit = Callable[[bytes], bytes]


# Programs that end or skip a text at NUL read another header than we do, and, where it hides a dot, another end.
NUL = "554 5.6.0 A NUL in the header or at the beginning of a line is not taken"


class BareLineEnd(Exception):
    """A CR without LF or a LF without CR."""


class Malformed(Exception):
    """A line, the header, or the structure is beyond what is taken; the text is the reply."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one message; sizes in octets."""

    message: int
    header: int
    line: int
    memory: int

    @classmethod
    def from_limits(cls, limits: Limits) -> "Bounds":
        return cls(
            octets(limits.message_size),
            octets(limits.header_size),
            octets(limits.line_length),
            octets(limits.message_memory),
        )


class Incoming:
    """Give it pieces by `add` and, while `must_flush`, call `flush` in a thread; then `finish`.

    Args:
        edit: makes the header block (with its blank line) that is kept from the one that came; it may raise
            MailError or Malformed to refuse the message.
    """

    def __init__(self, spool: Spool, bounds: Bounds, edit: Edit) -> None:
        self.spool = spool
        self._bounds, self._edit = bounds, edit
        self._ends = LineEnds()
        self._line = 0
        self._after = b"\n"  # the octet before the next piece
        self._size = 0
        self._head: bytearray | None = bytearray()
        self.problem: Exception | None = None

    @property
    def size(self) -> int:
        """Octets that came, whether or not they were saved."""
        return self._size

    @property
    def must_flush(self) -> bool:
        return self.problem is None and self.spool.must_flush

    def refuse(self, problem: Exception) -> None:
        """Save nothing more; the first reason is the one in the reply."""
        if self.problem is None:
            self.problem = problem
            self._head = None
            self.spool.discard()

    def add(self, piece: bytes, *, clean: bool = True) -> None:
        """The next octets of the message.

        Args:
            clean: the line ends were looked at already.
        """
        self._size += len(piece)
        if self.problem is not None:
            return
        if self._size > self._bounds.message:
            self.refuse(TooLarge("while reading"))
            return
        if not clean:
            self._ends.see(piece)
            if self._ends.bare:
                self.refuse(BareLineEnd())
                return
        self._measure_lines(piece)
        if b"\0" in piece and (b"\n\0" in piece or (piece.startswith(b"\0") and self._after == b"\n")):
            self.refuse(Malformed(NUL))
            return
        self._after = piece[-1:] or self._after
        if self._head is None:
            self.spool.add(piece)
            return
        looked = len(self._head)
        self._head += piece
        end = header.end(self._head, 0, len(self._head), looked)
        if end > self._bounds.header:
            self.refuse(Malformed("552 5.3.4 The header is too large"))
        elif end < len(self._head) or self._head.endswith(b"\r\n\r\n"):
            self._begin_body(end)

    def flush(self) -> None:
        """Blocking; raises Busy."""
        self.spool.flush()

    def finish(self) -> Octets:
        """Return the message as it will be saved; blocking if it is in a file.

        Raises:
            MailError, BareLineEnd, Malformed: it is refused.
        """
        self._ends.end()
        if self._ends.bare:
            self.refuse(BareLineEnd())
        if self.problem is None and self._head is not None:
            self._begin_body(len(self._head))
        if self.problem is not None:
            raise self.problem
        return self.spool.octets()

    def _begin_body(self, end: int) -> None:
        head, self._head = bytes(self._head or b""), None
        if b"\0" in head[:end]:
            self.refuse(Malformed(NUL))
            return
        try:
            edited = self._edit(head[:end])
        except (MailError, Malformed) as problem:
            self.refuse(problem)
            return
        self.spool.add(edited)
        self.spool.add(head[end:])

    def _measure_lines(self, piece: bytes) -> None:
        limit = self._bounds.line
        if self._line + len(piece) > limit:
            first, *others = piece.split(b"\r\n")
            if self._line + len(first) > limit or (others and max(map(len, others)) > limit):
                self.refuse(Malformed("554 5.6.0 A line of the message is too long"))
                return
        cut = piece.rfind(b"\r\n")
        self._line = len(piece) - cut - 2 if cut >= 0 else self._line + len(piece)
