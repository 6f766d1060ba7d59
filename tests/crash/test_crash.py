"""CRASH_ROUNDS rounds, each with the next fault; `make crash` plays two hundred."""

import itertools
import os

import pytest

from tests.crash.faults import FAULTS, play, possible
from tests.crash.session import open_world
from tests.crash.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.interop,
    # the service is killed under its clients, which leave their sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with open_world(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.mark.parametrize(("number", "name"), list(itertools.islice(enumerate(itertools.cycle(FAULTS)), ROUNDS)))
def test_every_promise_is_kept(world: World, number: int, name: str) -> None:
    if name not in possible(world):
        pytest.skip("needs root and loop devices")
    assert play(world, name) > 0
