"""`alumnimail shell`, for those who run it."""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("alumnimail"))


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n')
    subprocess.run([PROGRAM, "--config", str(file), "user", "add", "ola"], check=True, capture_output=True)
    return str(file)


def test_the_shell_has_core_and_the_models_at_hand(config: str):
    said = "print('domain', core.config.domain); print('names', [a.name for a in AccountRow.select()])\n"
    done = subprocess.run([PROGRAM, "--config", config, "shell"], input=said, capture_output=True, text=True, timeout=60)
    assert "domain alumni.example" in done.stdout
    assert "'ola'" in done.stdout


@pytest.mark.slow
def test_the_database_is_shown_in_a_browser_on_loopback(config: str):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([PROGRAM, "--config", config, "shell", "--sql", "--port", str(port)]) as process:
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
                    break
                except OSError:
                    assert time.monotonic() < end
                    time.sleep(0.2)
            assert "blob_octets" in page
        finally:
            process.terminate()
