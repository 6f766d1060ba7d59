"""Confined processes find all that they need, and the unit of systemd gives up every right that it can."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mailcore.services.limits import keys

ROOT = Path(__file__).parents[2]
MOST_EXPOSED = 2.0  # of 10, as systemd counts
_USE = re.compile(r"\bkeys\.(?:load_key|compute_hmac|seal|unseal)\(\s*[\w.]*config,\s*([\"']?)([\w -]+)\1,?")


def find_key_names() -> set[str]:
    """Find the names of all keys that the program asks for, those of constants, too."""
    names = set()
    for path in [*(ROOT / "mailcore").rglob("*.py"), *(ROOT / "portal").rglob("*.py")]:
        source = path.read_text()
        for quote, name in _USE.findall(source):
            if quote:
                names.add(name)
            else:
                [(left, right)] = re.findall(rf"(?m)^((?:\w+, )*{name}(?:, \w+)*) = (.*)$", source)
                names.add(re.findall(r"\"([^\"]*)\"|\d+", right)[left.split(", ").index(name)])
    return names


def test_every_key_is_made_before_processes_are_confined():
    assert find_key_names() == set(keys.NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["mailcore.cli.serve", "mailcore.cli.web_server"])
def test_modules_start_no_thread_when_they_are_imported(module):
    """A thread that runs before a process is confined keeps all rights."""
    source = f"import threading, {module}; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.stdout == "1\n", done.stderr


def test_the_unit_of_systemd_exposes_little():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    unit = ROOT / "deploy/alumnimail.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", unit], capture_output=True, text=True, timeout=60
    )
    [exposed] = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposed) <= MOST_EXPOSED, done.stdout


def test_the_unit_lets_the_service_confine_itself():
    """systemd's set @system-service has not had Landlock in every version."""
    unit = (ROOT / "deploy/alumnimail.service").read_text()
    [allowed] = re.findall(r"(?m)^SystemCallFilter=@system-service(.*)$", unit)
    assert set(allowed.split()) == {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
