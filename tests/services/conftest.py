"""A core on a directory of its own, with a clock that tests set."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from tests.smtp_talk import build


class SetClock(Clock):
    def __init__(self) -> None:
        self.at = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def forward(self, **step: float) -> None:
        self.at += timedelta(**step)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def core(tmp_path: Path, clock: SetClock) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)), clock)
    yield made
    cores.close(made)


@pytest.fixture
def filtering(tmp_path: Path) -> Iterator[Callable[..., Core]]:
    """Give a function that builds a service with kari and ola in it, by these settings of [filter]."""
    made: list[Core] = []

    def make(settings: str = "") -> Core:
        made.append(build(tmp_path / f"house{len(made)}", f"[filter]\n{settings}\n"))
        return made[-1]

    yield make
    for core in made:
        cores.close(core)
