"""The announced end of the service, as people see it (N11)."""

from datetime import timedelta

import pytest

from mailcore.services import sunset
from tests.portal.conftest import PASSWORD

PAGES = ("/", "/login", "/faq", "/help", "/clients", "/status", "/password/forgotten")
INSIDE = ("/account", "/mail/", "/quota", "/forwarding", "/takeout", "/mail/compose")


@pytest.fixture
def announced(core):
    words = {"nb": "Vi slår oss sammen.", "nn": "Vi slår oss saman.", "en": "We merge."}
    return sunset.announce(core, core.clock.now().date() + timedelta(days=400), words=words, successor="https://new.example/")


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
    sunset.withdraw(core)
    assert words not in inside.get("/account").text
    assert inside.get("/sunset").status_code == 404


def test_n11_the_owner_says_that_it_is_read(core, announced, inside, ola):
    assert sunset.person(core, ola.id).read_at is None
    inside.get("/account")  # a log-in alone proves nothing
    assert sunset.person(core, ola.id).read_at is None
    assert inside.send("/sunset").status_code == 302
    assert sunset.person(core, ola.id).how == "button"
    assert "Du har lest dette" in inside.get("/sunset").text


def test_n11_a_link_in_the_mail_is_not_spent_by_looking(core, announced, browser, ola):
    path = sunset.link(core, announced, ola.id).removeprefix(core.config.url)
    assert "ola@alumni.example" in browser.get(path).text
    assert sunset.person(core, ola.id).read_at is None
    browser.send(path)
    assert sunset.person(core, ola.id).how == "button"
    assert browser.get(path[:-1] + "x").status_code == 410


def test_n11_a_new_address_is_left_with_the_password(core, announced, inside, ola):
    assert inside.send("/sunset", to="/sunset/address", address="ola@new.example", current="wrong").status_code == 403
    assert sunset.person(core, ola.id).new_address == ""
    assert inside.send("/sunset", to="/sunset/address", address="x@alumni.example", current=PASSWORD).status_code == 400
    assert inside.send("/sunset", to="/sunset/address", address="ola@new.example", current=PASSWORD).status_code == 302
    assert 'value="ola@new.example"' in inside.get("/sunset").text


def test_n11_nobody_orders_while_it_is_announced(core, announced, browser):
    assert "avsluttes" in browser.get("/order").text
    assert 'name="display_name"' not in browser.get("/order").text


def test_n11_strangers_see_the_page_and_no_button(core, announced, browser):
    page = browser.get("/sunset").text
    assert "/login?next=/sunset" in page
    assert "Jeg har lest dette" not in page
