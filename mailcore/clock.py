"""The time, taken from one place so that tests can set it."""

from datetime import UTC, datetime


def to_time(seconds: int) -> datetime:
    """Return the time of whole seconds since 1970, as the database saves it."""
    return datetime.fromtimestamp(seconds, UTC)


class Clock:
    """Wall clock in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place

    def seconds(self) -> int:
        """Whole seconds since 1970, as the database keeps times."""
        return int(self.now().timestamp())
