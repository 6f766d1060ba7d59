"""Resources that services hold open between calls, such as connections: opened once, closed with the Core."""

import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Resources:
    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}  # Any: whatever a service makes
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The one thing of that key."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            found: T = self._kept[key]
            return found

    def close(self) -> None:
        """Close what can be closed."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for thing in kept.values():
            for one in thing if isinstance(thing, tuple) else (thing,):
                if hasattr(one, "close"):
                    with contextlib.suppress(OSError):
                        one.close()
