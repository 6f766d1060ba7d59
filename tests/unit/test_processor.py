"""A bound of processor time has a margin for slow machines, and an end."""

import pytest

from tests.processor import find_excess


@pytest.mark.parametrize(
    ("spent", "why"),
    [
        (1.1, ""),
        (2.9, ""),
        (3.0, "took 3.00 s of the processor: 1.00 s are wanted, 3 times as long is allowed"),
    ],
)
def test_a_slow_machine_has_three_times_as_long_and_no_more(spent, why):
    assert find_excess(spent, 1.0) == why
