"""The slowest pace at which the octets of a request may arrive.  No I/O; times are monotonic seconds.

In each span of `seconds`, at least `seconds * rate` octets arrive, or the last ones.  A burst at the beginning buys nothing
for later, and an honest client on a bad line may stand still for a while.
"""

from dataclasses import dataclass

LONGEST_SECONDS = 86_400  # no body takes more than a day


@dataclass(slots=True)
class Pace:
    """Progress of one request body that is being received.

    Attributes:
        left: octets that are still to come.
        span_began: when the span that runs now began.
        came: octets in this span.
    """

    seconds: float
    rate: float  # octets a second
    left: int
    span_began: float
    came: int = 0

    @classmethod
    def of_body(cls, octets: int, *, seconds: float, rate: float, now: float) -> "Pace":
        return cls(seconds, max(rate, octets / LONGEST_SECONDS), octets, now)

    def arrived(self, octets: int) -> None:
        self.came += octets
        self.left -= octets

    def due(self) -> float:
        """Return the time at which the current span ends."""
        return self.span_began + self.seconds

    def is_late(self, now: float) -> bool:
        """Judges the spans that are over; a new one begins where the last was good."""
        if self.left <= 0 or now < self.due():
            return False
        if self.came < self.seconds * self.rate:
            return True
        self.span_began, self.came = now, 0
        return False
