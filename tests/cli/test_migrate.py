"""A schema on a cluster that runs: an older node holds up what would take away what it uses."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config
from mailcore.core import Core
from mailcore.errors import Busy, ConfigError
from mailcore.services.operations import contracting
from mailcore.store.engine.db import Tx
from mailcore.store.migrations import runner
from mailcore.store.site import nodes


def test_a_database_without_anything_that_waits_is_up_to_date(tmp_path: Path):
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n')
    for words in (["migrate"], ["migrate", "--contract"]):
        done = CliRunner().invoke(main, ["--config", str(file), *words], prog_name="alumnimail")
        assert (done.exit_code, done.stdout) == (0, "the database is up to date\n")


class Later:
    """A migration of tomorrow."""

    PHASE = runner.CONTRACT

    @staticmethod
    def migrate(tx: Tx) -> None:
        tx.run("DELETE FROM setting WHERE key='of the older version'")
        tx.run("INSERT INTO setting (key, value) VALUES ('new', '')")


@pytest.fixture
def later(core: Core, monkeypatch: pytest.MonkeyPatch) -> Core:
    known, load = runner.known_names(), runner._import
    monkeypatch.setattr(runner, "known_names", lambda: [*known, "9999_later"])
    monkeypatch.setattr(runner, "_import", lambda name: Later if name == "9999_later" else load(name))
    core.db.write(lambda tx: tx.run("INSERT INTO setting (key, value) VALUES ('of the older version', '')"))
    return core


@pytest.fixture
def core(tmp_path: Path):
    made = cores.build(Config(data=str(tmp_path / "var")))
    yield made
    # a database of the run is given to the next test
    made.db.write(lambda tx: tx.run("DELETE FROM migration WHERE name='9999_later'"))
    cores.close(made)


def list_settings(core: Core) -> set[str]:
    return {row[0] for row in core.db.read(lambda tx: tx.rows("SELECT key FROM setting"))}


def test_what_contracts_waits_for_the_last_older_node(later: Core):
    assert contracting.list_waiting(later) == ["9999_later"]
    later.db.write(lambda tx: nodes.save_beat(tx, "north", "0.1.0", 1))
    with pytest.raises(ConfigError, match=r"north \(0\.1\.0\)"):
        contracting.contract(later)
    assert "of the older version" in list_settings(later)
    later.db.write(lambda tx: nodes.delete_node(tx, "north"))
    assert contracting.contract(later) == ["9999_later"]
    assert "of the older version" not in list_settings(later)
    assert (contracting.list_waiting(later), contracting.contract(later)) == ([], [])


def test_one_that_fails_leaves_nothing(later: Core, monkeypatch: pytest.MonkeyPatch):
    def fail(tx: Tx) -> None:
        Later.migrate(tx)
        raise ValueError("no")

    monkeypatch.setattr(runner, "_import", lambda name: type("Failing", (), {"migrate": staticmethod(fail)}))
    monkeypatch.setattr(runner, "list_contracts", lambda ran: ["9999_later"])
    with pytest.raises(Busy, match="9999_later: no"):
        contracting.contract(later)
    assert {"of the older version", "new"} & list_settings(later) == {"of the older version"}
