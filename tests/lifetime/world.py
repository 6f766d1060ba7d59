"""The world of a run: the service on a moved clock, its people, the outside, and what was acknowledged."""

import asyncio
import dataclasses
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config, Help, Outbound
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services.accounts import accounts
from mailcore.services.operations import jobs
from tests.lifetime.life import Life
from tests.lifetime.outside import Outside
from tests.lifetime.tally import Tally

STEP = timedelta(days=28)
STEPS = 13  # of a year
BEGINS = datetime(2026, 1, 5, 9, tzinfo=UTC)
AGENTS = ("agnes", "arne")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is simulated.  `messages` in a step, each to a few people."""

    people: int = 10_000
    years: int = 40
    messages: int = 100
    sample: int = 200  # people whose mail and ways in are looked at each year; all of them at the end
    seed: int = 43
    directories: int = 10

    @property
    def steps(self) -> int:
        return self.years * STEPS


class MovedClock(Clock):
    """A clock that the run moves."""

    def __init__(self, at: datetime = BEGINS) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def forward(self, step: timedelta) -> None:
        self.at += step


@dataclasses.dataclass(slots=True)
class Ledger:
    """Messages that were acknowledged, by account; `gone`: those that went with a disk, after the backup that was restored."""

    number: int = 0
    of: dict[AccountId, set[int]] = dataclasses.field(default_factory=dict)
    gone: int = 0


@dataclasses.dataclass(slots=True)
class State:
    """All that a run remembers beside the service's own database; saved each year, to be gone on with."""

    plan: Plan
    at: datetime = BEGINS
    step: int = 0
    chance: random.Random = dataclasses.field(default_factory=random.Random)
    lives: list[Life] = dataclasses.field(default_factory=list)
    outside: Outside = dataclasses.field(default_factory=Outside)
    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    tally: Tally = dataclasses.field(default_factory=Tally)
    leaked: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    freed: list[str] = dataclasses.field(default_factory=list)  # addresses whose account was closed
    domains: tuple[str, ...] = ()
    is_moved: bool = False
    directories: int = 0
    made: int = 0


class World:
    """A run: `core` is opened anew where an administrator would start the service anew."""

    def __init__(self, state: State, folder: Path, config: Config) -> None:
        self.state, self.folder, self.config = state, folder, config
        self.clock = MovedClock(state.at)
        self.core: Core
        self._is_up = False
        self.start()
        self.loop = asyncio.Runner()

    def close(self) -> None:
        self.stop()
        self.loop.close()

    def stop(self) -> None:
        if self._is_up:
            self._is_up = False
            cores.close(self.core)

    def start(self, config: Config | None = None) -> None:
        """Start the service, with other settings where they are given."""
        self.config = config or self.config
        self.core, self._is_up = cores.build(self.config, self.clock), True

    def restart(self, config: Config) -> None:
        self.stop()
        self.start(config)

    @property
    def chance(self) -> random.Random:
        return self.state.chance

    @property
    def tally(self) -> Tally:
        return self.state.tally

    def people_here(self) -> list[Life]:
        return [life for life in self.state.lives if life.is_here]

    def pick(self, lives: Sequence[Life], share: float) -> Iterator[Life]:
        """Pick about this share of them, by chance."""
        number = share * len(lives)
        count = int(number) + (self.chance.random() < number % 1)
        yield from self.chance.sample(list(lives), min(count, len(lives)))

    def wait(self, **time: float) -> None:
        self.clock.forward(timedelta(**time))
        self.state.at = self.clock.at

    def work(self) -> None:
        """Let the queue send, and every job have its turn that does not wait for other servers."""
        self.state.outside.carry(self.core)
        for job in jobs.list_jobs(self.core):
            if not job.waits:
                jobs.run_due(self.core, job)
        self.state.outside.carry(self.core)


def make_config(folder: Path) -> Config:
    return Config(
        data=str(folder / "data"),
        outbound=Outbound(mode="capture"),
        help=Help(),
    )


def make_agents(core: Core) -> None:
    accounts.ensure_postmaster(core)
    for name in AGENTS:
        accounts.add_account(core, name, password=f"en lang setning om {name}")
        accounts.set_role(core, name, "desk")
