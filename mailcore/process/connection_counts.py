"""Count open connections by address or account, over all mail processes of a service.

Each process has rows of its own in memory that all of them see, and writes nowhere else, so nothing is locked; a
question sums the cells of all.  Cells are found by a hash (a count-min sketch): two names that share one cell hardly
share the other, and who does not know the seed cannot aim at somebody else's.  A process that dies takes the service
down with it, and the next one begins at nothing; so does one that is started anew in the place of one that stood still.
"""

import secrets
from array import array
from collections import Counter
from collections.abc import MutableSequence
from hashlib import blake2b

CELLS = 16_384  # of a row
ROWS = 2


def count_cells(processes: int) -> int:
    """Count the cells that so many processes need."""
    return processes * ROWS * CELLS


def clear(table: MutableSequence[int], process: int) -> None:
    """Forget the connections of a process that has ended."""
    for cell in range(process * ROWS * CELLS, (process + 1) * ROWS * CELLS):
        table[cell] = 0


class ConnectionCounts:
    """Counts by kind ("smtp", "imap", "account" ...) and whose they are; used by the event loop of one process.

    Args:
        table: `count_cells(processes)` numbers, all 0 at first, which all processes share; None = this process is alone.
        process: whose rows are ours.
        seed: the same for all.
    """

    def __init__(
        self, table: MutableSequence[int] | None = None, process: int = 0, processes: int = 1, seed: bytes = b""
    ) -> None:
        self._table = array("I", bytes(4 * count_cells(1))) if table is None else table
        self._own = process * ROWS * CELLS
        self._processes = processes
        self._seed = seed or secrets.token_bytes(16)
        self._here: Counter[str] = Counter()

    def _cells(self, kind: str, whose: object) -> tuple[int, int]:
        digest = blake2b(f"{kind} {whose}".encode(), digest_size=8, key=self._seed).digest()
        return int.from_bytes(digest[:4]) % CELLS, CELLS + int.from_bytes(digest[4:]) % CELLS

    def count(self, kind: str, whose: object) -> int:
        """Count the open connections in all processes; never too few."""
        return self._sum(*self._cells(kind, whose))

    def _sum(self, one: int, other: int) -> int:
        table, a, b = self._table, 0, 0
        for start in range(0, self._processes * ROWS * CELLS, ROWS * CELLS):
            a += table[start + one]
            b += table[start + other]
        return min(a, b)

    def enter(self, kind: str, whose: object) -> int:
        """One more; how many there are now.  Who entered must `leave`."""
        cells = self._cells(kind, whose)
        for cell in cells:
            self._table[self._own + cell] += 1
        self._here[kind] += 1
        return self._sum(*cells)

    def leave(self, kind: str, whose: object) -> None:
        for cell in self._cells(kind, whose):
            self._table[self._own + cell] -= 1
        self._here[kind] -= 1

    def here(self, kind: str) -> int:
        """Count the open connections of that kind in this process."""
        return self._here[kind]
