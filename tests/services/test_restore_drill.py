"""A backup is restored for trial: what came back is compared, nothing of the installation is touched, nothing stays behind."""

import json
import os
import signal
import tempfile

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from mailcore.errors import BackupProblem
from mailcore.services.accounts import accounts
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import backup, restore_drill
from tests.cli.test_backup import SMALL, put

LARGE = SMALL % 7 + b"z\r\n" * 100_000


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def core(tmp_path):
    made = cores.build(Config(data=str(tmp_path / "var")))
    dkim_keys.ensure_keys(made.config)
    yield made
    cores.close(made)


@pytest.fixture
def config(core):
    return core.config


@pytest.fixture
def folder(core: Core, config, tmp_path):
    """Give a backup of one account with a small and a large message."""
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    put(core, ola, SMALL % 1)
    put(core, ola, LARGE)
    backup.create_backup(config, tmp_path / "backup", Clock())
    return tmp_path / "backup"


def try_it(config, folder) -> restore_drill.DrillResult:
    return restore_drill.run_drill(config, folder, Clock(), lambda octets: None)


def test_a_whole_backup_is_found_whole_and_nothing_stays_behind(core, config, folder, scratch):
    live = sorted((file, file.stat().st_mtime_ns) for file in config.blobs_path.rglob("*"))
    result = try_it(config, folder)
    assert result.problems == ()
    assert (result.contents.accounts, result.contents.messages) == (1, result.made.messages)
    assert result.restore_seconds >= 0
    assert list(scratch.iterdir()) == []
    assert sorted((file, file.stat().st_mtime_ns) for file in config.blobs_path.rglob("*")) == live


def damage(file) -> None:
    octets = bytearray(file.read_bytes())
    octets[-20] ^= 1
    file.write_bytes(octets)


def lose(file) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("which", "how", "words"),
    [
        ("database", damage, "database is not what was backed up"),
        ("files/dkim/rsa1.pem", damage, "files/dkim/rsa1.pem is not what was backed up"),
        ("files/dkim/rsa1.pem", lose, "files/dkim/rsa1.pem is not what was backed up, or is gone"),
        ("blobs/??/??/*", damage, "its octets are not what its name says"),
        ("blobs/??/??/*", lose, "its octets are missing"),
    ],
)
def test_what_is_not_as_it_was_is_named(config, folder, scratch, which, how, words):
    [file] = folder.glob(which)
    how(file)
    problems = try_it(config, folder).problems
    assert any(words in problem for problem in problems), problems
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("what", ["accounts", "mailboxes", "messages", "files"])
def test_counts_are_those_of_the_manifest(config, folder, what):
    file = folder / "manifest.json"
    made = json.loads(file.read_text())
    file.write_text(json.dumps(made | {what: made[what] + 1}))
    [problem] = try_it(config, folder).problems
    assert str(made[what] + 1) in problem
    assert what in problem


def test_a_backup_of_an_earlier_version_says_less_of_itself(config, folder):
    file = folder / "manifest.json"
    made = json.loads(file.read_text())
    file.write_text(json.dumps({key: made[key] for key in made if key not in ("accounts", "mailboxes", "messages")}))
    (folder / "SHA256SUMS").unlink()
    assert try_it(config, folder).problems == ()


def test_a_small_message_that_was_damaged_before_the_backup_is_named(core, config, tmp_path):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    put(core, ola, SMALL % 1)
    core.db.write(lambda tx: tx.run("UPDATE blob_octets SET octets=?", b"something else"))
    backup.create_backup(config, tmp_path / "b", Clock())
    assert "its octets are not what its name says" in "\n".join(try_it(config, tmp_path / "b").problems)


def test_there_must_be_room(config, folder, scratch, monkeypatch):
    monkeypatch.setattr(restore_drill, "SPARE", 2**62)
    with pytest.raises(BackupProblem, match="set TMPDIR"):
        try_it(config, folder)
    assert list(scratch.iterdir()) == []


def test_a_drill_that_is_ended_leaves_nobodys_mail_behind(config, folder, scratch, tmp_path, monkeypatch):
    """SIGTERM ends a program at once, unless it is told to tidy up."""
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{config.data}"\n')

    def end(*about: object, **more: object) -> None:
        assert list(scratch.iterdir())
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda number, frame: None)  # a fault must not end the tests
    try:
        monkeypatch.setattr(backup, "restore_backup", end)
        done = CliRunner().invoke(main, ["--config", str(file), "restore", str(folder), "--drill"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (done.exit_code, list(scratch.iterdir())) == (128 + signal.SIGTERM, [])


def test_the_command_prints_how_long_it_took_and_fails_where_something_is_wrong(config, folder, tmp_path):
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{config.data}"\n')
    run = ["--config", str(file), "restore", str(folder), "--drill"]
    done = CliRunner().invoke(main, run)
    assert (done.exit_code, "restored in" in done.stdout, "1 accounts" in done.stdout) == (0, True, True)
    damage(folder / "files/dkim/rsa1.pem")
    done = CliRunner().invoke(main, [*run, "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"] == ["files/dkim/rsa1.pem is not what was backed up, or is gone"]
    assert CliRunner().invoke(main, [*run, "--replace"]).exit_code == 2
