"""From inside each process of `serve`: what it cannot do, and that all works without it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailcore.process import landlock
from tests.journeys.conftest import PASSWORD, Browser, House
from tests.machine import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(landlock.find_version() < 6, reason="this kernel's Landlock cannot do all that is tried here"),
]
# Put before all other modules of each process: on a signal it tries things, in the main thread, as whoever takes over
# the process could.
PROBE = """
import signal

def probe(*_):
    import ctypes, json, os, pathlib, resource, socket, sys, tempfile
    library = ctypes.CDLL(None, use_errno=True)
    data = pathlib.Path(os.environ["PROBED_DATA"])

    def can(act):
        try:
            act()
        except PermissionError:
            return False
        except ProcessLookupError:
            pass
        return True

    def trace():
        if library.ptrace(16, int(os.environ["PROBED_OTHER"]), 0, 0):  # PTRACE_ATTACH
            raise PermissionError
        library.ptrace(17, int(os.environ["PROBED_OTHER"]), 0, 0)

    def listen():
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()

    def read(*names):
        return lambda: data.joinpath(*names).open("rb").close()

    def write(*names):
        return lambda: data.joinpath(*names).open("ab").close()

    tried = {
        "read the database": read("alumnimail.db"),
        "write to the database": write("alumnimail.db"),
        "read a DKIM key": read("dkim", "rsa1.pem"),
        "read the TLS key": read("tls", "server.key"),
        "read the key of ACME": read("keys", "acme.pem"),
        "read the key of second factors": read("keys", "second-factor"),
        "read the key of imports": read("keys", "imports"),
        "read the key of webhooks": read("keys", "webhook"),
        "read the key of recovery codes": read("keys", "recovery"),
        "replace a DKIM key": write("dkim", "rsa1.pem"),
        "add a DKIM key": write("dkim", "rsa9.pem"),
        "replace a key": write("keys", "scram"),
        "write elsewhere": write("..", "elsewhere", "file"),
        "write a text of the site": write("faq", "20-mine.en.md"),
        "run a program": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
        "listen": listen,
        "end another process": lambda: os.kill(int(os.environ["PROBED_OTHER"]), 0),
        "trace another process": trace,
    }
    found = {name: can(act) for name, act in tried.items()}
    found["leave a core dump"] = bool(library.prctl(3)) or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0)
    place = pathlib.Path(tempfile.gettempdir(), f"probed-{os.getpid()}.new")
    place.write_text(json.dumps([name for name, could in found.items() if could]))
    place.rename(place.with_suffix(".json"))

signal.signal(signal.SIGRTMIN + 5, probe)
"""
EVERYBODY = {"read the database", "write to the database"}
EXPECTED = {
    "mail": EVERYBODY | {"read a DKIM key", "read the TLS key", "read the key of recovery codes"},
    "portal": EVERYBODY
    | {
        "read the key of second factors",
        "read the key of imports",
        "read the key of webhooks",
        "read the key of recovery codes",
    }
    | {"write a text of the site"},
    "queue": EVERYBODY
    | {
        "read a DKIM key",
        "read the TLS key",
        "read the key of ACME",
        "read the key of imports",
        "read the key of webhooks",
        "replace a DKIM key",
    }
    | {"add a DKIM key", "replace a key", "write elsewhere", "write a text of the site"},
}


@pytest.fixture
def other():
    """A process that has nothing to do with the service."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def list_children(supervisor: int) -> list[int]:
    """All below it, without the helper of multiprocessing."""
    found = []
    for pid in map(int, Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()):
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            found += [pid, *list_children(pid)]
    return found


def kind_of(pid: int) -> str:
    return "portal" if b"web_server" in Path(f"/proc/{pid}/cmdline").read_bytes() else "mail or queue"


def probe(house: House) -> dict[int, set[str]]:
    """Ask each process what it can do."""
    assert house.process
    places = {pid: house.folder / f"var/tmp/probed-{pid}.json" for pid in list_children(house.process.pid)}
    for pid, place in places.items():
        place.unlink(missing_ok=True)
        os.kill(pid, signal.SIGRTMIN + 5)
    assert until(lambda: all(place.exists() for place in places.values()), 180), places
    return {pid: set(json.loads(place.read_text())) for pid, place in places.items()}


@pytest.fixture
def probed(tmp_path, monkeypatch, other):
    (tmp_path / "sitecustomize.py").write_text(PROBE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PROBED_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("PROBED_OTHER", str(other.pid))


def test_each_process_can_do_what_it_needs_and_no_more(probed, build, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "var/keys").mkdir(parents=True)
    (tmp_path / "var/keys/acme.pem").write_text("a key")
    house = build(workers=1)
    portals = max(2, min(8, os.cpu_count() or 1)) + 1
    # the portal answers when the first of its processes does
    assert until(lambda: house.process and len(list_children(house.process.pid)) == portals + 2, 120)
    found = sorted((kind_of(pid), sorted(able)) for pid, able in probe(house).items())
    wanted = [("portal", sorted(EXPECTED["portal"]))] * portals
    assert found == sorted([*wanted, *(("mail or queue", sorted(EXPECTED[kind])) for kind in ("mail", "queue"))])


def test_no_thread_has_more_rights_than_its_process(build):
    """Landlock binds the thread that asks and those that it starts: none may have been there before."""
    house = build(workers=1)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    assert 'id="quota"' in Browser(house).post("/login?lang=en", username="ola", password=PASSWORD)
    assert house.process
    for pid in list_children(house.process.pid):
        tasks = [Path(f"/proc/{pid}/task/{task}/status").read_text() for task in os.listdir(f"/proc/{pid}/task")]
        assert all(re.search(r"(?m)^NoNewPrivs:\s1$", status) for status in tasks)


def test_the_portal_signs_what_it_sends_without_having_the_key(build, sink):
    house = build(workers=1)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    browser = Browser(house)
    browser.post("/login?lang=en", username="ola", password=PASSWORD)
    browser.post("/mail/compose", to="kari@outside.example", subject="signed", text="Hei", action="send", sure="1")
    assert until(lambda: sink.mail, 60), (house.folder / "log").read_text()
    [(_, _, octets)] = sink.mail
    assert octets.count(b"DKIM-Signature:") == 2
    assert "Traceback" not in (house.folder / "log").read_text()


def test_it_can_be_switched_off(build):
    house = build(workers=1, more='confinement = "off"')
    assert house.process
    for pid in list_children(house.process.pid):
        assert re.search(r"(?m)^NoNewPrivs:\s0$", Path(f"/proc/{pid}/status").read_text())
