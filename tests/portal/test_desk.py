"""The help desk in the portal (S15, S22, N24)."""

import re

import pytest

from mailcore.core import Core
from mailcore.domain import OrderState
from mailcore.services import audit
from mailcore.services.accounts import accounts, orders
from mailcore.services.tickets import canned, tickets
from tests.portal.conftest import PASSWORD, Browser

PAGES = (
    "/desk/",
    "/desk/cases",
    "/desk/people?q=ola",
    "/desk/people/ola",
    "/desk/orders",
    "/desk/risk",
    "/desk/cases/1",
)


@pytest.fixture
def agent(browser: Browser, core: Core, ola: object) -> Browser:
    accounts.add_account(core, "agnes", display_name="Agnes Agent", password=PASSWORD, language="en")
    accounts.set_role(core, "agnes", "desk")
    tickets.submit_form(
        core,
        kind="quota",
        subject="More room",
        text="Jeg har ikke plass, hva gjør jeg?",
        reply_to="",
        owner=accounts.find_account(core, "ola"),
        peer="192.0.2.1",
        language="nb",
    )
    browser.log_in("agnes")
    return browser


@pytest.mark.parametrize("page", PAGES)
def test_the_desk_is_for_its_roles(inside: Browser, core: Core, page: str):
    assert inside.get(page).status_code == 403
    assert "/desk/" not in inside.get("/account").text


@pytest.mark.parametrize("page", PAGES)
def test_the_desk_sees_its_pages(agent: Browser, page: str):
    assert agent.get(page).status_code == 200


def test_a_stranger_is_asked_to_log_in(browser: Browser):
    assert "/login" in browser.get("/desk/").headers["Location"]


def test_a_case_is_answered_with_a_ready_answer_in_the_language_of_the_person(agent: Browser, core: Core):
    page = agent.send("/desk/cases/1", action="canned", canned="quota-given", text="Hei Ola,").text
    assert re.search(r"<textarea[^>]*>\s*Hei Ola,\s+Hei!\s+Du har fått større kvote\.", page)  # what was written stays
    assert [m.author for m in tickets.list_messages(core, tickets.get_ticket(core, 1), notes=True)] == [
        "person"
    ]  # nothing went out
    assert agent.send("/desk/cases/1", action="reply", text="Hei!").status_code == 303
    assert tickets.get_ticket(core, 1).state == "answered"
    assert "Hei!" in agent.get("/desk/cases/1").text


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("close", "closed"),
        ("note", "open"),
        ("reply-close", "closed"),
        ("take", "open"),
    ],
)
def test_what_is_pressed_happens(agent: Browser, core: Core, action: str, state: str):
    assert agent.send("/desk/cases/1", action=action, text="words").status_code == 303
    assert tickets.get_ticket(core, 1).state == state


def test_an_unknown_action_does_nothing(agent: Browser, core: Core):
    assert agent.send("/desk/cases/1", action="delete-everything").status_code == 400


def test_cases_are_handed_over_and_joined(agent: Browser, core: Core):
    ola = accounts.find_account(core, "ola")
    tickets.submit_form(core, kind="quota", subject="Again", text="x", reply_to="", owner=ola, peer="x", language="nb")
    agent.send("/desk/cases/1", action="assign", assignee=str(accounts.find_account(core, "agnes").id))
    assert tickets.get_ticket(core, 1).assignee == accounts.find_account(core, "agnes").id
    agent.send("/desk/cases/2", action="merge", into="1")
    assert agent.get("/desk/cases/2").headers["Location"].endswith("/desk/cases/1")


def test_s22_more_room_is_one_click_live_at_once_audited_and_told(agent: Browser, core: Core):
    answer = agent.send("/desk/cases/1", action="quota", quota="4G", days="30")
    assert answer.status_code == 303
    owner = accounts.find_account(core, "ola")
    assert owner.quota == 4 * 2**30
    entry = next(one for one in audit.list_entries(core, owner.id) if one.event == "quota changed")
    assert entry.detail.startswith("4294967296 octets, before 2147483648, until 20")
    assert entry.actor == "agnes"
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, owner.id, "INBOX"))
    assert inbox.messages == 2  # welcome, and the new quota


def test_s22_a_smaller_quota_deletes_nothing(agent: Browser, core: Core):
    agent.send("/desk/people/ola", action="quota", quota="1K", days="0")
    owner = accounts.find_account(core, "ola")
    assert (owner.quota, owner.used > 0) == (1024, True)


def test_n24_facts_stand_beside_the_case_and_the_content_of_mail_never(agent: Browser, core: Core):
    owner = accounts.find_account(core, "ola")
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, owner.id, "INBOX"))
    secret = b"From: x@y.example\r\nSubject: TopSecretSubject\r\n\r\nTopSecretBody\r\n"
    core.db.write(
        lambda tx: core.mail.append(tx, owner.id, inbox.id, core.blobs.prepare(secret), frozenset(), core.clock.now())
    )
    for page in PAGES:
        assert "TopSecret" not in agent.get(page).text
    page = agent.get("/desk/cases/1").text
    for fact in ("ola@elsewhere.example", "Last log-in", "Forwarding", "Quota", "Alumni password"):
        assert fact in page


def test_n24_a_look_at_an_account_is_in_its_audit_log_once_an_hour(agent: Browser, core: Core):
    for _ in range(3):
        agent.get("/desk/people/ola")
    log = [
        entry for entry in audit.list_entries(core, accounts.find_account(core, "ola").id) if "looked at" in entry.event
    ]
    assert [entry.actor for entry in log] == ["agnes"]


def test_people_are_found_by_what_they_know(agent: Browser):
    for words in ("ola", "OLA@alumni.example", "nordmann", "ola@elsewhere.example"):
        assert 'href="/desk/people/ola"' in agent.get("/desk/people", query_string={"q": words}).text
    assert "Nobody was found" in agent.get("/desk/people?q=%25").text


def test_orders_are_decided(agent: Browser, core: Core):
    for name in ("ida", "per"):
        orders.submit_order(
            core,
            name=name,
            display_name=name,
            contact=f"{name}@elsewhere.example",
            affiliation="",
            language="nb",
            terms=True,
            key=name,
        )
    first, second = orders.list_orders(core, OrderState.SUBMITTED)
    agent.send("/desk/orders", action="approve", into=str(first.id))
    agent.send("/desk/orders", action="reject", into=str(second.id), text="unknown")
    assert accounts.find_account(core, "ida").state == "active"
    assert [o.state for o in orders.list_orders(core)] == ["approved", "rejected"]


def test_ready_answers_are_there_in_three_languages_and_the_site_adds_its_own(core: Core):
    assert canned.list_missing(core) == []
    folder = core.config.data_path / "canned"
    folder.mkdir()
    (folder / "party.nb.txt").write_text("Fest\nI august på $domain.\n")
    assert canned.find_answer(core, "party", "en") == "I august på alumni.example.\n"
    assert canned.list_missing(core) == ["party.en.txt", "party.nn.txt"]


def test_no_page_of_the_desk_offers_a_password(agent: Browser):
    for page in PAGES:
        assert not re.search(r'type="password"', agent.get(page).text)


def test_the_desk_looks_at_the_header_of_a_mail_and_its_writer_has_no_link(agent: Browser, core: Core):
    ola = accounts.find_account(core, "ola")
    made = core.db.write(
        lambda tx: tickets.open_ticket(
            core,
            tx,
            kind="mail",
            subject="By mail",
            text="x",
            reply_to="ola@alumni.example",
            account=ola.id,
            header="Received: from <evil>",
        )
    )
    link = re.search(rf'href="(/desk/cases/{made.id}/header/\d+)"', agent.get(f"/desk/cases/{made.id}").text)[1]
    assert "Received: from &lt;evil&gt;" in agent.get(link).text
    assert agent.get("/desk/cases/1/header/1").status_code == 404  # that one came by the form
    agent.send("/account", to="/logout")
    agent.log_in("ola")
    assert "/header/" not in agent.get(f"/tickets/{made.id}").text
    assert agent.get(link).status_code == 403


def test_htmx_gets_what_was_found_alone_and_the_whole_page_on_the_way_back(agent: Browser):
    for page in ("/desk/cases", "/desk/people?q=ola"):
        part = agent.get(page, headers={"HX-Request": "true"}).text
        assert "<html" not in part
        assert part.lstrip().startswith('<div id="found"')
        back = agent.get(page, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}).text
        assert "<html" in back
        assert 'id="found"' in back
