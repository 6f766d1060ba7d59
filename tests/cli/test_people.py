"""The commands user, order, forward and queue, as people type them."""

import json
import logging
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailcore import core as cores
from mailcore.cli import main
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.accounts import accounts, orders
from mailcore.services.tickets import tickets
from mailcore.store.engine import db
from mailcore.store.people import second_factors
from mailcore.store.people.second_factors import FactorKind


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n')
    return str(file)


@contextmanager
def opened(tmp_path: Path) -> Iterator[Core]:
    core = cores.build(Config(data=f"{tmp_path}/var"))
    yield core
    cores.close(core)


def run(config: str, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["--config", config, *words], input=typed)


def test_a_slow_write_is_nothing_that_a_command_prints(config: str, monkeypatch, caplog) -> None:
    monkeypatch.setattr(db, "SLOW_SECONDS", 0)
    assert run(config, "user", "add", "ola", "--password-stdin", typed="a good password of ola\n").exit_code == 0
    assert "a write held up" not in caplog.text
    assert logging.getLogger("mailcore.store.engine.write_watch").isEnabledFor(logging.WARNING)


def test_a_user_is_added_shown_given_room_and_closed(config: str) -> None:
    assert (
        run(
            config, "user", "add", "ola", "--name", "Ola", "--quota", "1G", "--password-stdin", typed="pass\n"
        ).exit_code
        == 0
    )
    assert json.loads(run(config, "user", "show", "ola", "--json").stdout)["quota"] == 2**30
    assert run(config, "user", "quota", "ola", "3G").exit_code == 0
    assert [a["quota"] for a in json.loads(run(config, "user", "list", "--json").stdout)] == [3 * 2**30]
    assert run(config, "user", "close", "ola").exit_code == 0
    assert json.loads(run(config, "user", "show", "ola", "--json").stdout)["state"] == "closed"


def test_without_a_password_a_one_time_link_is_printed(config: str) -> None:
    assert "/password/link/" in run(config, "user", "add", "ola").stdout


def test_a_problem_is_one_line_on_stderr_and_status_one_and_wrong_use_is_two(config: str) -> None:
    missing = run(config, "user", "show", "kari")
    assert (missing.exit_code, missing.stdout, missing.stderr.count("\n")) == (1, "", 1)
    assert run(config, "user", "quota", "ola", "much").exit_code == 2


@pytest.mark.sqlite  # its file; tests/services/test_postgresql.py has what a server refuses
def test_what_the_disk_and_the_database_refuse_is_one_line(config: str, tmp_path: Path) -> None:
    def told(*words: str) -> str:
        done = run(config, *words)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.stderr
        return done.stderr

    (tmp_path / "var").write_text("a file where the folder should be")
    assert told("user", "list") == f"alumnimail: {tmp_path}/var: File exists\n"
    (tmp_path / "var").unlink()
    assert run(config, "init").exit_code == 0
    with opened(tmp_path) as core:
        core.db.write(lambda tx: tx.run("INSERT INTO migration (name, at) VALUES ('9999_of_a_later_version', 1)"))
    assert "is of a newer version of Alumnimail" in told("user", "list")
    for file in (tmp_path / "var").glob("alumnimail.db*"):
        if file.is_file():
            file.write_bytes(b"no database at all, whatever its name says")
    assert "cannot be opened: file is not a database" in told("check")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("owner", [0, 65534])
def test_root_becomes_the_owner_of_the_data(tmp_path: Path, owner: int) -> None:
    """Folders of blobs that root had made would be closed to the service."""
    os.chown(tmp_path, owner, owner)
    asked = f"from pathlib import Path; import os; from mailcore.cli import common; common.become_owner(Path({str(tmp_path)!r}))"
    told = subprocess.check_output([sys.executable, "-c", f"{asked}; print(os.getresuid(), os.getresgid())"], text=True)
    assert told == f"{(owner,) * 3} {(owner,) * 3}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_that_becomes_the_owner_reads_the_passwords_of_the_owners_home(tmp_path: Path) -> None:
    """libpq looks for .pgpass in HOME, and that of root is closed to the owner."""
    owner = pwd.getpwnam("nobody")
    os.chown(tmp_path, owner.pw_uid, owner.pw_gid)
    asked = f"from pathlib import Path; import os; from mailcore.cli import common; common.become_owner(Path({str(tmp_path)!r}))"
    told = subprocess.check_output([sys.executable, "-c", f"{asked}; print(os.environ['HOME'])"], text=True)
    assert told == f"{owner.pw_dir}\n"


def test_a_file_of_accounts_is_imported(config: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username,password\n" + "".join(f"user{n},pass\n" for n in range(20)))
    assert run(config, "user", "import", str(file)).stdout == "20 accounts created\n"


def test_every_line_with_a_fault_is_named_and_none_or_the_rest_is_imported_by_choice(
    config: str, tmp_path: Path
) -> None:
    run(config, "user", "add", "ola")
    file = tmp_path / "people.csv"
    file.write_text("username,quota\nkari,\nk ari,\nola,\nper,much\nliv,2G\n")
    named = ["line 3: 'k ari' cannot be a user name", "line 4: ola is taken", "line 5: "]
    for options, code in (([], 1), (["--skip-faulty"], 0)):
        answer = run(config, "user", "import", str(file), *options)
        told = answer.stderr.splitlines()
        assert answer.exit_code == code
        assert [line.startswith(start) for line, start in zip(told, named, strict=False)] == [True] * 3
        names = [one["name"] for one in json.loads(run(config, "user", "list", "--json").stdout)]
        assert {"kari", "liv"} <= set(names) if code == 0 else not {"kari", "liv"} & set(names)
        assert answer.stdout == ("" if code else "2 accounts created\n")
        assert "--skip-faulty creates the other 2" in told[3] if code else len(told) == 3


def test_a_forwarding_asks_and_the_question_can_be_held_and_given_up(config: str) -> None:
    run(config, "user", "add", "ola")
    assert run(config, "forward", "set", "ola", "ola@example.org").stdout.startswith("unconfirmed")
    shown = json.loads(run(config, "forward", "show", "ola", "--json").stdout)
    assert {key: shown[key] for key in ("target", "state", "copy", "failures", "last_reply")} == {
        "target": "ola@example.org",
        "state": "unconfirmed",
        "copy": True,
        "failures": 0,
        "last_reply": "",
    }
    [item] = json.loads(run(config, "queue", "list", "--json").stdout)
    number = str(item["id"])
    assert run(config, "queue", "hold", number).exit_code == 0
    assert json.loads(run(config, "queue", "show", number, "--json").stdout)["state"] == "held"
    assert run(config, "queue", "retry", number).exit_code == 0
    assert run(config, "queue", "bounce", number).exit_code == 0
    assert run(config, "queue", "hold", number).exit_code == 1
    assert run(config, "forward", "stop", "ola").stdout == "off\n"


def test_the_help_desk_on_the_command_line(config: str, tmp_path: Path) -> None:
    with opened(tmp_path) as core:
        core.db.write(
            lambda tx: tickets.open_ticket(
                core, tx, kind="login", subject="Cannot log in", text="Help", reply_to="ola@elsewhere.example"
            )
        )
    assert "Cannot log in" in run(config, "ticket", "list").stdout
    assert run(config, "ticket", "reply", "1", "--note", "looks odd").exit_code == 0
    assert run(config, "ticket", "reply", "1", typed="Try again\n").stdout == "ticket 1 is answered\n"
    shown = json.loads(run(config, "ticket", "show", "1", "--json").stdout)
    assert [m["author"] for m in shown["messages"]] == ["person", "note", "desk"]
    assert run(config, "ticket", "close", "1").exit_code == 0
    assert json.loads(run(config, "ticket", "list", "--state", "closed", "--json").stdout)[0]["id"] == 1
    assert run(config, "ticket", "show", "7").exit_code == 1


def test_n11_the_end_of_the_service_is_announced_reported_and_withdrawn(config: str) -> None:
    run(config, "user", "add", "ola", "--name", "Ola Nordmann", "--person", "p1")
    soon, far = (f"{Clock().now().date() + timedelta(days=days):%Y-%m-%d}" for days in (300, 400))
    refused = run(config, "sunset", "announce", "--end", soon)  # before anything is asked
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "twelve months" in refused.stderr
    assert run(config, "sunset", "announce", "--end", far, typed="n\n").exit_code == 1
    assert run(config, "sunset", "status").exit_code == 1
    assert (
        run(config, "sunset", "announce", "--end", far, "--new-address", "https://new.example", typed="y\n").exit_code
        == 0
    )
    found = json.loads(run(config, "sunset", "status", "--json", "--people").stdout)
    assert (found["ends"], found["accounts"], found["read"], found["letters"]) == (far, 1, 0, 1)
    letters = run(config, "sunset", "letters", "--sent").stdout.splitlines()
    assert letters[1].startswith("ola,ola@alumni.example,Ola Nordmann,p1,nb")
    assert len(run(config, "sunset", "letters").stdout.splitlines()) == 1
    assert run(config, "sunset", "read", "ola").stdout == "ola has read it\n"
    assert json.loads(run(config, "sunset", "status", "--json").stdout)["by_desk"] == 1
    assert "confirmed" not in run(config, "sunset", "status", "--people").stdout
    assert run(config, "sunset", "finish", "--yes").exit_code == 1
    assert run(config, "sunset", "withdraw", "--yes").exit_code == 0
    assert run(config, "sunset", "withdraw", "--yes").exit_code == 1


def test_s06_proof_is_asked_for_on_the_command_line(config: str, tmp_path: Path) -> None:
    with opened(tmp_path) as core:
        orders.submit_order(
            core,
            name="ida",
            display_name="Ida",
            contact="ida@home.example",
            affiliation="",
            language="nb",
            terms=True,
            key="1",
        )
    assert run(config, "order", "ask", "1", "When did you study here?").stdout == "order 1 is awaiting proof\n"
    waiting = json.loads(run(config, "order", "list", "--state", "awaiting proof", "--json").stdout)
    assert [one["name"] for one in waiting] == ["ida"]
    assert [i["recipient"] for i in json.loads(run(config, "queue", "list", "--json").stdout)] == [
        "ida@home.example"
    ] * 2
    assert run(config, "order", "ask", "9", "?").exit_code == 1
    assert run(config, "order", "approve", "1").exit_code == 0
    assert run(config, "order", "ask", "1", "?").exit_code == 1


def test_s15_somebody_is_let_in_again_on_the_command_line(config: str, tmp_path: Path) -> None:
    for name in ("ola", "anne", "bent"):
        run(config, "user", "add", name)
    for agent in ("anne", "bent"):
        run(config, "user", "role", agent, "desk")
    assert run(config, "recovery", "issue", "ola").exit_code == 2  # nothing was written of the proof
    assert "/password/link/" in run(config, "recovery", "issue", "ola", "--proof", "passport seen").stdout
    mailed = run(config, "recovery", "issue", "ola", "--proof", "x", "--send-to", "ola@home.example")
    assert mailed.stdout == "the link is mailed\n"
    assert run(config, "recovery", "issue", "ola", "--proof", "x", "--agent", "ola").exit_code == 1
    with opened(tmp_path) as core:
        ola = accounts.find_account(core, "ola")
        core.db.write(lambda tx: second_factors.add_factor(tx, ola.id, FactorKind.TOTP, "", "", "", 0, 0, active=True))
    asked = run(config, "recovery", "issue", "ola", "--proof", "passport seen", "--agent", "anne")
    assert asked.stdout.startswith("recovery 1 waits for a second agent")
    assert [one["name"] for one in json.loads(run(config, "recovery", "list", "--json").stdout)] == ["ola"]
    assert run(config, "recovery", "agree", "1", "--agent", "anne").exit_code == 1
    assert "/password/link/" in run(config, "recovery", "agree", "1", "--agent", "bent").stdout
    assert run(config, "recovery", "refuse", "1").exit_code == 1


def test_s15_the_command_line_alone_is_not_two_agents(config: str, tmp_path: Path) -> None:
    run(config, "user", "add", "ola")
    with opened(tmp_path) as core:
        ola = accounts.find_account(core, "ola")
        core.db.write(lambda tx: second_factors.add_factor(tx, ola.id, FactorKind.TOTP, "", "", "", 0, 0, active=True))
    run(config, "recovery", "issue", "ola", "--proof", "x")
    refused = run(config, "recovery", "agree", "1")
    assert (refused.exit_code, "second agent" in refused.stderr) == (1, True)
    assert run(config, "recovery", "refuse", "1").stdout == "recovery 1 is refused\n"
