"""`alumnimail shell`, for those who run it."""

import contextlib
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.cli import shell_names
from mailcore.config import Config
from mailcore.errors import NotAllowed
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


def test_what_is_refused_is_said_in_a_line_and_other_errors_show_where_they_came_from(config: str):
    said = 'account("kari")\nAccount.update(name="x").execute()\n[a.name for a in Account.select()]\n1/0\n'
    said += 'Account.get(Account.name == "kari")\n'
    done = subprocess.run(
        [PROGRAM, "--config", config, "shell"], input=said, capture_output=True, text=True, timeout=180
    )
    lines = [line.removeprefix(">>> ") for line in done.stderr.splitlines()]
    assert "there is no account kari" in lines
    assert "This shell reads and changes nothing; start it with --write to change people's rows." in lines
    assert "there is no such Account" in lines
    assert "['ola']" in done.stdout
    assert lines.count("Traceback (most recent call last):") == 1
    assert "ZeroDivisionError: division by zero" in lines


@pytest.mark.parametrize("way", ["write", "awrite", "post", "run_apart"])
def test_a_shell_that_reads_has_no_way_to_write(tmp_path: Path, way: str):
    core = cores.build(Config(data=str(tmp_path)))
    try:
        with shell_names.at_hand(core, write=False) as names, pytest.raises(NotAllowed):
            getattr(names["core"].db, way)
    finally:
        cores.close(core)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--write"]])
def test_the_database_is_shown_in_a_browser_on_loopback_and_changed_with_write_alone(
    config: str, tmp_path: Path, options: list[str]
):
    port = free_port()
    command = [PROGRAM, "--config", config, "shell", "--sql", "--port", str(port), *options]
    with running(command, tmp_path, lambda: listens(port)):
        assert b"blob_octets" in urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
        said = urllib.parse.urlencode({"sql": "UPDATE account SET name='changed'"}).encode()
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/query/", said, timeout=60).read()
    with contextlib.closing(sqlite3.connect(tmp_path / "var" / "alumnimail.db")) as database:
        assert database.execute("SELECT name FROM account").fetchall() == [("changed" if options else "ola",)]
