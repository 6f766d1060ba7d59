"""Import of accounts in administration (N37): a preview that names every fault, and a job that creates none twice."""

import io
import re

import pytest
from werkzeug.test import TestResponse

from mailcore.core import Core
from mailcore.domain import Account, ImportState, Scope
from mailcore.errors import InvalidName
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.accounts.people_file import PeopleFile
from mailcore.services.credentials import login
from mailcore.services.operations import account_imports
from mailcore.store.people import account_imports as store
from tests.portal.conftest import PASSWORD, Browser

FILE = "username,name,person,quota,password\n"


def _send(browser: Browser, text: str | bytes) -> TestResponse:
    octets = text.encode() if isinstance(text, str) else text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/admin/import").text)
    assert token
    fields = {"csrf_token": token[1], "file": (io.BytesIO(octets), "people.csv")}
    return browser.client.post("/admin/import", data=fields, content_type="multipart/form-data")


def _confirm(browser: Browser, page: str, **fields: str) -> TestResponse:
    return browser.send(page, **({"password": PASSWORD} | fields))


def test_n37_ten_faults_among_many_lines_are_named_and_the_rest_is_created(eva: Browser, core: Core, ola: Account):
    rows = [f"p{n},Person {n},id{n},," for n in range(300)]
    rows[5], rows[17], rows[29] = "ola,,,,", "é,,,,", "root,,,,"
    rows[40], rows[41], rows[60] = "p1,,,,", "p41,,id2,,", "p60,,,much,"
    rows[70], rows[80], rows[90] = "p70,,,0,", "p80,,,,{PBKDF2}$1$abc", f"p90,{'x' * 1001},,,"
    rows[99] = ",,,,"
    page = _send(eva, FILE + "\n".join(rows) + "\n").headers["Location"]
    text = eva.get(page).text
    assert "290 accounts would be created." in text
    assert "10 lines are left out." in text
    shown = re.findall(r'<td class="number">(\d+)</td><td>[^<]*</td><td>([^<]+)', text)
    assert [int(line) for line, _ in shown] == [7, 19, 31, 42, 43, 62, 72, 82, 92, 101]
    assert len({reason for _, reason in shown}) == 7
    assert len(accounts.list_accounts(core)) == 2  # a preview creates nothing
    assert _confirm(eva, page).status_code == 303
    while account_imports.run_imports(core):
        pass
    assert len(accounts.list_accounts(core)) == 292
    assert "Done." in eva.get(page).text
    made = audit.list_entries(core, accounts.find_account(core, "p299").id)[-1]
    assert (made.event, made.actor) == ("account made", "eva")


def test_n37_the_import_asks_for_the_password_once_more(eva: Browser, core: Core):
    page = _send(eva, "username\nkari\n").headers["Location"]
    assert _confirm(eva, page, password="wrong").status_code == 400
    account_imports.run_imports(core)
    assert [account.name for account in accounts.list_accounts(core)] == ["eva"]


def test_n37_none_may_be_chosen_and_the_file_is_gone(eva: Browser, core: Core):
    page = _send(eva, "username\nkari\n").headers["Location"]
    assert eva.send(page, action="drop").status_code == 303
    with pytest.raises(InvalidName):
        account_imports.find_import(core, 1)
    assert eva.get(page).status_code == 400


def test_n37_a_file_that_nobody_confirms_is_deleted_after_an_hour(eva: Browser, core: Core, monkeypatch):
    _send(eva, "username\nkari\n")
    later = core.clock.seconds() + 3700
    monkeypatch.setattr(type(core.clock), "seconds", lambda _: later)
    account_imports.run_imports(core)
    assert core.db.read(lambda tx: tx.rows("SELECT 1 FROM account_import")) == []


def test_n37_a_file_that_is_done_is_listed_for_a_month(eva: Browser, core: Core, monkeypatch):
    _confirm(eva, _send(eva, "username\nkari\n").headers["Location"])
    account_imports.run_imports(core)
    assert len(account_imports.list_imports(core)) == 1
    later = core.clock.seconds() + 31 * 86_400
    monkeypatch.setattr(type(core.clock), "seconds", lambda _: later)
    account_imports.run_imports(core)
    assert account_imports.list_imports(core) == []


def test_n37_passwords_are_sealed_while_they_wait_and_good_afterwards(eva: Browser, core: Core):
    page = _send(eva, f"username,password\nkari,{PASSWORD}\n").headers["Location"]
    assert PASSWORD not in eva.get(page).text
    saved = core.db.read(lambda tx: store.get_text(tx, 1))
    assert saved
    assert PASSWORD.encode().hex() not in saved
    assert PASSWORD not in saved
    _confirm(eva, page)
    account_imports.run_imports(core)
    assert core.db.read(lambda tx: store.get_text(tx, 1)) == ""
    login.authenticate(core, "kari", PASSWORD, peer="", scope=Scope.IMAP)


def test_n37_an_import_that_was_killed_goes_on_and_creates_none_twice(eva: Browser, core: Core, monkeypatch):
    page = _send(eva, "username\n" + "".join(f"p{n}\n" for n in range(100))).headers["Location"]
    _confirm(eva, page)
    monkeypatch.setattr(account_imports, "TURN_SECONDS", 0)
    account_imports.run_imports(core)
    claimed = core.db.write(lambda tx: store.claim_import(tx, core.clock.seconds(), 60))
    assert claimed is not None
    assert claimed.position == account_imports._PIECE
    assert account_imports.run_imports(core) == 0  # somebody has it, and dies
    later = core.clock.seconds() + 200
    monkeypatch.setattr(type(core.clock), "seconds", lambda _: later)
    monkeypatch.setattr(account_imports, "TURN_SECONDS", 60)
    account_imports.run_imports(core)
    done = account_imports.find_import(core, 1)
    assert (done.state, done.created, done.left_out) == (ImportState.DONE, 100, 0)
    assert len(accounts.list_accounts(core)) == 101


def test_n37_a_file_is_read_once_however_many_turns_it_takes(eva: Browser, core: Core, monkeypatch):
    page = _send(eva, FILE + "".join(f"p{n},,,,\n" for n in range(100))).headers["Location"]
    _confirm(eva, page)
    monkeypatch.setattr(account_imports, "TURN_SECONDS", 0)
    read: list[int] = []
    load = account_imports._load_people

    def note(core: Core, number: int) -> PeopleFile:
        read.append(number)
        return load(core, number)

    monkeypatch.setattr(account_imports, "_load_people", note)
    turns = 0
    while account_imports.find_import(core, 1).state is ImportState.RUNNING:
        account_imports.run_imports(core)
        turns += 1
    assert turns > 1
    assert len(read) == 1
    assert len(accounts.list_accounts(core)) == 101
    account_imports.run_imports(core)
    running = core.resources.get("account import", account_imports._RunningFile)
    assert (running._key, running._people) == (None, ()), "there may be passwords in it"


def test_n37_two_that_work_on_the_same_piece_create_it_once(eva: Browser, core: Core):
    _confirm(eva, _send(eva, "username\nkari\nper\n").headers["Location"])
    claimed = core.db.write(lambda tx: store.claim_import(tx, core.clock.seconds(), 60))
    assert claimed is not None
    piece = [(accounts.NewAccount("kari"), None)]
    assert account_imports._create_piece(core, claimed, 0, piece) == 1
    assert account_imports._create_piece(core, claimed, 0, [(accounts.NewAccount("per"), None)]) is None
    assert [account.name for account in accounts.list_accounts(core)] == ["eva", "kari"]


def test_n37_a_name_that_is_taken_since_the_preview_is_left_out(eva: Browser, core: Core):
    page = _send(eva, "username\nkari\nper\n").headers["Location"]
    accounts.add_account(core, "kari")
    _confirm(eva, page)
    account_imports.run_imports(core)
    done = account_imports.find_import(core, 1)
    assert (done.created, done.left_out) == (1, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"", "must name the columns"), (b"name\nola\n", "must name the columns"), ("username\nø\n".encode("latin-1"), "UTF-8"),
     (b"username\n" + b"a\n" * 100_001, "100000 lines"), (b'username\n"' + b"a" * 140_000, "no line of a CSV file")],
)  # fmt: skip
def test_n37_what_is_no_such_file_is_said_on_the_form(eva: Browser, text: bytes, said: str):
    answer = _send(eva, text)
    assert (answer.status_code, said in answer.text) == (400, True)
