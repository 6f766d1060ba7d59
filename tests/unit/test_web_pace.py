"""How fast a body must come: enough in each span, whatever came before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.cli.web_pace import LONGEST_SECONDS, Pace


def _body(octets: int) -> Pace:
    return Pace.of_body(octets, seconds=10, rate=100, now=0)


@pytest.mark.parametrize(
    ("arrivals", "late_at"),
    [
        ([], 10),  # nothing
        ([(1, 999)], 10),  # one octet too few
        ([(1, 1000)], 20),  # then nothing
        ([(1, 1_000_000)], 20),  # a burst buys no later span
        ([(9, 1000), (19, 1000), (29, 1)], 30),
    ],
)
def test_a_body_that_comes_too_slowly_is_late(arrivals: list[tuple[int, int]], late_at: int) -> None:
    pace, arrivals = _body(8_000_000), list(arrivals)
    for now in range(100):
        while arrivals and arrivals[0][0] <= now:
            pace.arrived(arrivals.pop(0)[1])
        if pace.is_late(now):
            assert now == late_at
            return
    pytest.fail("it was never late")


def test_the_last_octets_need_no_rate() -> None:
    pace = _body(5)
    pace.arrived(5)
    assert not pace.is_late(1000)


def test_a_very_large_body_comes_within_a_day() -> None:
    octets = 8 * 2**30
    assert Pace.of_body(octets, seconds=20, rate=1024, now=0).rate == octets / LONGEST_SECONDS


# eighths of a second, whose sums are exact: twice ten seconds may be less than twenty by the last bit of a float
@given(st.lists(st.tuples(st.integers(1, 240).map(lambda eighths: eighths / 8), st.integers(0, 5000)), max_size=60))
def test_who_keeps_the_rate_in_every_span_is_never_late_and_who_stops_always_is(
    pieces: list[tuple[float, int]],
) -> None:
    pace, now = _body(8_000_000), 0.0
    for seconds, octets in pieces:
        now += min(seconds, 5)
        pace.arrived(max(octets, 1500))  # at least 1500 in each 5 s
        assert not pace.is_late(now)
    assert pace.is_late(now + 10) or pace.is_late(now + 20)
