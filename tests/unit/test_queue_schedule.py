"""When the queue tries again (RFC 5321 section 4.5.4.1)."""

from datetime import UTC, datetime, timedelta

from mailcore.queue.schedule import GIVE_UP_AFTER, is_delay_due, plan_next_attempt

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_it_waits_longer_each_time_and_gives_up_after_five_days():
    now, waits = START, []
    while (then := plan_next_attempt(len(waits) + 1, START, now)) is not None:
        waits.append(then - now)
        now = then
    assert now - START == GIVE_UP_AFTER == timedelta(days=5)
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[0] == timedelta(minutes=5)
    assert max(waits) == timedelta(hours=3)


def test_the_sender_hears_of_a_delay_after_four_hours():
    assert not is_delay_due(START, START + timedelta(hours=3, minutes=59))
    assert is_delay_due(START, START + timedelta(hours=4))
