"""How fast pages are there: counted in memory by process, and saved together once a minute."""

import threading
import time
from collections import Counter

from flask import Flask, Response, g

from mailcore.core import Core
from mailcore.services.operations import figures

SAVE_SECONDS = 60
_BOUNDS = ((0.1, "0.1"), (0.3, "0.3"), (1.0, "1"), (3.0, "3"))


class ResponseTimes:
    """Counts of this process that are not saved yet, by hour and label of `figures`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()
        self._counts: dict[int, Counter[str]] = {}
        self._saved_at = time.monotonic()

    def count(self, seconds: float) -> None:
        """Count a page; save all counts when a minute has gone since the last time."""
        label = next((label for bound, label in _BOUNDS if seconds <= bound), "more")
        hour = self._core.clock.seconds() // figures.HOUR * figures.HOUR
        with self._lock:
            self._counts.setdefault(hour, Counter())[label] += 1
            if time.monotonic() - self._saved_at < SAVE_SECONDS:
                return
            due, self._counts = self._counts, {}
            self._saved_at = time.monotonic()
        for begin, counts in due.items():
            figures.add_responses(self._core, begin, counts)


def register(app: Flask, core: Core) -> None:
    """Time what people wait for: pages, and neither files and streams nor the answers for programs and probes."""
    times = ResponseTimes(core)

    def begin() -> None:
        g.began = time.monotonic()

    def end(response: Response) -> Response:
        if "began" in g and response.mimetype == "text/html" and not response.is_streamed:
            times.count(time.monotonic() - g.began)
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(end)
