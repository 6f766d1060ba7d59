"""How the time for a text grows with its length: four times the text may take at most six times as long.

Only the thread's own processor time counts, a doubtful measure is taken again with larger texts, and the best of several counts:
a busy machine makes nothing look quadratic that is not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.processor import measure_cost

SMALL, TIMES, MOST = 2_000, 4, 6.0
QUICK = 0.003  # seconds for the large text within which nothing needs another look
STEPS = (
    16,
    18,
    20,
    22,
    24,
    32,
    48,
)  # lengths at which what doubles with each character is seen before it takes for ever
MUCH = 0.05  # seconds for these, and for a quarter of the small text, above which nothing larger is tried
TRIES = 4
PATIENCE = 0.5  # seconds above which it is slow without another try


@dataclass(frozen=True, slots=True)
class Pump:
    """`before`, then `unit` again and again, then `after`."""

    before: str
    unit: str
    after: str

    def text(self, length: int) -> str:
        return self.before + self.unit * max(1, length // max(1, len(self.unit))) + self.after

    def __str__(self) -> str:
        return f"{self.before!r} + {self.unit!r} * n + {self.after!r}"


def slow(work: Callable[[str], object], pump: Pump, *, small: int = SMALL, quick: float = QUICK) -> str:
    """Why the time grows faster than the text, or ""."""
    for length in (*STEPS, small // 4):
        first = pump.text(length)
        taken = measure_cost(lambda first=first: work(first))
        # what was loaded for the first of them is not the text's
        if taken > MUCH and (taken := measure_cost(lambda first=first: work(first))) > MUCH:
            return f"{pump}: {taken:.3f} s for {length} characters"
    a, b = pump.text(small), pump.text(small * TIMES)
    if (more := measure_cost(lambda: work(b))) < quick:
        return ""
    ratio = 0.0
    for _ in range(TRIES):
        some = max(1e-6, min(measure_cost(lambda: work(a)) for _ in range(3)))
        if more < PATIENCE:
            more = min(more, *(measure_cost(lambda: work(b)) for _ in range(2)))
        ratio = more / some
        if ratio <= MOST or more < quick:
            return ""
        if more >= PATIENCE:
            break
    return f"{pump}: {ratio:.1f} times the time for {TIMES} times the text ({more:.3f} s for {len(b)} characters)"
