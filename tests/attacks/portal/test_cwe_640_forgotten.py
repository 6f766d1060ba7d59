"""CWE-640, CWE-645: a stranger who asks for somebody's link never shuts the owner's own ways to one."""

import contextlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import TooMany
from mailcore.services.accounts import accounts
from mailcore.services.credentials import contact_addresses, login
from mailcore.services.delivery import queue_admin
from mailcore.services.limits import mail_limits, throttle
from mailcore.services.signin import password_requests
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser
from tests.services.conftest import SetClock
from tests.spoiled import spoil

MINE = "Ola@Outside.example"
STRANGER, HOME = "203.0.113.9", "192.0.2.7"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def core(tmp_path: Path, clock: SetClock) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)), clock)
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    made = accounts.add_account(core, "ola", password=PASSWORD)
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, made.id, MINE))
    return made


def links(core: Core) -> int:
    found = [
        message_from_bytes(queue_admin.octets(core, item.id), policy=policy.default)
        for item in queue_admin.list_queue(core)
    ]
    return sum("/password/link/" in one.get_content() and str(one["To"]) == MINE for one in found)


def attack(core: Core, times: int = 60, name: str = "ola") -> None:
    for number in range(times):
        with contextlib.suppress(TooMany):
            password_requests.send_links(core, name, peer=f"203.0.{number}.9")


def test_many_requests_bring_few_links(core: Core, ola: Account) -> None:
    attack(core)
    assert links(core) == password_requests.MAILS_PER_HOUR


def test_a_browser_of_the_owner_s_has_a_lane_of_its_own(core: Core, ola: Account) -> None:
    mine = throttle.create_device_mark(core, ola.id)
    attack(core)
    for _ in range(password_requests.MAILS_PER_HOUR + 2):
        password_requests.send_links(core, "ola", peer=STRANGER, device=mine)
    assert links(core) == password_requests.MAILS_PER_HOUR * 2
    kari = accounts.add_account(core, "kari")
    for forged in (throttle.create_device_mark(core, kari.id), spoil(mine), ".", "x.y"):
        password_requests.send_links(core, "ola", peer=STRANGER, device=forged)
    assert links(core) == password_requests.MAILS_PER_HOUR * 2


def test_the_verified_address_has_a_lane_of_its_own(core: Core, ola: Account) -> None:
    attack(core)
    before = links(core)
    password_requests.send_links(core, " ola@OUTSIDE.example ", peer=HOME)
    assert links(core) == before + 1
    for other in ("ola@elsewhere.example", "someone@outside.example", "ola@outside.example.evil.example"):
        password_requests.send_links(core, other, peer=HOME)
    assert links(core) == before + 1
    assert len(queue_admin.list_queue(core)) == before + 1


def test_so_has_a_place_from_which_the_owner_logged_in_lately(core: Core, ola: Account) -> None:
    login.authenticate(core, "ola", PASSWORD, peer=HOME, scope=Scope.IMAP)
    core.db.write(lambda tx: None)  # the note of the log-in is written behind
    attack(core)
    before = links(core)
    password_requests.send_links(core, "ola", peer=HOME)
    assert links(core) == before + 1


def test_who_uses_up_that_place_has_the_strangers_lane_yet(core: Core, ola: Account) -> None:
    login.authenticate(core, "ola", PASSWORD, peer=HOME, scope=Scope.IMAP)
    core.db.write(lambda tx: None)
    for _ in range(password_requests.MAILS_PER_HOUR * 2 + 3):
        password_requests.send_links(core, "ola", peer=HOME)
    assert links(core) == password_requests.MAILS_PER_HOUR * 2


def test_a_stranger_beside_the_owner_uses_up_the_place_and_not_the_browser(core: Core, ola: Account) -> None:
    mine = throttle.create_device_mark(core, ola.id)
    for number in range(mail_limits.PLACE_HOUR):
        password_requests.send_links(core, f"name{number}", peer=HOME)
    with pytest.raises(TooMany):
        password_requests.send_links(core, "ola", peer=HOME)
    password_requests.send_links(core, "ola", peer=HOME, device=mine)
    assert links(core) == 1


def test_what_is_refused_does_not_count(core: Core, ola: Account, clock: SetClock) -> None:
    attack(core)
    clock.forward(minutes=59)
    attack(core)  # goes on and on
    clock.forward(minutes=2)
    password_requests.send_links(core, "ola", peer=HOME)
    assert links(core) == password_requests.MAILS_PER_HOUR + 1


def test_nobody_learns_which_addresses_or_names_are_there(core: Core, ola: Account) -> None:
    """The same answer, also when the place's bound is reached."""
    for name in ("ola", "nobody", MINE, "other@outside.example"):
        password_requests.send_links(core, name, peer=STRANGER)
    for number in range(mail_limits.PLACE_HOUR - 4):
        password_requests.send_links(core, f"x{number}", peer=STRANGER)
    for name in ("ola", "nobody", MINE, "other@outside.example"):
        with pytest.raises(TooMany):
            password_requests.send_links(core, name, peer=STRANGER)


def test_an_address_that_several_accounts_have_gets_a_link_for_each(core: Core, ola: Account) -> None:
    second = accounts.add_account(core, "second")
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, second.id, MINE))
    password_requests.send_links(core, MINE, peer=HOME)
    assert links(core) == 2


def test_the_page_knows_the_browser(core: Core, ola: Account) -> None:
    client = create_app(core).test_client()
    client.environ_base["REMOTE_ADDR"] = HOME
    browser = Browser(client)
    assert browser.log_in().status_code == 303
    browser.send("/account", to="/logout")
    attack(core)
    before = links(core)
    assert browser.send("/password/forgotten", username="ola").status_code == 303
    assert links(core) == before + 1
