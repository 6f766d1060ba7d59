"""`alumnimail trace`: what became of the messages for an account, without a browser (N14)."""

import json

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config
from mailcore.services.accounts import accounts
from mailcore.services.delivery import traces
from mailcore.store.delivery import records
from mailcore.store.delivery.records import About


@pytest.fixture
def run(tmp_path):
    """The command line of a site where ola got one message, and one was refused."""
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path / "var"}"\n')
    core = cores.build(Config(data=str(tmp_path / "var")))
    ola = accounts.add_account(core, "ola", password="correct horse battery")

    def arrive(tx):
        told = About(b"\x1b]0;owned\x07", b"Kari <kari@outside.example>", "<1@x>", b"", 900, '{"spf": "pass"}')
        records.save_record(
            tx, ola.id, core.clock.seconds(), "kari@outside.example", "ola@alumni.example", "filed", "INBOX", told
        )
        traces.refused(
            core,
            tx,
            ola.id,
            About(),
            sender="spam@outside.example",
            recipient="ola@alumni.example",
            reply="550 5.7.1 no",
        )

    core.db.write(arrive)
    cores.close(core)
    return lambda *words: CliRunner().invoke(main, ["--config", str(file), "trace", *words])


def test_n14_an_administrator_sees_what_came_and_what_was_refused(run):
    listed = run("ola").stdout
    assert [line.split()[3] for line in listed.splitlines()[1:]] == ["refused", "filed"]
    assert "550 5.7.1 no" in listed
    [found] = json.loads(run("ola", "kari", "--json").stdout)
    assert (found["outcome"], found["sender"], found["size"]) == ("filed", "kari@outside.example", 900)
    one = run("ola", "--id", str(found["id"]))
    assert "spf" in one.stdout
    assert "INBOX" in one.stdout
    assert run("ola", "--id", "99").stderr == "alumnimail: no record 99\n"
    assert run("kari").stderr == "alumnimail: there is no account kari\n"


def test_what_a_stranger_wrote_is_no_command_to_the_terminal(run):
    listed = run("ola").stdout
    assert "owned" in listed
    assert "\x1b" not in listed
    assert "\x07" not in listed
