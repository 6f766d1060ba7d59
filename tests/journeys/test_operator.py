"""`serve` as an administrator and a service manager meet it: what cannot go on says so in one line, and nobody is left behind."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.journeys.conftest import House, Sink
from tests.machine import until

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def refused(house: House, *words: str) -> str:
    """The one line that the command ends with."""
    done = subprocess.run([*house.command(), *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


def runs(process: int) -> bool:
    """A zombie does not: whoever has to bury it here takes its time."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(process: int) -> list[int]:
    return [int(line) for line in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    sink = Sink()
    made = House(tmp_path_factory.mktemp("house"), sink, workers=1)
    yield made
    made.kill()
    sink.stop()


@pytest.fixture
def house(standing, monkeypatch) -> House:
    """Served, whatever a test before has done to it."""
    monkeypatch.setenv("HOME", str(standing.folder))
    if standing.process is None or standing.process.poll() is not None:
        standing.start()
    return standing


def test_the_service_manager_hears_when_every_listener_is_up(standing, monkeypatch):
    standing.kill()
    path = str(standing.folder / "manager")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("HOME", str(standing.folder))
        standing.start()
        assert manager.recv(99) == b"READY=1"


def test_data_are_served_by_one_and_restored_beneath_nobody(house):
    assert "is being served already" in refused(house, "serve", "--one")
    house.run("backup", str(house.folder / "backup"))
    assert "is being served already" in refused(house, "restore", "--replace", str(house.folder / "backup"))
    assert not (house.folder / ".gunicorn").exists()  # a socket by which the portal could be told what to do


def test_ports_of_another_installation_are_not_shared(house, sink, tmp_path):
    other = House(tmp_path, sink, workers=1)
    other.config.write_text(house.config.read_text().replace(f"{house.folder}/var", f"{tmp_path}/var"))
    assert refused(other, "serve").startswith("alumnimail: listen.smtp: 127.0.0.1:")


def test_one_process_that_ends_takes_the_service_with_it_and_is_named(house):
    mail = children(house.process.pid)[1]  # the first keeps track of shared memory
    os.kill(mail, signal.SIGKILL)
    assert house.process.wait(60) == 1
    assert f"(process {mail}) ended with -9; stopping".encode() in (house.folder / "log").read_bytes()


def test_a_supervisor_that_is_killed_leaves_nobody_behind(house):
    others = children(house.process.pid)
    assert len(others) == 4
    house.process.kill()
    house.process.wait()
    assert until(lambda: not any(map(runs, others)))
