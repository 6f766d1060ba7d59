"""Telling open pages that something changed, for whoever holds a connection open (server-sent events).

One thread of a process looks at the change log for everybody who waits, when any process has committed something
(process/wakes.py); a stream says "look" and nothing else.  Streams are bounded: each holds a thread of the web server.
Whoever gets none looks now and then.
"""

import contextlib
import queue
import select
import threading
from collections.abc import Generator
from pathlib import Path

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailError, TooMany
from mailcore.process.wakes import open_wakes
from mailcore.store.mail import news

LOOK_SECONDS, BEAT_SECONDS, LIFE_SECONDS = 1.0, 20.0, 600
GATHER_SECONDS = 0.05  # in which further changes are found by the same look
MAX_STREAMS, MAX_PER_ACCOUNT = 48, 4


def find_newest_change(core: Core) -> int:
    """Return the number of the newest entry of the change log."""
    return core.db.read(news.find_newest)


class _Alarm:
    """Wait for the next commit of anybody; where no process can tell of it, for a while."""

    def __init__(self, database: Path) -> None:
        self._wakes, self._inbox = open_wakes(database), -1
        self._poll = select.poll()  # select takes no descriptor above 1023
        if self._wakes is not None:
            with contextlib.suppress(OSError):
                self._inbox = self._wakes.open_inbox()
                self._poll.register(self._inbox, select.POLLIN)

    def wait_for_commit(self, stop: threading.Event) -> None:
        if self._wakes is None or self._inbox < 0:
            stop.wait(LOOK_SECONDS)
        elif self._poll.poll(LOOK_SECONDS * 1000):
            stop.wait(GATHER_SECONDS)
            self._wakes.empty_inbox()

    def close(self) -> None:
        if self._wakes is not None:
            self._wakes.close()


class Hub:
    """Open event streams of this process, by account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[AccountId, list[queue.SimpleQueue[bool]]] = {}
        self._count = 0
        self._stop: threading.Event | None = None

    def events(self, core: Core, account: AccountId, since: int = -1) -> Generator[str]:
        """Yield the stream: `event: change` after each change, a comment as a heartbeat; ends by itself.

        Args:
            since: what `find_newest_change` returned when the page was made; changes after it are told at once.

        Raises:
            TooMany: at once, when enough streams are open.
        """
        mine: queue.SimpleQueue[bool] = queue.SimpleQueue()
        with self._lock:
            here = self._waiting.setdefault(account, [])
            if self._count >= MAX_STREAMS:
                raise TooMany("enough open pages")
            if self._stop is None:
                alarm, reader = (
                    _Alarm(core.config.database_key),
                    news.News(),
                )  # the alarm first: what comes after it is told
                try:
                    last, _ = core.db.read(lambda tx: reader.read(tx, -1))
                except BaseException:
                    alarm.close()
                    raise
                self._stop = threading.Event()
                look = threading.Thread(
                    target=self._look, args=(core, self._stop, alarm, reader, last), name="live", daemon=True
                )
                look.start()
            # most likely a page that was left: nobody hears of that before the next word
            if len(here) >= MAX_PER_ACCOUNT:
                here.pop(0).put(False)
                self._count -= 1
            here.append(mine)
            self._count += 1
        try:
            if since >= 0 and core.db.read(lambda tx: news.has_changed(tx, account, since)):
                mine.put(True)
        except BaseException:
            self._leave(account, mine)
            raise
        return self._stream(account, mine)

    def close(self) -> None:
        """Every stream ends."""
        with self._lock:
            for mine in (one for here in self._waiting.values() for one in here):
                mine.put(False)

    def _stream(self, account: AccountId, mine: "queue.SimpleQueue[bool]") -> Generator[str]:
        try:
            yield "retry: 5000\n\n"
            for _ in range(int(LIFE_SECONDS / BEAT_SECONDS)):
                try:
                    more = mine.get(timeout=BEAT_SECONDS)
                    while not mine.empty():
                        more = mine.get() and more
                except queue.Empty:
                    yield ": still here\n\n"
                    continue
                if not more:
                    return
                yield "event: change\ndata: look\n\n"
        finally:
            self._leave(account, mine)

    def _leave(self, account: AccountId, mine: "queue.SimpleQueue[bool]") -> None:
        with self._lock:
            here = self._waiting.get(account, [])
            if mine in here:
                here.remove(mine)
                self._count -= 1
            if not here:
                self._waiting.pop(account, None)
            if not self._count and self._stop is not None:
                self._stop.set()
                self._stop = None

    def _look(self, core: Core, stop: threading.Event, alarm: _Alarm, reader: news.News, last: int) -> None:
        with contextlib.closing(alarm):
            while not stop.is_set():
                alarm.wait_for_commit(stop)
                if stop.is_set():
                    break
                with contextlib.suppress(MailError):  # a database that is busy is asked again
                    last, changed = core.db.read(lambda tx: reader.read(tx, last))  # noqa: B023 - runs at once
                    with self._lock:
                        for account in changed:
                            for one in self._waiting.get(account, ()):
                                one.put(True)
