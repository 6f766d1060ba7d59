"""CRASH_ROUNDS rounds on SQLite and files, CRASH_ENGINE_ROUNDS on PostgreSQL and S3, each with the next fault.

`make crash` plays two hundred.
"""

import itertools
import os

import pytest

from tests.crash.faults import ENGINE_FAULTS, FAULTS, play, possible
from tests.crash.session import open_world
from tests.crash.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.interop,
    # the service is killed under its clients, which leave their sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
ENGINE_ROUNDS = int(os.environ.get("CRASH_ENGINE_ROUNDS", "2"))
ENGINE_FIRST = int(os.environ.get("CRASH_ENGINE_FIRST", "1"))  # number of the fault that begins
ON_ENGINES = list(
    itertools.islice(enumerate(itertools.cycle(ENGINE_FAULTS), 1), ENGINE_FIRST - 1, ENGINE_FIRST - 1 + ENGINE_ROUNDS)
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with open_world(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.mark.parametrize(("number", "name"), list(itertools.islice(enumerate(itertools.cycle(FAULTS)), ROUNDS)))
def test_every_promise_is_kept(world: World, number: int, name: str) -> None:
    if name not in possible(world):
        pytest.skip("needs root and loop devices")
    assert play(world, name) > 0


@pytest.fixture(scope="module")
def world_on_engines(tmp_path_factory):
    with open_world(tmp_path_factory.mktemp("crash"), on_engines=True) as made:
        yield made


@pytest.mark.parametrize(("number", "name"), ON_ENGINES)
def test_every_promise_is_kept_on_postgresql_and_s3(world_on_engines: World, number: int, name: str) -> None:
    print(f"CRASH_ENGINE_FIRST={ENGINE_FIRST} begins here again")
    assert play(world_on_engines, name) > 0
