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
    assert (out.exit_code, out.stdout.startswith("1 messages")) == (0, True)
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
    assert run(config, "import", "mbox", "ola", str(file), "--mailbox", "Old").stdout.startswith("1 messages")
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
    unreachable = run(config, "import", "imap", "ola", "localhost", "x", "--port", "1", "--password-stdin", typed="pass\n")
    assert (unreachable.exit_code, unreachable.stderr.count("\n")) == (1, 1)
    assert run(config, "export", "ola", str(tmp_path / "no" / "such.zip")).exit_code == 1
    assert run(config, "export", "nobody", str(file)).exit_code == 1
