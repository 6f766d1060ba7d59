"""Log-in: names with and without the domain, and the same words and time for whoever is refused."""

import pytest

from mailcore.config import Config, Limits
from mailcore.core import Core
from mailcore.domain import Identity, Scope
from mailcore.errors import LinkExpired, TooMany, WeakPassword, WrongPassword
from mailcore.services.accounts import accounts, closing
from mailcore.services.credentials import credentials, login, passwords
from mailcore.services.signin import web_sessions
from tests.services.conftest import SetClock

GOOD = "en god lang setning"


def enter(core: Core, username: str, password: str, peer: str = "192.0.2.1") -> Identity:
    return login.authenticate(core, username, password, peer=peer, scope=Scope.IMAP)


@pytest.mark.parametrize("username", ["ola", "OLA", " ola ", "ola@alumni.example", "Ola@Alumni.Example "])
def test_the_user_name_is_taken_with_and_without_our_domain(core: Core, username: str) -> None:
    accounts.add_account(core, "ola", password="pass")
    assert enter(core, username, "pass").account.name == "ola"


@pytest.mark.parametrize(
    "username", ["ola@ntnu.example", "ola@", "kari", "", "@alumni.example", "ola@alumni.example@x"]
)
def test_another_domain_and_unknown_users_are_refused_with_the_same_words(core: Core, username: str) -> None:
    accounts.add_account(core, "ola", password="pass")
    with pytest.raises(WrongPassword) as unknown:
        enter(core, username, "pass")
    with pytest.raises(WrongPassword) as wrong:
        enter(core, "ola", "no")
    assert str(unknown.value) == str(wrong.value)


def test_an_unknown_user_costs_an_argon2_run_as_well(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    monkeypatch.setattr(passwords, "matches", lambda hashed, password: bool(runs.append(hashed)))
    with pytest.raises(WrongPassword):
        enter(core, "kari", "pass")
    assert len(runs) == 1


def test_the_second_log_in_costs_no_argon2_run_until_the_password_changes(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    ola = accounts.add_account(core, "ola", password="pass")
    runs: list[str] = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda h, p: bool(runs.append(h)) or real(h, p))
    enter(core, "ola", "pass")
    enter(core, "ola", "pass")
    assert len(runs) == 1
    credentials.set_password(core, ola.id, GOOD)
    with pytest.raises(WrongPassword):
        enter(core, "ola", "pass")
    enter(core, "ola", GOOD)
    assert len(runs) == 3


def test_failures_are_counted_for_account_and_peer_for_an_hour(core: Core, clock: SetClock) -> None:
    accounts.add_account(core, "ola", password="pass")
    for number in range(core.config.limits.login_failures_per_hour):
        with pytest.raises(WrongPassword):
            enter(core, "ola", f"no {number}")
    with pytest.raises(TooMany):
        enter(core, "ola", "pass")
    enter(core, "ola", "pass", peer="192.0.2.2")
    clock.forward(minutes=61)
    enter(core, "ola", "pass")


def test_trusted_networks_are_free_of_the_count() -> None:
    assert Config(limits=Limits(trusted=("127.0.0.0/8",))).limits.is_trusted("127.0.0.1")


def test_letters_are_compared_however_the_keyboard_composes_them(core: Core) -> None:
    accounts.add_account(core, "ola", password="bl\u00e5b\u00e6r")
    enter(core, "ola", "bla\u030ab\u00e6r")


def test_nobody_logs_in_to_a_closed_account_or_one_without_password(core: Core) -> None:
    accounts.add_account(core, "ola", password="pass")
    accounts.add_account(core, "kari")
    closing.close_account(core, "ola")
    for name in ("ola", "kari"):
        with pytest.raises(WrongPassword):
            enter(core, name, "pass")


def test_a_link_sets_the_password_once_and_looking_does_not_spend_it(core: Core) -> None:
    accounts.add_account(core, "ola")
    token = accounts.create_password_link(core, "ola").rpartition("/")[2]
    assert credentials.find_link_account(core, token) == credentials.find_link_account(core, token)
    with pytest.raises(WeakPassword):
        credentials.redeem_link(core, token, "short")
    proved = credentials.redeem_link(core, token, GOOD)
    assert (proved.account.name, proved.source) == ("ola", "link")
    assert proved.epoch == web_sessions.find_epoch(core, proved.account.id) > 0
    enter(core, "ola", GOOD)
    with pytest.raises(LinkExpired):
        credentials.redeem_link(core, token, GOOD)


def test_a_first_link_lives_fourteen_days_a_later_one_thirty_minutes(core: Core, clock: SetClock) -> None:
    accounts.add_account(core, "ola")
    first = accounts.create_password_link(core, "ola").rpartition("/")[2]
    clock.forward(days=13)
    credentials.redeem_link(core, first, GOOD)
    second = accounts.create_password_link(core, "ola").rpartition("/")[2]
    clock.forward(minutes=31)
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, second)


def test_a_newer_link_makes_the_older_void(core: Core) -> None:
    accounts.add_account(core, "ola")
    older = accounts.create_password_link(core, "ola").rpartition("/")[2]
    accounts.create_password_link(core, "ola")
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, older)


@pytest.mark.parametrize("password", ["elevenchars", "password1234", "aaaaaaaaaaaaaa", "gudrunos12345", "gudrunos2026"])
def test_short_and_common_passwords_are_refused(core: Core, password: str) -> None:
    ola = accounts.add_account(core, "gudrunos", password="pass")
    with pytest.raises(WeakPassword):
        credentials.change_password(core, ola.id, "pass", password)


def test_changing_needs_the_current_password(core: Core) -> None:
    ola = accounts.add_account(core, "ola", password="pass")
    with pytest.raises(WrongPassword):
        credentials.change_password(core, ola.id, "no", GOOD)
    credentials.change_password(core, ola.id, "pass", GOOD)
    enter(core, "ola", GOOD)
