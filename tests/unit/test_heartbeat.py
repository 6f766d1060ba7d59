"""The supervisor's watch over processes that stand still."""

from mailcore.process.heartbeat import ABSENT_SECONDS, Watch

SECONDS = 3


def look(watch, since, until, beating=(), table=()):
    """Look once a second; who beats meanwhile counts up."""
    found = []
    for now in range(since, until + 1):
        for number in beating:
            table[number] += 1
        found += [(now, number) for number in watch.find_stuck(now)]
    return found


def test_who_beats_goes_on_and_who_does_not_is_found_once_it_is_time():
    table = [7, 7, 0]
    watch = Watch(table, SECONDS)
    assert look(watch, 100, 105, beating=[0], table=table) == [(104, 1), (105, 1)]  # the third has not begun


def test_who_was_started_anew_is_watched_from_its_first_beat():
    table = [7]
    watch = Watch(table, SECONDS)
    assert look(watch, 100, 104) == [(104, 0)]
    watch.forget(0)
    assert look(watch, 105, 120) == []
    table[0] = 1
    assert look(watch, 121, 125) == [(125, 0)]


def test_a_machine_that_was_asleep_is_nobody_s_fault():
    table = [7]
    watch = Watch(table, SECONDS)
    assert look(watch, 100, 102) == []
    later = int(102 + ABSENT_SECONDS + 1)
    assert look(watch, later, later + SECONDS) == []
    assert look(watch, later + SECONDS + 1, later + SECONDS + 1) == [(later + SECONDS + 1, 0)]


def test_zero_seconds_are_for_ever():
    assert look(Watch([7], 0), 100, 500) == []
