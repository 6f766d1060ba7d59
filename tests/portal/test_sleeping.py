"""N30 and N22 in the portal: log-in to an account that sleeps, and the buttons of the letters."""

import re

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts, sleeping
from mailcore.services.delivery import queue_admin
from mailcore.services.signin import two_factor
from mailcore.store.people import contact_addresses, presence
from tests.portal.conftest import PASSWORD, Browser
from tests.services.test_two_factor import code

OUTSIDE = "ola@elsewhere.example"


@pytest.fixture
def asleep(core: Core, ola: Account) -> Account:
    def write(tx):
        contact_addresses.save_verified(tx, ola.id, OUTSIDE, core.clock.seconds())
        presence.add_missing(tx)
        presence.put_to_sleep(tx, ola.id, core.clock.seconds())

    core.db.write(write)
    return ola


def letter_link(core: Core, kind: str) -> str:
    texts = [queue_admin.octets(core, item.id).decode() for item in queue_admin.list_queue(core)]
    links = re.findall(rf"/{kind}/[A-Za-z0-9_-]+", "\n".join(texts).replace("=\r\n", ""))
    assert links, "no link was sent"
    return str(links[-1])


def test_a_right_password_opens_nothing_and_the_page_tells_how_to_wake_it(
    browser: Browser, core: Core, asleep: Account
):
    answer = browser.log_in()
    assert answer.status_code == 403
    assert "sover" in answer.text
    assert browser.get("/account").status_code != 200
    page = letter_link(core, "password/link")
    words = "en helt annen lang setning"
    assert browser.send(page, password=words, again=words).status_code == 303
    assert not accounts.find_account(core, "ola").asleep
    assert browser.get("/account").status_code == 200


def test_a_wrong_password_hears_nothing_of_sleep(browser: Browser, core: Core, asleep: Account):
    answer = browser.log_in(password="feil")
    assert "sover" not in answer.text
    assert queue_admin.list_queue(core) == []


def test_links_are_mailed_a_few_times_an_hour_and_no_more(browser: Browser, core: Core, asleep: Account):
    for _ in range(6):
        assert browser.log_in().status_code == 403
    assert len(queue_admin.list_queue(core)) <= 3


@pytest.mark.parametrize("step", ["before 7", "legacy 24"])
def test_the_letters_button_keeps_the_account_and_looking_does_nothing(
    browser: Browser, core: Core, ola: Account, step: str
):
    core.db.write(lambda tx: presence.add_missing(tx))
    core.db.write(lambda tx: sleeping._take_step(core, tx, ola.id, step))
    page = letter_link(core, "here")
    shown = browser.get(page)
    assert shown.status_code == 200
    assert ("Steng kontoen" in shown.text) == step.startswith("legacy")
    assert core.db.read(lambda tx: presence.find_presence(tx, ola.id)).step == step
    assert browser.send(page, action="keep").status_code == 303
    assert core.db.read(lambda tx: presence.find_presence(tx, ola.id)).step == ""
    assert browser.get(f"{page}/thanks").status_code == 200
    assert browser.get("/account").status_code != 200  # it opens nothing


def test_the_letter_that_asks_can_close_with_a_new_address(browser: Browser, core: Core, ola: Account):
    core.db.write(lambda tx: presence.add_missing(tx))
    core.db.write(lambda tx: sleeping._take_step(core, tx, ola.id, "legacy 24"))
    page = letter_link(core, "here")
    for wrong in ("nei", "x@alumni.example"):
        assert browser.send(page, action="close", notice=wrong).status_code == 400
    assert accounts.find_account(core, "ola").state == "active"
    assert browser.send(page, action="close", notice="ola@new.example").status_code == 303
    assert accounts.find_account(core, "ola").state == "closed"
    assert browser.get(page).status_code == 410


def test_a_letter_that_did_not_ask_closes_nothing(browser: Browser, core: Core, ola: Account):
    core.db.write(lambda tx: presence.add_missing(tx))
    core.db.write(lambda tx: sleeping._take_step(core, tx, ola.id, "before 30"))
    assert browser.send(letter_link(core, "here"), action="close").status_code == 403
    assert accounts.find_account(core, "ola").state == "active"


def test_a_link_that_is_none_is_a_page(browser: Browser):
    assert browser.get("/here/x").status_code == 410
    assert browser.get("/here/x/thanks").status_code == 410


def test_the_second_step_wakes_it_and_the_password_before_it_does_not(browser: Browser, core: Core, asleep: Account):
    secret, _ = two_factor.begin_totp(core, asleep)
    two_factor.finish_totp(core, asleep, code(secret, core.clock.seconds() - 30))
    assert browser.log_in().headers["Location"] == "/login/second"
    assert accounts.find_account(core, "ola").asleep
    assert browser.send("/login/second", code="000000").status_code == 403
    assert accounts.find_account(core, "ola").asleep
    assert browser.send("/login/second", code=code(secret, core.clock.seconds())).status_code == 303
    assert not accounts.find_account(core, "ola").asleep
    assert browser.get("/account").status_code == 200


def test_the_desk_sees_that_an_account_sleeps(browser: Browser, core: Core, asleep: Account):
    accounts.add_account(core, "agnes", display_name="Agnes", password=PASSWORD, language="en")
    accounts.set_role(core, "agnes", "desk")
    browser.log_in("agnes")
    assert "asleep" in browser.get("/desk/people/ola").text
