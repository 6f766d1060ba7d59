"""Saved findings of the fuzzer are tried each time, and each target is fuzzed for its part of FUZZ_TEST_SECONDS.

With FUZZ_COUNTED=true it is so many inputs as were tried in that time once, so that a machine that is quicker tries none that
others do not: with the same FUZZ_SEED a run finds what the run before found.  `make fuzz` goes on for longer.
"""

import functools
import os
import random
import time

import pytest

from tests.fuzz import mutate
from tests.fuzz.corpora import CORPORA, seeds
from tests.fuzz.mutate import FINDINGS, hunt, keep, try_one
from tests.fuzz.targets import TARGETS

SECONDS = float(os.environ.get("FUZZ_TEST_SECONDS", "40"))
IS_COUNTED = os.environ.get("FUZZ_COUNTED", "false") == "true"
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(2**32)
PER_SECOND = {  # inputs of the first two seconds of the processor, on a shared machine of two cores
    "framer": 30_000, "grammar": 12_000, "message": 1_600, "deflate": 78_000, "smtp_lines": 50_000, "smtp_data": 6_000,
    "smtp_replies": 3_600, "addresses": 2_500, "headers": 5_000, "charset": 30_000, "shown": 1_700, "html": 4_300,
    "sieve": 750, "cards": 750, "calendar": 3_400, "zip": 58_000, "mbox": 7_600, "signatures": 2_800, "policies": 21_000,
    "dns": 21_000, "proxy": 64_000, "reports": 4_900,
}  # fmt: skip


def test_every_target_has_seeds() -> None:
    assert set(CORPORA) == set(TARGETS) == set(PER_SECOND)


@pytest.mark.parametrize("file", sorted(FINDINGS.glob("*-*")), ids=lambda file: file.name)
def test_what_was_found_once_is_mended(file) -> None:
    found = try_one(TARGETS[file.name.rpartition("-")[0]], file.read_bytes())
    assert found is None, found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_octets_are_accepted_or_refused_as_documented(target: str) -> None:
    seconds = SECONDS / len(TARGETS)
    inputs = round(seconds * PER_SECOND[target]) if IS_COUNTED else 0
    count, found = hunt(TARGETS[target], seeds(target), seconds, SEED, inputs)
    assert found is None, f"{found.problem[:500]} after {count} inputs, kept as {keep(target, found)}"


@pytest.mark.parametrize("wrong", [ValueError, AssertionError])
def test_a_target_that_fails_is_found_and_its_input_is_small(wrong) -> None:
    def target(octets: bytes) -> None:
        if b"\xff" in octets and len(octets) > 3:
            raise wrong

    _, found = hunt(target, [b"hello, this is a seed"], 20, 1)
    assert found is not None
    assert found.problem.startswith(wrong.__name__)
    assert len(found.octets) == 4


def test_what_is_slow_once_and_answered_by_a_cache_then_is_found(monkeypatch) -> None:
    monkeypatch.setattr(mutate, "SLOW", 0.05)

    @functools.lru_cache
    def work(octets: bytes) -> None:
        end = time.thread_time() + 0.5
        while time.thread_time() < end:
            hash(octets)

    found = try_one(work, b"x")
    assert found is not None
    assert found.problem.startswith("it takes too long")
