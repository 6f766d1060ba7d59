"""The commands export and import, as people type them."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.test_people import config, run  # noqa: F401 - a fixture


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_n17_an_account_goes_out_and_comes_in_again(config: str, tmp_path: Path, form: str) -> None:  # noqa: F811
    for name in ("ola", "kari"):
        run(config, "user", "add", name, "--password-stdin", typed="pass\n")
    file = tmp_path / "ola.zip"
    out = run(config, "export", "ola", str(file), "--format", form)
    assert (out.exit_code, out.stdout.startswith("1 message,")) == (0, True)
    assert zipfile.ZipFile(file).testzip() is None
    assert list(tmp_path.glob("*.part")) == []
    report = json.loads(run(config, "import", "takeout", "kari", str(file), "--json").stdout)
    assert (report["messages"], report["there"]) == (1, 0)
    again = run(config, "import", "takeout", "kari", str(file))
    assert "1 stood there already" in again.stdout


def test_files_of_other_programs_come_in(config: str, tmp_path: Path) -> None:  # noqa: F811
    run(config, "user", "add", "ola", "--quota", "3K", "--password-stdin", typed="pass\n")
    file = tmp_path / "old.mbox"
    file.write_bytes(b"From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n")
    assert run(config, "import", "mbox", "ola", str(file), "--mailbox", "Old").stdout.startswith("1 message,")
    (tmp_path / "md" / "cur").mkdir(parents=True)
    (tmp_path / "md" / "cur" / "1.a:2,S").write_text("Subject: y\n\n" + "x" * 4000)
    full = run(config, "import", "maildir", "ola", str(tmp_path / "md"))
    assert (full.exit_code, "the mailbox is full" in full.stderr) == (1, True)


def test_what_cannot_be_read_is_one_line(config: str, tmp_path: Path) -> None:  # noqa: F811
    run(config, "user", "add", "ola", "--password-stdin", typed="pass\n")
    file = tmp_path / "x.zip"
    file.write_bytes(b"no zip")
    for words in (("takeout", "ola", str(file)), ("mbox", "ola", str(file)), ("maildir", "ola", str(tmp_path))):
        answer = run(config, "import", *words)
        assert (answer.exit_code, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
    unreachable = run(
        config, "import", "imap", "ola", "localhost", "x", "--port", "1", "--password-stdin", typed="pass\n"
    )
    assert (unreachable.exit_code, unreachable.stderr.count("\n")) == (1, 1)
    assert run(config, "export", "ola", str(tmp_path / "no" / "such.zip")).exit_code == 1
    assert run(config, "export", "nobody", str(file)).exit_code == 1


NOTHING = {
    "newlines": b"\n\n",
    "no From line": b"Subject: x\n\nhei\n",
    "prose": b"From here to there\nit is far\n",
    "c-client's own": b"From MAILER-DAEMON Thu Jun 11 19:21:48 2020\nSubject: FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n",
    "too large": b"From - \nSubject: x\n\n" + b"x" * (50 * 2**20),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_of_a_file_that_is_not_empty_either_something_comes_or_one_line_says_why(
    config: str,  # noqa: F811
    tmp_path: Path,
    kind: str,
) -> None:
    run(config, "user", "add", "ola", "--password-stdin", typed="pass\n")
    file = tmp_path / "old.mbox"
    file.write_bytes(NOTHING[kind])
    answer = run(config, "import", "mbox", "ola", str(file))
    told = [line for line in answer.stderr.splitlines() if line.startswith("alumnimail: ")]
    assert (answer.exit_code, len(told)) == (1, 1)


def test_an_unpacked_take_out_comes_in_as_maildir_too(config: str, tmp_path: Path) -> None:  # noqa: F811
    for name in ("ola", "kari"):
        run(config, "user", "add", name, "--password-stdin", typed="pass\n")
    file = tmp_path / "ola.zip"
    run(config, "export", "ola", str(file), "--format", "maildir")
    zipfile.ZipFile(file).extractall(tmp_path / "out")
    for folder in ("out", "out/mail"):
        answer = run(config, "import", "maildir", "kari", str(tmp_path / folder), "--json")
        assert json.loads(answer.stdout)["messages"] == (1 if folder == "out" else 0)
