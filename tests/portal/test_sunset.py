"""The announced end of the service, as people see it (N11)."""

from datetime import timedelta

import pytest

from mailcore.errors import Busy
from mailcore.services import audit
from mailcore.services.accounts import accounts, sunset, sunset_notices
from portal.desk import sunset as pages
from tests.portal.conftest import PASSWORD
from tests.spoiled import spoil

PAGES = ("/", "/login", "/faq", "/help", "/clients", "/status", "/password/forgotten")
INSIDE = ("/account", "/mail/", "/quota", "/forwarding", "/takeout", "/mail/compose")


@pytest.fixture
def announced(core):
    words = {"nb": "Vi slår oss sammen.", "nn": "Vi slår oss saman.", "en": "We merge."}
    return sunset.announce_end(
        core, core.clock.now().date() + timedelta(days=400), words=words, successor="https://new.example/"
    )


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_n11_every_page_tells_it_while_it_is_announced(core, announced, inside, language):
    words = {"nb": "Alumnimail avsluttes", "nn": "Alumnimail blir avslutta", "en": "Alumnimail ends on"}[language]
    inside.get(f"/account?lang={language}")
    for path in INSIDE:
        assert words in inside.get(path).text, path
    stranger = type(inside)(inside.client.application.test_client())
    for path in PAGES:
        assert words in stranger.get(f"{path}?lang={language}").text, path
    page = inside.get("/sunset").text
    assert announced.words[language] in page
    assert "https://new.example/" in page
    sunset.withdraw_end(core)
    assert words not in inside.get("/account").text
    assert inside.get("/sunset").status_code == 404


def test_n11_the_owner_says_that_it_is_read(core, announced, inside, ola):
    assert sunset.find_person(core, ola.id).read_at is None
    inside.get("/account")  # a log-in alone proves nothing
    assert sunset.find_person(core, ola.id).read_at is None
    assert inside.send("/sunset").status_code == 303
    assert sunset.find_person(core, ola.id).how == "button"
    assert "Du har lest dette" in inside.get("/sunset").text


def test_n11_a_link_in_the_mail_is_not_spent_by_looking(core, announced, browser, ola):
    path = sunset.format_link(core, announced, ola.id).removeprefix(core.config.url)
    assert "ola@alumni.example" in browser.get(path).text
    assert sunset.find_person(core, ola.id).read_at is None
    browser.send(path)
    assert sunset.find_person(core, ola.id).how == "button"
    assert browser.get(spoil(path)).status_code == 410


def test_n11_a_new_address_is_left_with_the_password(core, announced, inside, ola):
    assert inside.send("/sunset", to="/sunset/address", address="ola@new.example", current="wrong").status_code == 403
    assert sunset.find_person(core, ola.id).new_address == ""
    ours = inside.send("/sunset", to="/sunset/address", address="x@alumni.example", current=PASSWORD)
    assert (ours.status_code, "Det må være en adresse utenfor Alumnimail." in ours.text) == (400, True)
    assert inside.send("/sunset", to="/sunset/address", address="ola@new.example", current=PASSWORD).status_code == 303
    assert 'value="ola@new.example"' in inside.get("/sunset").text


def test_n11_nobody_orders_while_it_is_announced(core, announced, browser):
    assert "avsluttes" in browser.get("/order").text
    assert 'name="display_name"' not in browser.get("/order").text


def test_n11_strangers_see_the_page_and_no_button(core, announced, browser):
    page = browser.get("/sunset").text
    assert "/login?next=/sunset" in page
    assert "Jeg har lest dette" not in page


def test_n11_the_page_is_there_while_the_database_is_away(core, announced, inside, monkeypatch):
    inside.get("/faq?lang=en")  # this process has read of it

    def away(self: object, fn: object) -> None:
        raise Busy("away")

    for call in ("read", "write"):
        monkeypatch.setattr(type(core.db), call, away)
    monkeypatch.setattr(type(core.db), "post", lambda self, fn: None)
    shown = inside.get("/sunset?lang=en")
    assert shown.status_code == 200
    assert "We merge." in shown.text
    assert "I have read this" not in shown.text
    inside.client.application.extensions.pop("ending")
    assert inside.get("/sunset").status_code == 503


@pytest.fixture
def agent(core, browser):
    accounts.add_account(core, "agnes", password=PASSWORD, language="en")
    accounts.set_role(core, "agnes", "desk")
    browser.log_in("agnes")
    return browser


def test_n11_the_desk_sees_how_many_have_read_it_and_who_has_not(core, announced, ola, agent):
    sunset_notices.notify_people(core)
    sunset.confirm_read(core, accounts.find_account(core, "agnes").id)
    page = agent.get("/desk/sunset").text
    assert "1 of 2 have read it." in page
    assert 'href="/desk/people/ola"' in page
    assert 'href="/desk/people/agnes"' not in page
    assert "1 of 2 have read it." in agent.get("/desk/").text
    assert 'href="/desk/sunset"' in agent.get("/desk/orders").text  # in the desk's menu


def test_n11_the_desk_notes_that_somebody_knows_and_the_owner_sees_who_did(core, announced, ola, agent):
    assert agent.send("/desk/people/ola", to="/desk/people/ola/knows").status_code == 303
    assert sunset.find_person(core, ola.id).how == "desk"
    [entry] = [one for one in audit.list_entries(core, ola.id) if one.event == "end of the service: read"]
    assert (entry.actor, entry.detail) == ("agnes", "desk")
    assert "/knows" not in agent.get("/desk/people/ola").text  # once is enough
    assert 'href="/desk/people/ola"' not in agent.get("/desk/sunset").text


def test_n11_the_desks_list_goes_on_page_by_page(core, announced, ola, agent, monkeypatch):
    monkeypatch.setattr(pages, "MOST", 1)
    first = agent.get("/desk/sunset").text
    assert first.count('<th scope="row">') == 1
    assert "/people/ola" in first
    more = f"/desk/sunset?after={ola.id}"
    assert f'href="{more}"' in first
    second = agent.get(more).text
    assert "/people/agnes" in second
    assert "after=" not in second.partition('class="pages"')[2]
    assert agent.get("/desk/sunset?after=nonsense").status_code == 200


def test_n11_without_an_announcement_the_desk_has_no_such_page_in_its_menu(core, ola, agent):
    assert "/desk/sunset" not in agent.get("/desk/").text
    assert "No end is announced." in agent.get("/desk/sunset").text
    assert agent.send("/desk/people/ola", to="/desk/people/ola/knows").status_code == 410


def test_n11_the_desks_pages_of_it_are_for_its_roles(core, announced, inside, ola):
    assert inside.get("/desk/sunset").status_code == 403
    assert inside.send("/account", to="/desk/people/ola/knows").status_code == 403
    assert sunset.find_person(core, ola.id).read_at is None
