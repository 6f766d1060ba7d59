"""Answers that are remembered for a state of a mailbox.  What they are asked of never changes under its modseq.

Derived and disposable: each process has its own, and forgets the oldest when there is too much.
"""

import hashlib
import threading
from collections import OrderedDict

MAX_OCTETS = 32 * 2**20
OVERHEAD = 250  # octets of an entry beside its answer, about


class Answers:
    """Octets by question, for all threads.  A question is known by its `repr`, and saved as a hash: it may be long."""

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        self._max, self._octets = max_octets, 0
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: object) -> bytes | None:
        key = _key(question)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def put(self, question: object, answer: bytes) -> None:
        key = _key(question)
        with self._lock:
            if (old := self._known.pop(key, None)) is not None:
                self._octets -= len(old) + OVERHEAD
            self._known[key] = answer
            self._octets += len(answer) + OVERHEAD
            while self._octets > self._max:
                _, oldest = self._known.popitem(last=False)
                self._octets -= len(oldest) + OVERHEAD


def _key(question: object) -> bytes:
    return hashlib.sha256(repr(question).encode()).digest()
