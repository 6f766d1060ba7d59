"""The page of questions to the shell is run as it stands, and the shell that only reads changes nothing."""

import re
from pathlib import Path
from typing import Any

import peewee
import pytest

from mailcore import core as cores
from mailcore.cli import shell_names
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Scope
from mailcore.errors import MailError, NotAllowed
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.services.tickets import tickets

PAGE = Path(__file__).resolve().parents[2] / "docs/shell.md"
QUESTIONS = re.findall(r"### (\d+)\. ([^\n]+)\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
PASSWORD = "correct horse battery"


@pytest.fixture
def core(tmp_path: Path):
    made = cores.build(Config(data=str(tmp_path)))
    ola = accounts.add_account(made, "ola", password=PASSWORD)
    accounts.add_account(made, "agnes")
    accounts.set_role(made, "agnes", "desk", actor="command line")
    login.authenticate(made, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP)
    tickets.submit_form(made, kind="quota", subject="x", text="x", reply_to="", owner=ola, peer="x", language="nb")
    yield made
    cores.close(made)


def run(names: shell_names.Names, code: str) -> Any:  # Any: whatever an answer is
    """Run lines as a shell does, and return the value of the last."""
    *lines, last = code.strip().splitlines()
    exec("\n".join(lines), names)  # noqa: S102 - of our own page
    return eval(last, names)  # noqa: S307


def test_there_are_twenty_questions_in_two_or_three_lines():
    assert [int(number) for number, _, _ in QUESTIONS] == list(range(1, 21))
    assert max(len(code.strip().splitlines()) for _, _, code in QUESTIONS) <= 3


def test_every_answer_runs_in_a_shell_that_only_reads(core: Core):
    with shell_names.at_hand(core, write=False) as names:
        answers = {int(number): run(names, code) for number, _, code in QUESTIONS}
    assert answers[1] == accounts.find_account(core, "ola")
    assert answers[2] == ["ola@alumni.example"]
    assert [one[1:3] for one in answers[3]] == [("imap", "192.0.2.1")]
    assert answers[8] == ["agnes"]
    assert answers[9] == [("agnes", "desk")]
    assert answers[10] == ["agnes"]
    assert answers[20][0] == 1


@pytest.mark.sqlite
def test_nothing_is_changed_without_write(core: Core):
    before = core.db.read(lambda tx: tx.rows("SELECT id, name, quota FROM account ORDER BY id"))
    with shell_names.at_hand(core, write=False) as names:
        with pytest.raises(peewee.PeeweeException):
            names["Account"].update(quota=1).execute()
        with pytest.raises(peewee.PeeweeException):
            names["AccountRow"].delete().execute()
        with pytest.raises(NotAllowed):
            names["core"].db.write(lambda tx: tx.run("DELETE FROM account"))
        with pytest.raises(MailError):
            accounts.set_quota(names["core"], "ola", 1)
    assert core.db.read(lambda tx: tx.rows("SELECT id, name, quota FROM account ORDER BY id")) == before


def test_with_write_rows_are_changed(core: Core):
    with shell_names.at_hand(core, write=True) as names:
        accounts.set_quota(names["core"], "ola", 123)
        assert names["account"]("ola").quota == 123
        names["Account"].update(display_name="Ola N.").where(names["Account"].name == "ola").execute()
    assert accounts.find_account(core, "ola").display_name == "Ola N."


def test_helpers_are_described_and_tables_have_no_row_in_their_names(core: Core):
    with shell_names.at_hand(core, write=False) as names:
        described = shell_names.describe_helpers(names)
    assert all(": " in line and not line.endswith(": ") for line in described)
    assert {"Account", "Address", "Ticket"} <= set(shell_names.list_tables())
    assert not [name for name in shell_names.list_tables() if name.endswith("Row")]
