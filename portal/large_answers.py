"""Limit the large answers that are sent at once, by who reads them.

Each holds a thread of the web server until its last piece is taken, so whoever reads slowly could hold them all.  What is
read quickly, all pictures of a letter at once, never meets these limits; of those that take long, everybody may have a few.
"""

import errno
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request

from mailcore.domain import Account
from mailcore.net.address import place
from portal import current
from portal.bodies import ManyAtOnce

LARGE = 192 * 2**10  # octets; less of them the socket's buffer takes, whether they are read or not
PIECE = 2**16  # octets that must be taken within the server's time for a piece
AT_ONCE, OF_ONE = 48, 24  # in one process with 128 threads
SLOW_SECONDS = 10
SLOW_AT_ONCE, SLOW_OF_ONE = 24, 6  # of those that have been sent for so long


@dataclass(eq=False, slots=True)
class Reading:
    """One large answer on its way.

    Attributes:
        whose: account, or network place of somebody who has not logged in.
    """

    whose: str
    began: float


class LargeAnswers:
    """Large answers of this process, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[Reading] = []

    def enter(self, whose: str) -> Reading | None:
        """None: enough are sent.  Who entered must `leave`."""
        with self._lock:
            if len(self._open) >= AT_ONCE or sum(one.whose == whose for one in self._open) >= OF_ONE:
                return None
            reading = Reading(whose, time.monotonic())
            self._open.append(reading)
            return reading

    def leave(self, reading: Reading) -> None:
        with self._lock:
            if reading in self._open:
                self._open.remove(reading)

    def is_one_too_many(self, reading: Reading) -> bool:
        """Say if it takes long, and as many that began before it do already."""
        if time.monotonic() - reading.began < SLOW_SECONDS:
            return False
        with self._lock:
            before = self._open[: self._open.index(reading)] if reading in self._open else []
        return len(before) >= SLOW_AT_ONCE or sum(one.whose == reading.whose for one in before) >= SLOW_OF_ONE

    def pieces(self, reading: Reading, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the same octets in pieces, and leave behind the last; a connection that is one too many ends."""
        try:
            for block in blocks:
                for at in range(0, len(block), PIECE):
                    if self.is_one_too_many(reading):
                        raise ConnectionResetError(errno.ECONNRESET, "too many slow readers")
                    yield block[at : at + PIECE]
        finally:
            self.leave(reading)


def register(app: Flask) -> None:
    """Before all others that look at an answer: they come in the opposite order, and this has the last word."""
    app.extensions["large answers"] = LargeAnswers()
    app.after_request(_limit)


def _limit(response: Response) -> Response:
    if request.method == "HEAD" or response.mimetype == "text/event-stream":  # those have limits of their own
        return response
    length: int | None = response.content_length if response.is_streamed else len(response.get_data())
    if length is not None and length <= LARGE:
        return response
    answers: LargeAnswers = current_app.extensions["large answers"]
    account: Account | None = g.get("account")
    reading = answers.enter(f"account {account.id}" if account is not None else f"from {place(current.peer())}")
    if reading is None:
        response.close()
        problem = ManyAtOnce(retry_after=SLOW_SECONDS)
        return current_app.make_response(current_app.handle_user_exception(problem))
    blocks, before = response.iter_encoded(), response.response
    if length is not None:
        response.content_length = length
    response.direct_passthrough = False
    response.response = answers.pieces(reading, blocks)
    if callable(close := getattr(before, "close", None)):
        response.call_on_close(close)
    response.call_on_close(lambda: answers.leave(reading))
    return response
