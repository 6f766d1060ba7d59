"""Connections are counted over several processes: never counted too few, and forgotten when they leave."""

import random
from array import array
from collections import Counter

import pytest

from mailcore.process.connection_counts import ConnectionCounts, count_cells

SEED = b"0123456789abcdef"


def test_processes_count_together():
    table = array("I", bytes(4 * count_cells(3)))
    one, two, three = (ConnectionCounts(table, number, 3, SEED) for number in range(3))
    assert [one.enter("smtp", "a"), two.enter("smtp", "a"), three.enter("smtp", "b"), one.enter("imap", "a")] == [
        1,
        2,
        1,
        1,
    ]
    assert [counts.count("smtp", "a") for counts in (one, two, three)] == [2, 2, 2]
    assert (one.here("smtp"), two.here("smtp"), one.here("imap")) == (1, 1, 1)
    two.leave("smtp", "a")
    assert three.count("smtp", "a") == 1
    one.leave("smtp", "a")
    one.leave("imap", "a")
    three.leave("smtp", "b")
    assert not any(table)


@pytest.mark.parametrize("seed", range(5))
def test_many_addresses_hardly_disturb_one_another(seed):
    chance = random.Random(seed)
    counts = ConnectionCounts(seed=chance.randbytes(16))
    open_ones = [f"192.0.{n % 250}.{n % 7}" for n in range(5000)]
    for address in open_ones:
        counts.enter("smtp", address)
    for address, real in Counter(open_ones).items():
        assert real <= counts.count("smtp", address) <= real + 5


def test_without_the_seed_nobody_can_aim_at_somebody_else_s_cells():
    assert ConnectionCounts(seed=b"a" * 16)._cells("smtp", "a") != ConnectionCounts(seed=b"b" * 16)._cells("smtp", "a")
