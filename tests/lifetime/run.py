"""A run from its beginning, or from where it was; saved each year, so that it can be broken off."""

import dataclasses
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mailcore.services.accounts import accounts
from mailcore.services.delivery import queue_admin
from mailcore.services.operations import backup
from tests.lifetime import mail, owners, thieves, upheavals
from tests.lifetime.life import Life
from tests.lifetime.tally import Invariant
from tests.lifetime.upheavals import Machines
from tests.lifetime.world import STEP, STEPS, MovedClock, Plan, State, World, make_agents, make_config

Progress = Callable[[State], None]


@contextmanager
def opened(plan: Plan, folder: Path) -> Iterator[tuple[World, Machines]]:
    """Open the world that was saved in `folder`, or a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    saved, checkpoint = folder / "state", folder / "checkpoint"
    config = make_config(folder)
    with ExitStack() as stack:
        if saved.exists():
            state: State = pickle.loads(saved.read_bytes())
            state.plan = dataclasses.replace(state.plan, years=max(plan.years, state.plan.years))
            machines = Machines(None, folder, stack)  # type: ignore[arg-type]  # set below
            config = dataclasses.replace(config, domains=state.domains)
            if state.is_moved:
                config = dataclasses.replace(config, data=str(folder / "moved"), database=machines.start_database())
            backup.restore_backup(config, checkpoint, MovedClock(state.at), replace=True)
            world = World(state, folder, config)
            queue_admin.retry(world.core, None, actor="administrator")
            machines.world = world
        else:
            state = State(plan)
            state.chance.seed(plan.seed)
            world = World(state, folder, config)
            make_agents(world.core)
            machines = Machines(world, folder, stack)
            for _ in range(plan.people // 3):
                owners.make_person(world)
        try:
            machines.start_directory()
            yield world, machines
        finally:
            world.close()
            machines.stop()


def save(world: World) -> None:
    """Save how far it came: first the service, then what the world remembers."""
    backup.create_backup(world.config, world.folder / "checkpoint", world.clock)
    new = world.folder / "state.new"
    new.write_bytes(pickle.dumps(world.state))
    new.rename(world.folder / "state")


def run(plan: Plan, folder: Path, progress: Progress = lambda state: None, *, saves: bool = True) -> State:
    """Run through all years; what was done before is not done again."""
    with opened(plan, folder) as (world, machines):
        state = world.state
        while state.step < state.plan.steps:
            if state.step % STEPS == 0:
                state.tally.begin_year()
            _take_step(world, machines)
            state.step += 1
            progress(state)
            if state.step % STEPS == 0:
                _end_year(world)
                if saves:
                    save(world)
        return state


def _take_step(world: World, machines: Machines) -> None:
    """Four weeks."""
    world.clock.forward(STEP)
    world.state.at = world.clock.at
    upheavals.overturn(world, machines)
    _join(world)
    owners.live(world)
    mail.receive(world, world.state.plan.messages)
    thieves.prowl(world)
    world.work()


def _join(world: World) -> None:
    """A third of all people are there in the first year; the others come in the years after."""
    state = world.state
    waiting = [life for life in state.lives if not life.account and life.is_tied]
    for life in waiting[: max(1, state.plan.people // 3 // STEPS)]:
        owners.order(world, life)
    grown, plan = len(state.lives), state.plan
    due = plan.people // 3 + plan.people * 2 // 3 * (state.step + 1) // plan.steps
    for _ in range(max(0, min(due, plan.people) - grown)):
        owners.make_person(world)


def _end_year(world: World) -> None:
    """Look at a sample of everybody, at the end at all."""
    state = world.state
    here = world.people_here()
    is_over = state.step >= state.plan.steps
    looked = here if is_over else world.chance.sample(here, min(len(here), state.plan.sample))
    mail.check_addresses(world, state.lives if is_over else looked)
    mail.check_mail(world, looked)
    asleep = sum(_is_asleep(world, life) for life in looked)
    state.tally.count("people with an account", len(here))
    state.tally.count("asleep, of a hundred", asleep * 100 // max(1, len(looked)))
    state.tally.count("looked at", len(looked))
    check_ways_in(world, looked if is_over else looked[: len(looked) // 4])


def check_ways_in(world: World, lives: Sequence[Life]) -> None:
    """Let these owners in, by whatever way there is."""
    for life in lives:
        world.wait(minutes=5)
        if not owners.enter(world, life):
            world.tally.breach(Invariant.LOCKED_OUT, f"{life.user} finds no way in")


def _is_asleep(world: World, life: Life) -> bool:
    return accounts.load_account(world.core, life.account).asleep
