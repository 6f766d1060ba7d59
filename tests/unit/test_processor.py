"""A bound of processor time grows on a slow machine, but not without end."""

import pytest

from tests import processor
from tests.processor import find_excess


@pytest.mark.parametrize(
    ("slowness", "spent", "why"),
    [
        (0.5, 0.9, ""),
        (0.5, 1.1, "took 1.10 s of the processor, which is 1.0 times as slow: 1.00 s are allowed"),
        (2.0, 1.9, ""),
        (2.0, 2.1, "took 2.10 s of the processor, which is 2.0 times as slow: 2.00 s are allowed"),
        (50.0, 2.9, ""),
        (50.0, 3.1, "took 3.10 s of the processor, which is 50.0 times as slow: 3.00 s are allowed"),
    ],
)
def test_a_slow_machine_has_three_times_as_long_at_most(monkeypatch, slowness, spent, why):
    monkeypatch.setattr(processor, "_measure_yardstick", lambda: slowness * processor.YARDSTICK_SECONDS)
    assert find_excess(spent, 1.0) == why
