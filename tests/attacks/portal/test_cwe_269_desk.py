"""CWE-269: what the desk may do has bounds, and nobody of the desk does it for themselves."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailcore.cli import main
from mailcore.config import MOST_OCTETS
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import NotAllowed
from mailcore.services.accounts import accounts, people_file
from mailcore.services.quota import quota
from mailcore.services.tickets import tickets
from tests.portal.conftest import PASSWORD, Browser, browser, core, ola  # noqa: F401 - fixtures

GIB = 2**30


@pytest.fixture
def agent(core: Core, browser: Browser, ola: Account) -> Browser:  # noqa: F811
    accounts.add_account(core, "agnes", password=PASSWORD)
    accounts.set_role(core, "agnes", "desk")
    tickets.submit_form(core, kind="quota", subject="x", text="x", reply_to="", owner=ola, peer="x", language="nb")
    agnes = accounts.find_account(core, "agnes")
    tickets.submit_form(core, kind="quota", subject="x", text="x", reply_to="", owner=agnes, peer="x", language="nb")
    assert browser.log_in("agnes").status_code == 303
    return browser


@pytest.mark.parametrize(("size", "days"), [
    ("0", "0"), ("0G", "0"), ("00", ""), ("-1", "0"), ("unlimited", "0"), ("", "0"), ("much", "0"), ("101G", "0"), ("1", "0"),
    ("999999999G", "0"), ("9223372036", "-1"), ("4G", "-1"), ("4G", "3651"), ("4G", "99999999999999999999"), ("4 G", "0"),
    ("\uff14G", "0"), ("4G\0", "0"), ("1023", "0"), ("1e9", "0"),
])  # fmt: skip
@pytest.mark.parametrize("page", ["/desk/people/ola", "/desk/cases/1"])
def test_a_quota_has_bounds(agent: Browser, core: Core, page: str, size: str, days: str) -> None:  # noqa: F811
    before = accounts.find_account(core, "ola").quota
    code = agent.send(page, action="quota", quota=size, days=days).status_code
    assert (code, accounts.find_account(core, "ola").quota) == (400, before)


@pytest.mark.parametrize("page", ["/desk/people/agnes", "/desk/cases/2"])
def test_nobody_of_the_desk_gives_room_to_themselves(agent: Browser, core: Core, page: str) -> None:  # noqa: F811
    answer = agent.send(page, action="quota", quota="20G", days="0")
    assert (answer.status_code, accounts.find_account(core, "agnes").quota) == (400, 2 * GIB)
    agent.send("/desk/people/ola", action="quota", quota="20G", days="0")
    assert accounts.find_account(core, "ola").quota == 20 * GIB


def test_an_admin_neither(core: Core) -> None:  # noqa: F811
    eva = accounts.add_account(core, "eva")
    accounts.set_role(core, "eva", "admin")
    with pytest.raises(NotAllowed):
        quota.grant_quota(core, eva.id, "4G", agent=eva)


@pytest.mark.parametrize("octets", [-1, MOST_OCTETS + 1, 2**63, 10**30])
def test_no_number_is_out_of_all_bounds(core: Core, octets: int) -> None:  # noqa: F811
    account = accounts.add_account(core, "kari").id
    with pytest.raises(NotAllowed):
        quota.change_quota(core, account, octets)


def test_an_end_that_no_calendar_has_is_refused(core: Core, ola: Account) -> None:  # noqa: F811
    eva = accounts.add_account(core, "eva")
    for days in (-1, 3651, 10**10, timedelta.max.days):
        with pytest.raises(NotAllowed):
            quota.grant_quota(core, ola.id, "4G", agent=eva, days=days)


# On the command line


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    config = folder / "alumnimail.toml"
    config.write_text(f'data = "{folder}/data"\n')
    done = CliRunner().invoke(main, ["--config", str(config), *arguments])
    return done.exit_code, done.output


def test_unlimited_is_a_word_on_the_command_line_and_no_number(tmp_path: Path) -> None:
    assert run(tmp_path, "user", "add", "ola", "--quota", "unlimited")[0] == 0
    assert run(tmp_path, "user", "quota", "ola", "2G")[0] == 0
    for written in ("0", "0G", "00", "-1", "", "999999999G", "2 G", "unlimitedd"):
        code, told = run(tmp_path, "user", "quota", "--", "ola", written)
        assert code == 2, told
    assert "unlimited" in run(tmp_path, "user", "quota", "ola", "0")[1]
    assert run(tmp_path, "user", "add", "kari", "--quota", "0")[0] == 2
    assert "2G" in run(tmp_path, "user", "quota", "ola", "2G")[1]
    code, told = run(tmp_path, "user", "quota", "ola", "Unlimited")
    assert code == 0
    assert told.endswith(" of unlimited\n")
    assert "unlimited" in run(tmp_path, "user", "list")[1]


@pytest.mark.parametrize(("written", "octets"), [("", None), ("2G", 2 * GIB), ("unlimited", 0)])
def test_a_list_of_accounts_says_it_by_the_word(tmp_path: Path, written: str, octets: int | None) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"username,quota\nola,{written}\n")
    assert [one.quota for one in people_file.read_csv(file).accounts] == [octets]
    file.write_text("username,quota\nola,0\n")
    [fault] = people_file.read_csv(file).faults
    assert "unlimited" in fault.text
