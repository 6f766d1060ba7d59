"""Retry schedule of the queue (RFC 5321 section 4.5.4.1)."""

from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(days=5)
WARN_AFTER = timedelta(hours=4)
_STEPS = (5, 10, 20, 30, 60, 120, 180)  # minutes; the last one repeats


def plan_next_attempt(tries: int, created_at: datetime, now: datetime) -> datetime | None:
    """Return the time of the next attempt, or None to give up five days after the message came.

    Args:
        tries: failed attempts so far, at least 1.
    """
    if now - created_at >= GIVE_UP_AFTER:
        return None
    step = timedelta(minutes=_STEPS[min(tries, len(_STEPS)) - 1])
    return min(now + step, created_at + GIVE_UP_AFTER)


def is_delay_due(created_at: datetime, now: datetime) -> bool:
    return now - created_at >= WARN_AFTER
