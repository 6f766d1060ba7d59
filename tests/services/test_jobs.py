"""Periodic work: each job once at its time, and one that fails disturbs nobody."""

import pytest

from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.services.operations import jobs
from mailcore.services.operations.jobs import Job


def test_a_job_has_its_turn_once_and_again_when_it_is_due(core: Core, clock) -> None:
    turns: list[int] = []
    job = Job("count", 60, lambda core: turns.append(core.clock.seconds()))
    assert jobs.run_due(core, job)
    assert not jobs.run_due(core, job)
    clock.forward(seconds=61)
    assert jobs.run_due(core, job)
    assert len(turns) == 2


@pytest.mark.parametrize("problem", [Busy("the disk is full"), ZeroDivisionError()])
def test_a_job_that_fails_waits_for_its_next_turn(core: Core, clock, problem: Exception) -> None:
    def fail(_: Core) -> None:
        raise problem

    job = Job("fail", 60, fail)
    assert jobs.run_due(core, job)
    assert not jobs.run_due(core, job)
    clock.forward(seconds=61)
    assert jobs.run_due(core, job)


def test_a_job_that_somebody_has_is_left_alone(core: Core) -> None:
    taken: list[bool] = []
    outer = Job("once", 60, lambda core: taken.append(jobs.run_due(core, Job("once", 60, lambda _: None))))
    jobs.run_due(core, outer)
    assert taken == [False]


def test_every_job_has_a_name_of_its_own(core: Core) -> None:
    names = [job.name for job in jobs.list_jobs(core)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("jump", [{"days": 1}, {"days": 4000}])
def test_a_clock_that_was_ahead_keeps_no_job_waiting(core: Core, clock, jump) -> None:
    """Its next turn would be days away, or years."""
    turns: list[int] = []
    job = Job("count", 60, lambda core: turns.append(core.clock.seconds()))
    clock.forward(**jump)
    assert jobs.run_due(core, job)
    clock.forward(**{name: -value for name, value in jump.items()})
    assert jobs.run_due(core, job)
    assert not jobs.run_due(core, job)
    assert len(turns) == 2
