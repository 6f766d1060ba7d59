"""A long command says how far it is (RFC 9585), so that the client does not give up."""

from mailcore.imap.context import Context

EVERY_SECONDS = 10


class Progress:
    def __init__(self, context: Context, goal: int) -> None:
        self._context, self._goal, self._done = context, goal, 0
        self._next = context.core.clock.seconds() + EVERY_SECONDS

    def report(self, more: int) -> None:
        """Count `more` messages as done, and say so now and then."""
        self._done += more
        now = self._context.core.clock.seconds()
        if now >= self._next and self._done < self._goal:
            self._next = now + EVERY_SECONDS
            self._context.wire.write(
                b'* OK [INPROGRESS ("%s" %d %d)] Still working\r\n' % (self._context.tag, self._done, self._goal)
            )
            self._context.wire.flush()
