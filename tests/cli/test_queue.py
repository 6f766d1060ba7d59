"""`alumnimail queue`: look, hold, retry, bounce, flush."""

import json

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config
from mailcore.services.accounts import accounts
from mailcore.store.queue import destinations
from mailcore.store.queue.destinations import Rest
from tests.queueing import enqueue_within

MESSAGE = b"From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


@pytest.fixture
def site(tmp_path):
    """A queue with two items of ola's, one of which waits for a domain that rests; gives a runner of commands."""
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path / "var"}"\n')
    core = cores.build(Config(data=str(tmp_path / "var")))
    ola = accounts.add_account(core, "ola", password="correct horse battery")

    def fill(tx):
        now = core.clock.seconds() + 3600
        enqueue_within(core, tx, "a@x.example", "b@y.example", octets=MESSAGE, account=ola.id, now=now)
        destinations.save_rest(tx, "y.example", Rest(3, core.clock.seconds() + 3600, "away"))

    core.db.write(fill)
    cores.close(core)

    def run(*words: str, code: int = 0):
        done = CliRunner().invoke(main, ["--config", str(file), "queue", *words])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if "--json" in words and done.stdout.strip() else done.output

    return run


def ids(site) -> list[int]:
    return [item["id"] for item in site("list", "--json")]


def test_items_are_listed_and_shown(site):
    [first, second] = site("list", "--json")
    assert (first["recipient"], second["recipient"], first["state"]) == ("a@x.example", "b@y.example", "waiting")
    shown = site("show", str(first["id"]), "--json", "--message")
    assert shown["attempts"] == []
    assert shown["message"].endswith("hei\r\n")
    assert "a@x.example" in site("list")
    site("show", "999", code=1)


def test_held_items_wait_for_a_word_and_retry_is_at_once(site):
    first, _ = ids(site)
    [held] = site("hold", str(first), "--json")
    assert held["state"] == "held"
    assert [item["id"] for item in site("list", "--state", "held", "--json")] == [first]
    [again] = site("retry", str(first), "--json")
    assert again["state"] == "waiting"
    assert again["next_at"] < site("list", "--json")[1]["next_at"]
    site("retry", "999", code=1)


def test_flush_overrides_the_back_off_of_items_and_destinations(site, tmp_path):
    before = site("list", "--json")
    after = site("flush", "--json")
    assert [item["id"] for item in after] == [item["id"] for item in before]
    assert all(new["next_at"] < old["next_at"] for old, new in zip(before, after, strict=True))
    core = cores.build(Config(data=str(tmp_path / "var")))
    assert core.db.read(lambda tx: destinations.find_rests(tx, ["y.example"])) == {}
    cores.close(core)


def test_what_is_bounced_goes_back_to_its_sender(site):
    first, second = ids(site)
    assert site("bounce", str(first), "--json") == [{"id": first, "state": "bounced"}]
    left = site("list", "--json")
    assert [(item["recipient"], item["origin"]) for item in left if item["id"] != second] == [
        ("ola@alumni.example", "dsn")
    ]
