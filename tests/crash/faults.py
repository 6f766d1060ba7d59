"""The faults, each as what is done to the service while mail comes in; a new one is a new row."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable

from tests.crash import engines
from tests.crash.engines import Engines, pause
from tests.crash.world import World
from tests.machine import until


def kill(world: World) -> None:
    pause()
    world.house.kill()
    world.start()


def kill_while_it_starts(world: World) -> None:
    world.house.kill()
    program = subprocess.Popen([*world.house.command(), "serve", "--one"], start_new_session=True, cwd=world.house.starts_in,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    pause(0.2, 4)
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    world.start()


def kill_one_process(world: World) -> None:
    """Kill one of several processes: all end with it, and whoever watches the service starts it anew."""
    world.house.kill()
    world.start(workers=2)
    pause()
    assert world.house.process is not None
    # not Python's tracker of resources, whose end ends nothing
    command = ["pgrep", "-P", str(world.house.process.pid), "-f", "spawn_main|web_server"]
    children = subprocess.run(command, capture_output=True, text=True, check=True)
    os.kill(int(random.choice(children.stdout.split())), signal.SIGKILL)
    assert until(lambda: world.house.process is not None and world.house.process.poll() is not None), "it goes on"
    world.house.kill()
    world.start()


def lose_power(world: World) -> None:
    """Lose what nobody had synced; what was answered by 250 is not lost."""
    assert world.disk is not None
    assert world.house.process is not None
    pause()
    os.killpg(world.house.process.pid, signal.SIGSTOP)
    promised = list(world.promised)
    world.disk.copy()
    world.house.kill()
    world.promised[:] = promised + [one for one in world.promised if one not in set(promised)]
    world.disk.go_back()
    world.start()


def stand_still(world: World) -> None:
    """The machine was asleep, or moved to another."""
    assert world.house.process is not None
    pause()
    os.killpg(world.house.process.pid, signal.SIGSTOP)
    pause(2, 4)
    os.killpg(world.house.process.pid, signal.SIGCONT)


def on_the_machine(words: str, seconds: float = 2.0) -> Callable[[World], None]:
    def fault(world: World) -> None:
        pause()
        world.faults.set(words)
        time.sleep(seconds)
        world.faults.set("")

    return fault


def kill_on_a_full_disk(world: World) -> None:
    pause()
    world.faults.set("full")
    pause()
    world.house.kill()
    world.faults.set("")
    world.start()


def lock_database(world: World) -> None:
    pause()
    other = sqlite3.connect(world.house.folder / "var" / "alumnimail.db", timeout=30)
    try:
        other.execute("BEGIN IMMEDIATE")
        pause(2, 4)
    finally:
        other.rollback()
        other.close()


def start_with_another_clock(world: World) -> None:
    """The battery of the clock was empty: it begins a year ago, and is set while the service runs."""
    world.house.kill()
    world.faults.set("clock=-31536000")
    world.start()
    pause(1, 2)
    world.faults.set("")


def dns_is_silent(world: World) -> None:
    pause()
    world.silent.append("example")
    pause(2, 3)
    world.silent.clear()


def dns_fails(world: World) -> None:
    pause()
    world.broken.append("example")
    pause(2, 3)
    world.broken.clear()


FAULTS: dict[str, Callable[[World], None]] = {
    # the first ones are those that each test run plays
    "kill -9": kill,
    "power loss": lose_power,
    "a full disk": on_the_machine("full"),
    "EIO of fsync": on_the_machine("fsync"),
    "the clock a day forward": on_the_machine("clock=86400"),
    "a locked database": lock_database,
    "kill -9 while it starts": kill_while_it_starts,
    "kill -9 of one process": kill_one_process,
    "standing still": stand_still,
    "EIO of writes": on_the_machine("write"),
    "kill -9 on a full disk": kill_on_a_full_disk,
    "a slow disk": on_the_machine("slow", 4.0),
    "the clock an hour back": on_the_machine("clock=-3600"),
    "a start with another clock": start_with_another_clock,
    "DNS is silent": dns_is_silent,
    "DNS fails": dns_fails,
}
# what is not of a service that has its mail elsewhere
OF_ITS_OWN_FILES = ("power loss", "a locked database")


def on_engines(fault: Callable[[Engines], None]) -> Callable[[World], None]:
    def play_it(world: World) -> None:
        assert world.engines is not None
        fault(world.engines)

    return play_it


ENGINE_FAULTS: dict[str, Callable[[World], None]] = {name: on_engines(fault) for name, fault in engines.FAULTS.items()}


def play(world: World, name: str) -> int:
    """One round; return how many messages were promised in it.  Raises AssertionError."""
    world.begin_traffic()
    try:
        (FAULTS | ENGINE_FAULTS)[name](world)
        world.assert_flows()
    finally:
        world.end_traffic()
        world.faults.set("")
    return world.assert_kept()


def possible(world: World) -> list[str]:
    if world.engines is not None:
        return [*ENGINE_FAULTS, *(name for name in FAULTS if name not in OF_ITS_OWN_FILES)]
    return [name for name in FAULTS if world.disk is not None or name != "power loss"]
