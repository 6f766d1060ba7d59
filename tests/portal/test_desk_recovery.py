"""The desk lets somebody in again: a link, never a password; two agents where there is a second step (S15, N20)."""

import re
from dataclasses import replace

import pytest

from mailcore.config import Help
from mailcore.services import audit
from mailcore.services.accounts import accounts, orders
from mailcore.services.credentials import credentials
from mailcore.services.delivery import queue_admin
from mailcore.services.signin import two_factor
from mailcore.store.people import second_factors
from mailcore.store.people.second_factors import FactorKind
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser
from tests.readers import text_of

NEW = "en ny setning med æøå"
SEEN = ["document", "person"]  # as shipped


@pytest.fixture
def agents(core, browser, ola):
    found = []
    for name in ("anne", "berit"):
        accounts.add_account(core, name, password=PASSWORD, language="en")
        accounts.set_role(core, name, "desk")
        one = Browser(browser.client.application.test_client())
        one.log_in(name)
        found.append(one)
    return found


def test_s15_an_agent_hands_over_a_link_and_the_person_chooses(core, browser, agents):
    anne, _ = agents
    assert anne.send("/desk/people/ola/recover", proof="passport").status_code == 400
    assert anne.send("/desk/people/ola/recover", checks=SEEN[:1] * 2).status_code == 400
    page = anne.send("/desk/people/ola/recover?lang=en", checks=SEEN, proof="studied 1999", send_to="")
    path = re.search(r"(/password/link/[\w-]+)", page.text)[1]
    assert browser.send(path, password=NEW, again=NEW).headers["Location"] == "/mail/"
    log = audit.list_entries(core, accounts.find_account(core, "ola").id)
    assert ("anne", "recovery link issued") in {(entry.actor, entry.event) for entry in log}
    assert "A passport or identity card was shown; The person id; studied 1999" in {entry.detail for entry in log}


def test_s15_the_site_edits_the_list_by_which_people_are_recognised(core, ola):
    accounts.add_account(core, "anne", password=PASSWORD, language="en")
    accounts.set_role(core, "anne", "desk")
    own = Help(
        identity_checks=("Called back at the number of the register", "Pass vist", "Signature"), identity_least=3
    )
    anne = Browser(create_app(replace(core, config=replace(core.config, help=own))).test_client())
    anne.log_in("anne")
    page = anne.get("/desk/people/ola/recover").text
    assert "Tick at least 3 of the checks." in page
    assert all(f'value="{one}"' in page for one in own.identity_checks)
    assert SEEN[0] not in page
    asked = anne.send("/desk/people/ola/recover", checks=list(own.identity_checks[:2]))
    assert asked.status_code == 400
    assert "Tick at least 3 of the checks." in asked.text
    assert anne.send("/desk/people/ola/recover", checks=[*own.identity_checks[:2], SEEN[0]]).status_code == 400
    assert "/password/link/" in anne.send("/desk/people/ola/recover", checks=list(own.identity_checks)).text


def test_s15_a_link_that_is_mailed_is_not_shown(core, agents):
    anne, _ = agents
    page = anne.send("/desk/people/ola/recover", checks=SEEN, send_to="ola@found.example")
    assert "/password/link/" not in page.text
    assert "ola@found.example" in {item.recipient for item in queue_admin.list_queue(core)}


def test_s15_two_agents_where_there_is_a_second_step(core, agents, ola):
    anne, berit = agents
    core.db.write(lambda tx: second_factors.add_factor(tx, ola.id, FactorKind.TOTP, "", "", "x", 0, 0, active=True))
    assert "/password/link/" not in anne.send("/desk/people/ola/recover", checks=SEEN).text
    number = re.search(r'name="number" value="(\d+)"', anne.get("/desk/recoveries").text)[1]
    assert anne.send("/desk/recoveries", number=number, action="agree").status_code == 400
    assert two_factor.is_on(core, ola.id)
    page = berit.send("/desk/recoveries", number=number, action="agree")
    token = re.search(r"/password/link/([\w-]+)", page.text)[1]
    assert credentials.find_link_account(core, token).name == "ola"
    assert not two_factor.is_on(core, ola.id)


@pytest.mark.parametrize("path", ["/desk/people/ola/recover", "/desk/recoveries"])
def test_n20_nobody_else_sees_these_pages(inside, path):
    assert inside.get(path).status_code == 403


def test_n20_nobody_recovers_their_own_account(agents):
    anne, _ = agents
    assert anne.send("/desk/people/anne/recover", checks=SEEN).status_code == 400


def test_s06_the_desk_asks_and_the_order_waits(core, agents):
    order = orders.submit_order(
        core,
        name="kari",
        display_name="Kari",
        contact="kari@home.example",
        affiliation="",
        language="nb",
        terms=True,
        key="k",
    )
    anne, _ = agents
    anne.send("/desk/orders", into=str(order.id), action="ask", text="Når studerte du?")
    assert orders.get_order(core, order.id).state == "awaiting proof"
    assert any(
        "Når studerte du?" in text_of(queue_admin.octets(core, item.id)) for item in queue_admin.list_queue(core)
    )
    assert "kari@home.example" in anne.get("/desk/orders").text
