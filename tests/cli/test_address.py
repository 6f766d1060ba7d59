"""`alumnimail address`: list, add, main, remove, fill."""

import json

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config
from mailcore.services.accounts import accounts


@pytest.fixture
def site(tmp_path):
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path / "var"}"\ndomains = ["old.example"]\n')
    core = cores.build(Config(data=str(tmp_path / "var")))
    for name in ("ola", "kari"):
        accounts.add_account(core, name)
    cores.close(core)

    def run(*words: str, code: int = 0):
        done = CliRunner().invoke(main, ["--config", str(file), "address", *words])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if "--json" in words else done.output

    return run


def test_an_address_is_added_shown_and_removed(site):
    assert site("add", "ola", "ola.nordmann@old.example", "--main") == "ola.nordmann@old.example leads to ola\n"
    assert [(one["address"], one["origin"], one["main"]) for one in site("list", "ola", "--json")] == [
        ("ola@alumni.example", "first", False),
        ("ola.nordmann@old.example", "site", True),
    ]
    assert "you" not in site("list")
    assert "ola@alumni.example" in site("main", "ola.nordmann@old.example", "ola")
    assert site("remove", "ola", "ola.nordmann@old.example") == "ola.nordmann@old.example takes no mail any more\n"
    assert [one["removed"] for one in site("list", "ola", "--json")] == [False, True]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "ola", "kari"),
        ("add", "ola", "x@b.example"),
        ("add", "ola", "postmaster@old.example"),
        ("add", "ola", "a b"),
        ("add", "nobody", "x"),
        ("main", "ola", "kari"),
        ("remove", "ola", "ola"),
        ("fill", "b.example"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_1(site, words):
    told = site(*words, code=1)
    assert told.startswith("alumnimail: ")
    assert told.count("\n") == 1


def test_everybody_gets_their_user_name_at_a_domain_unless_it_is_somebody_elses(site):
    site("add", "kari", "ola@old.example")
    told = site("fill", "old.example")
    assert "0 addresses at old.example given" in told
    assert "ola@old.example is somebody else's" in told
    assert site("add", "ola", "info@old.example", "--reserved")
