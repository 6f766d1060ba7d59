"""Answers that are remembered for a state of a mailbox.  What they are asked of never changes under its modseq.

Derived and disposable: each process has its own, and forgets the oldest when there is too much.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable

MAX_OCTETS = 32 * 2**20
OVERHEAD = 500  # octets of a question, about


class Answers:
    """Octets by question, for all threads."""

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        self._max, self._octets = max_octets, 0
        self._known: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable) -> bytes | None:
        with self._lock:
            found = self._known.get(question)
            if found is not None:
                self._known.move_to_end(question)
            return found

    def put(self, question: Hashable, answer: bytes) -> None:
        with self._lock:
            if (old := self._known.pop(question, None)) is not None:
                self._octets -= len(old) + OVERHEAD
            self._known[question] = answer
            self._octets += len(answer) + OVERHEAD
            while self._octets > self._max:
                _, oldest = self._known.popitem(last=False)
                self._octets -= len(oldest) + OVERHEAD
