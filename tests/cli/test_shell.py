"""`alumnimail shell`, for those who run it."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.machine import free_port, listens, running

PROGRAM = str(Path(sys.executable).with_name("alumnimail"))


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n')
    subprocess.run([PROGRAM, "--config", str(file), "user", "add", "ola"], check=True, capture_output=True)
    return str(file)


def test_the_shell_has_core_and_the_models_at_hand(config: str):
    said = "print('domain', core.config.domain); print('names', [a.name for a in AccountRow.select()])\n"
    done = subprocess.run(
        [PROGRAM, "--config", config, "shell"], input=said, capture_output=True, text=True, timeout=180
    )
    assert "domain alumni.example" in done.stdout
    assert "'ola'" in done.stdout


@pytest.mark.slow
def test_the_database_is_shown_in_a_browser_on_loopback(config: str, tmp_path: Path):
    port = free_port()
    with running([PROGRAM, "--config", config, "shell", "--sql", "--port", str(port)], tmp_path, lambda: listens(port)):
        assert b"blob_octets" in urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
