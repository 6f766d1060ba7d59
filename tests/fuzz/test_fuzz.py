"""Saved findings of the fuzzer are tried each time, and each target is fuzzed for its part of FUZZ_TEST_SECONDS.

With FUZZ_TEST_INPUTS it is so many inputs for each, so that a machine that is quicker tries none that others do not: with the
same FUZZ_SEED a run finds what the run before found.  `make fuzz` goes on for longer.
"""

import os
import random

import pytest

from tests.fuzz.corpora import CORPORA, seeds
from tests.fuzz.mutate import FINDINGS, hunt, keep, try_one
from tests.fuzz.targets import TARGETS

SECONDS = float(os.environ.get("FUZZ_TEST_SECONDS", "40"))
INPUTS = int(os.environ.get("FUZZ_TEST_INPUTS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(2**32)


def test_every_target_has_seeds() -> None:
    assert set(CORPORA) == set(TARGETS)


@pytest.mark.parametrize("file", sorted(FINDINGS.glob("*-*")), ids=lambda file: file.name)
def test_what_was_found_once_is_mended(file) -> None:
    found = try_one(TARGETS[file.name.rpartition("-")[0]], file.read_bytes())
    assert found is None, found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_octets_are_accepted_or_refused_as_documented(target: str) -> None:
    count, found = hunt(TARGETS[target], seeds(target), SECONDS / len(TARGETS), SEED, INPUTS)
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
