"""N30: ending all sessions from the notice itself; a password of a known breach at log-in; a log-in that needs a second way."""

import re

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.services.credentials import stop_links
from mailcore.services.delivery import queue_admin
from mailcore.store.people import contact_addresses, logins
from tests.portal.conftest import Browser

OUTSIDE = "ola@elsewhere.example"


def stop_page(core: Core, account: Account) -> str:
    return "/login/stop/" + core.db.write(lambda tx: stop_links.create_link(core, tx, account.id)).rpartition("/")[2]


def test_the_button_logs_everybody_out_and_a_link_to_a_new_password_is_mailed(
    inside: Browser, core: Core, ola: Account
):
    core.db.write(lambda tx: contact_addresses.save_verified(tx, ola.id, OUTSIDE, 1))
    page = stop_page(core, ola)
    assert inside.get(page).status_code == 200
    assert inside.get("/account").status_code == 200  # looking ends nothing
    answer = inside.send(page)
    assert answer.status_code == 200
    assert 'role="status"' in answer.text
    assert inside.get("/account").status_code != 200
    [letter] = [item for item in queue_admin.list_queue(core) if item.recipient == OUTSIDE]
    assert re.search(r"/password/link/", queue_admin.octets(core, letter.id).decode())


@pytest.mark.parametrize("token", ["x", "%00", "æ"])
def test_another_link_is_a_page_that_says_so(browser: Browser, token: str):
    assert browser.get(f"/login/stop/{token}").status_code in (404, 410)


def test_whoever_logs_in_with_a_known_password_is_led_to_another_one(browser: Browser, core: Core):
    accounts.add_account(core, "eva", password="sunshine1", language="en")
    answer = browser.log_in("eva", "sunshine1")
    assert answer.status_code == 303
    assert answer.location == "/password?known=1"
    assert "stolen passwords" in browser.get(answer.location).text


def test_the_list_of_log_ins_names_every_refusal(inside: Browser, core: Core, ola: Account):
    for outcome in ("asleep", "proof needed"):

        def save(tx, outcome=outcome):
            logins.save_login(tx, ola.id, "imap", "alumni", 0, "192.0.2.1", "", outcome, core.clock.seconds())

        core.db.write(save)
    core.db.write(
        lambda tx: logins.save_login(tx, ola.id, "portal", "link", 0, "192.0.2.1", "", "ok", core.clock.seconds())
    )
    page = inside.get("/account/logins?lang=en").text
    for words in ("refused: the account slept", "refused: a second proof was needed", "a link by mail"):
        assert words in page
