"""`alumnimail spam`: explain a message, train by a collection of one's own."""

import json

import pytest
from click.testing import CliRunner

from mailcore.cli import main
from mailcore.services.filtering.judging import GTUBE

LETTER = (
    "From: a@b.example\nSubject: Quiet evening {n}\n\nThe zither club of Kvernbekk plays its {n}th barcarole tonight.\n"
)


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "alumnimail.toml"
    config.write_text(f'domain = "alumni.example"\ndata = "{tmp_path}/data"\n')

    def call(*words: str):
        return CliRunner().invoke(main, ["--config", str(config), "spam", *words])

    return call


@pytest.fixture
def letters(tmp_path):
    folder = tmp_path / "letters" / "cur"
    folder.mkdir(parents=True)
    for number in range(12):
        (folder / f"{number}").write_text(LETTER.format(n=number))
    return folder.parent


def test_training_changes_the_judgement_and_the_explanation_says_by_what(run, letters, tmp_path):
    new = tmp_path / "new.eml"
    new.write_text(LETTER.format(n=99))
    before = json.loads(run("explain", str(new), "--json").output)
    answer = run("train", str(letters), "--spam")
    assert answer.output == "12 messages; 12 of spam and 0 of other mail in all\n"
    after = json.loads(run("explain", str(new), "--json").output)
    assert after["probability"] > before["probability"] + 0.1
    told = run("explain", str(new))
    assert "word:zither" in told.output
    assert told.output.startswith(("spam: ", "not spam: "))


def test_the_test_text_is_explained(run, tmp_path):
    file = tmp_path / "gtube"
    file.write_bytes(b"Subject: x\n\n" + GTUBE + b"\n")
    assert "junk in any case: the standard test text" in run("explain", str(file)).output


def test_training_asks_for_the_kind(run, letters):
    answer = run("train", str(letters))
    assert answer.exit_code == 2
    assert "--spam or --ham" in answer.output
