"""`alumnimail newsletter`: from a topic to a correction."""

import json

import pytest
from click.testing import CliRunner, Result

from mailcore.cli import main

NAMES = ("--nb", "Nytt", "--nn", "Nytt", "--en", "Faculty news")


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "alumnimail.toml"
    config.write_text(f'data = "{tmp_path}/var"\n[outbound]\nmode = "capture"\n')

    def run(*words: str, given: str = "", fails: bool = False) -> Result:
        done = CliRunner().invoke(main, ["--config", str(config), *words], input=given)
        assert (done.exit_code != 0) is fails, done.output
        return done

    run("init")
    run("user", "add", "ola")
    assert run("newsletter", "add-topic", *NAMES).output == "1\n"
    return run


def test_n39_a_topic_has_editors(run):
    run("newsletter", "add-editor", "1", "ola")
    [topic] = json.loads(run("newsletter", "topics", "--json").output)
    assert (topic["address"], topic["editors"]) == ("newsletter+faculty-news@alumni.example", ["ola"])
    assert "faculty-news" in run("newsletter", "topics").output
    run("newsletter", "remove-editor", "1", "ola")
    assert "no editor" in run("newsletter", "remove-editor", "1", "ola", fails=True).output
    assert "no such topic" in run("newsletter", "add-editor", "9", "ola", fails=True).output


def test_n39_a_draft_is_tried_scheduled_taken_back_sent_and_corrected(run):
    assert run("newsletter", "write", "1", "-", "--subject", "November", given="Hei\n").output == "1\n"
    run("newsletter", "test", "1", "ola")
    assert "within a year" in run("newsletter", "send", "1", "--at", "2098-01-01", fails=True).output
    run("newsletter", "send", "1")
    assert "not to be sent" in run("newsletter", "send", "1", fails=True).output
    shown = json.loads(run("newsletter", "show", "1", "--json").output)
    assert (shown["state"], shown["text"], shown["counts"]["filed"]) == ("sent", "Hei\n", 0)
    assert "November" in run("newsletter", "show", "1").output
    assert run("newsletter", "correct", "1", "-", given="Hei igjen\n").output == "0 corrected\n"
    [listed] = json.loads(run("newsletter", "list", "--json").output)
    assert (listed["id"], listed["is_correcting"]) == (1, False)
    assert "sent" in run("newsletter", "list").output
    for word in ("take-back", "stop"):
        assert "changed this newsletter" in run("newsletter", word, "1", fails=True).output
