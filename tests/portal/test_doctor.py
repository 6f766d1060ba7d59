"""The set-up doctor tells what it saw of a mail program (N15)."""

from datetime import timedelta

import pytest

from mailcore.core import Core
from mailcore.domain import Identity, Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login, login_log
from mailcore.services.credentials.login_log import LoginOutcome
from mailcore.services.operations import client_doctor
from tests.portal.conftest import PASSWORD, Browser

MAIL = next(scope for scope in Scope if scope is not Scope.PORTAL)


def test_n15_a_wrong_password_and_a_right_one_are_told(inside: Browser, core: Core):
    assert "Nothing has arrived yet." in inside.get("/clients/doctor?lang=en").text
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", "not the password", peer="192.0.2.7", scope=MAIL)
    page = inside.get("/clients/doctor?lang=en").text
    assert "wrong password" in page
    assert "192.0.2.7" in page
    login.authenticate(core, "ola", PASSWORD, peer="192.0.2.7", scope=MAIL)
    core.db.write(lambda tx: None)
    assert "logged in" in inside.get("/clients/doctor?lang=en").text


def test_n15_only_mail_programs_of_the_last_half_hour_are_told_of(inside: Browser, core: Core, monkeypatch):
    inside.send("/account", to="/logout")
    assert inside.log_in(password="not the password").status_code == 403  # noqa: S106 - by the browser, not by a program
    inside.log_in()
    ola = accounts.find_account(core, "ola").id
    assert client_doctor.list_tries(core, ola) == []
    login.authenticate(core, "ola", PASSWORD, peer="192.0.2.7", scope=MAIL)
    core.db.write(lambda tx: None)
    assert [one.outcome for one in client_doctor.list_tries(core, ola)] == ["ok"]
    later = core.clock.now() + timedelta(minutes=31)
    monkeypatch.setattr(type(core.clock), "now", lambda self: later)
    assert client_doctor.list_tries(core, ola) == []


def test_n15_the_university_password_that_has_ended_is_told(inside: Browser, core: Core, ola):
    """It is the right one, so the person looks for the mistake everywhere else."""
    identity = Identity(ola, "directory", None, 0, ended=True)
    login_log.record_login(core, identity, MAIL, "192.0.2.7", outcome=LoginOutcome.ENDED)
    core.db.write(lambda tx: None)
    page = inside.get("/clients/doctor?lang=en").text
    assert "the university password has ended" in page
    assert "Use your alumni password." in page


def test_n15_a_script_gets_the_rows_alone(inside: Browser):
    assert "<html" not in inside.get("/clients/doctor", headers={"HX-Request": "true"}).text


def test_n15_others_are_not_seen(browser: Browser):
    assert browser.get("/clients/doctor").status_code == 302


def test_n15_another_user_name_and_no_tls_show_to_who_looks_from_the_same_place(inside: Browser, core: Core):
    here = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}
    for name in ("olla", "ola@university.example"):
        with pytest.raises(WrongPassword):
            login.authenticate(core, name, "whatever it is", peer="192.0.2.7", scope=MAIL)
    for _ in range(30):
        client_doctor.record_unencrypted(core, "192.0.2.7")
    core.db.write(lambda tx: None)
    page = inside.get("/clients/doctor?lang=en", **here).text
    assert page.count("unknown user name") == 2
    assert "Yours is ola." in page
    assert page.count("without TLS") == 10  # enough is enough
    assert "olla" not in page
    elsewhere = inside.get("/clients/doctor?lang=en", environ_overrides={"REMOTE_ADDR": "198.51.100.7"}).text
    assert "Nothing has arrived yet." in elsewhere
