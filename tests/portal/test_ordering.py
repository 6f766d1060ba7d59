"""Ordering in the portal, with the university's password, with OpenID, and by the form; and log-in elsewhere (S03, S06)."""

import re
import urllib.parse
from dataclasses import replace

import pytest

from mailcore import core as cores
from mailcore.config import Config, Oidc, OrderSettings
from mailcore.domain import Scope
from mailcore.services.accounts import accounts, orders
from mailcore.services.credentials import login
from mailcore.services.delivery import queue_admin
from mailcore.services.limits import throttle
from mailcore.services.signin import oidc_login
from portal import create_app
from portal.signin.oidc import MOST_BEGUN
from tests import provider as providers
from tests.directory import university
from tests.portal.conftest import PASSWORD, Browser
from tests.readers import text_of

THEIRS, NEW = "directory pass æøå", "en ny setning med æøå"
AT_ONCE = {"name": "ola", "contact": "ola@home.example", "terms": "y"}


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with university(tmp_path_factory.mktemp("ordering")) as made:
        made.add("ola", "p1", THEIRS, "student", name="Ola Nordmann")
        made.add("guest", "p2", THEIRS, "affiliate")
        made.add("retired", "p4", THEIRS, "retired-staff", name="Randi Retired")
        made.add("alum", "p5", THEIRS, "alum", name="Alma Alum")
        made.add("staff", "p6", THEIRS, "employee", "staff", name="Stein Staff")
        made.add("both", "p7", THEIRS, "student", "employee", name="Berit Nyttnavn")
        made.add("gone", "p3", THEIRS, "student", until="20200101")
        yield made


@pytest.fixture(scope="module")
def provider():
    with providers.running() as made:
        yield made


@pytest.fixture
def core(tmp_path, slapd, provider):
    config = Config(
        data=str(tmp_path),
        directory=slapd.settings(),
        oidc=Oidc(university=provider.settings(title="Feide")),
    )
    made = cores.build(config)
    provider.now, provider.person, provider.change, provider.broken = made.clock.seconds(), {"sub": "p1"}, {}, ""
    yield made
    cores.close(made)


def at_university(browser, username: str = "ola", password: str = THEIRS):
    return browser.send("/order/university", username=username, password=password)


def elsewhere(browser, provider, purpose: str):
    """Follow the link, log in there, come back."""
    address = browser.get(f"/oidc/university/{purpose}").headers["Location"]
    assert address.startswith(provider.url)
    return browser.get("/oidc/callback?" + urllib.parse.urlencode(provider.authorize(address)))


def test_s06_the_university_password_gives_an_account_at_once(core, browser):
    assert "/order/university" in browser.get("/order").text
    assert at_university(browser).headers["Location"] == "/order/account"
    page = browser.get("/order/account?lang=nb").text
    assert "Ola Nordmann" in page
    assert 'value="ola"' in page
    assert accounts.list_accounts(core) == []
    assert browser.send("/order/account", **AT_ONCE).headers["Location"] == "/order/ready"
    assert "ola@alumni.example" in browser.get("/order/ready").text
    assert browser.send("/password/choose", password=NEW, again=NEW).headers["Location"] == "/account"
    assert login.authenticate(core, "ola", NEW, peer="", scope=Scope.IMAP).source == "alumni"
    assert login.authenticate(core, "ola", THEIRS, peer="", scope=Scope.IMAP).source == "directory"
    assert any(
        "/account/contact/" in text_of(queue_admin.octets(core, item.id)) for item in queue_admin.list_queue(core)
    )


def test_s06_pressing_twice_makes_one_account(core, browser):
    at_university(browser)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/order/account").text)[1]
    cookie = browser.client.get_cookie("alumnimail_session").value
    form = {**AT_ONCE, "csrf_token": token, "key": "the-same"}
    assert browser.client.post("/order/account", data=form).status_code == 303
    browser.client.set_cookie("alumnimail_session", cookie)  # the second press left before the first was answered
    browser.client.post("/order/account", data=form)
    assert len(accounts.list_accounts(core)) == 1


@pytest.mark.parametrize(
    "fields", [{"terms": ""}, {"contact": "x@alumni.example"}, {"name": "postmaster"}, {"name": "ø l a"}]
)
def test_s06_what_cannot_be_makes_nothing_and_keeps_what_was_written(core, browser, fields):
    at_university(browser)
    page = browser.send(
        "/order/account?lang=en", to="/order/account", **{k: v for k, v in {**AT_ONCE, **fields}.items() if v}
    )
    assert page.status_code in (400, 409)
    assert accounts.list_accounts(core) == []


def test_s06_alternatives_are_shown_when_the_name_is_somebody_else_s(core, browser):
    accounts.add_account(core, "ola", person="p9")
    at_university(browser)
    assert "ola.nordmann@alumni.example" in browser.get("/order/account").text


@pytest.mark.parametrize(
    ("username", "name"),
    [
        ("ola", "Ola Nordmann"),  # a student
        ("alum", "Alma Alum"),  # a former one
        ("staff", "Stein Staff"),
        ("retired", "Randi Retired"),  # former staff, by an affiliation of the site's own
        ("both", "Berit Nyttnavn"),  # of two groups; the name is the one that the directory has today
    ],
)
def test_s03_each_of_the_groups_orders_without_a_national_id(core, username, name):
    kinds = (*core.config.order.affiliations, "retired-staff")
    site = replace(core, config=replace(core.config, order=OrderSettings(kinds)))
    browser = Browser(create_app(site).test_client())
    assert at_university(browser, username).headers["Location"] == "/order/account"
    assert name in browser.get("/order/account?lang=nb").text
    ready = browser.send("/order/account", **{**AT_ONCE, "name": username})
    assert ready.headers["Location"] == "/order/ready"
    assert [one.name for one in accounts.list_accounts(core)] == [username]


def test_s03_former_staff_is_refused_where_the_site_does_not_name_their_affiliation(core, browser):
    at_university(browser, "retired")
    assert browser.get("/order/account").status_code == 403


def test_s03_who_is_none_of_the_four_groups_is_told_why_and_where_to_write(core, browser):
    at_university(browser, "guest")
    page = browser.get("/order/account?lang=en")
    assert page.status_code == 403
    assert "affiliate" in page.text
    assert "/help" in page.text
    assert browser.send("/order", to="/order/account", **AT_ONCE).status_code == 403
    assert accounts.list_accounts(core) == []


@pytest.mark.parametrize(
    ("username", "password"), [("ola", "wrong"), ("nobody", THEIRS), ("gone", THEIRS), ("*", THEIRS)]
)
def test_s06_strangers_are_all_told_the_same(core, browser, username, password):
    browser.get("/?lang=en")
    page = at_university(browser, username, password)
    assert page.status_code == 403
    assert "The user name or the password is wrong." in page.text
    assert browser.get("/order/account").headers["Location"] == "/order"


def test_s11_a_silent_directory_is_told_as_such(core, browser, slapd):
    slapd.stop()
    try:
        page = at_university(browser)
    finally:
        slapd.start()
    assert page.status_code == 503


def test_s06_who_has_an_account_is_led_there(core, browser):
    accounts.add_account(core, "olan", person="p1")
    at_university(browser)
    assert "olan@alumni.example" in browser.get("/order/account").text


def test_s06_the_form_of_a_stranger_is_followed_on_a_page_of_its_own(core, browser):
    browser.send(
        "/order?lang=en", display_name="Kari", name="kari", contact="kari@home.example", affiliation="staff", terms="y"
    )
    [item] = queue_admin.list_queue(core)
    path = re.search(r"(/order/status/\S+)", text_of(queue_admin.octets(core, item.id)))[1]
    assert not orders.list_orders(core)[0].confirmed
    assert browser.get(path).status_code == browser.get(path).status_code == 200
    browser.send(path, name="kari", more="")
    assert orders.list_orders(core)[0].confirmed
    browser.send(path, name="kari.n", more="1975")
    assert orders.list_orders(core)[0].name == "kari.n"
    orders.reject_order(core, orders.list_orders(core)[0].id, "no")
    assert browser.get(path).status_code == 404


# OpenID


def test_s06_a_log_in_elsewhere_orders_and_later_opens_the_account(core, browser, provider):
    provider.person |= {"name": "Ola Nordmann", "affiliation": ["employee"], "preferred_username": "ola"}
    assert elsewhere(browser, provider, "order").headers["Location"] == "/order/account"
    assert browser.send("/order/account", **AT_ONCE).headers["Location"] == "/order/ready"
    fresh = Browser(browser.client.application.test_client())
    assert "Feide" in fresh.get("/login").text
    assert elsewhere(fresh, provider, "login").headers["Location"] == "/mail/"
    assert fresh.get("/account").status_code == 200


def test_n20_a_linked_log_in_leads_to_choosing_a_new_password(core, browser, provider):
    ola = accounts.add_account(core, "ola", password=PASSWORD)
    browser.log_in()
    provider.person = {"sub": "elsewhere-1"}
    assert elsewhere(browser, provider, "link").headers["Location"] == "/account/security/link"
    assert browser.send("/account/security/link", current=PASSWORD).headers["Location"] == "/account/security"
    assert [name for name, _at in oidc_login.list_links(core, ola)] == ["university"]
    fresh = Browser(browser.client.application.test_client())
    elsewhere(fresh, provider, "login")
    assert fresh.send("/password/choose", password=NEW, again=NEW).headers["Location"] == "/account"
    login.authenticate(core, "ola", NEW, peer="", scope=Scope.IMAP)  # raises for a wrong one


def test_n20_a_log_in_elsewhere_is_linked_with_the_password_only_and_its_owner_hears_of_it(core, browser, provider):
    """Somebody who has logged this browser in there as themselves must not be given the account by a link."""
    ola = accounts.add_account(core, "ola", password=PASSWORD, contact="ola@home.example")
    browser.log_in()
    provider.person = {"sub": "mallory", "name": "Mallory Evil"}
    elsewhere(browser, provider, "link")
    assert oidc_login.list_links(core, ola) == []
    assert "Mallory Evil" in browser.get("/account/security/link").text
    assert browser.send("/account/security/link", current="wrong").status_code == 403
    assert oidc_login.list_links(core, ola) == []
    fresh = Browser(browser.client.application.test_client())
    elsewhere(fresh, provider, "login")
    assert fresh.get("/account").status_code == 302
    browser.send("/account/security/link", current=PASSWORD)
    assert any(i.recipient == "ola@home.example" for i in queue_admin.list_queue(core))
    assert browser.get("/account/security/link").headers["Location"] == "/account/security"  # once
    unlink = {"to": "/account/security/unlink", "provider": "university"}
    assert browser.send("/account/security", current="wrong", **unlink).status_code == 403
    assert browser.send("/account/security", current=PASSWORD, **unlink).status_code == 303
    assert oidc_login.list_links(core, ola) == []


def test_an_answer_that_nobody_asked_for_opens_nothing(core, browser, provider):
    accounts.add_account(core, "ola", person="p1")
    mine = Browser(browser.client.application.test_client())
    address = mine.get("/oidc/university/login").headers["Location"]
    answer = "/oidc/callback?" + urllib.parse.urlencode(provider.authorize(address))
    assert browser.get(answer).status_code == 410  # in another browser
    assert mine.get(answer.replace("state=", "state=x")).status_code == 403
    assert mine.get(answer).status_code == 410  # the question is used up
    assert mine.get("/oidc/callback?error=access_denied").status_code == 410
    for path in ("/oidc/nowhere/login", "/oidc/university/steal"):
        assert mine.get(path).status_code == 410


def test_s16_a_log_in_elsewhere_may_be_begun_in_two_tabs(core, browser, provider):
    accounts.add_account(core, "ola", person="p1")

    def answer(address):
        return "/oidc/callback?" + urllib.parse.urlencode(provider.authorize(address))

    first, second = (
        answer(browser.get("/oidc/university/login?next=" + at).headers["Location"]) for at in ("/quota", "/faq")
    )
    assert browser.get(first).headers["Location"] == "/quota"
    assert browser.get(second).headers["Location"] == "/mail/"  # this browser is logged in by the other tab
    late = Browser(browser.client.application.test_client())
    begun = [answer(late.get("/oidc/university/login").headers["Location"]) for _ in range(2)]
    assert late.get(begun[1]).headers["Location"] == "/mail/"
    many = Browser(browser.client.application.test_client())
    addresses = [many.get("/oidc/university/login").headers["Location"] for _ in range(MOST_BEGUN + 1)]
    assert many.get(answer(addresses[0])).status_code == 403  # too many begun since
    assert many.get(answer(addresses[1])).headers["Location"] == "/mail/"


def test_a_silent_provider_is_told_as_such(core, browser, provider):
    provider.broken = "down"
    assert browser.get("/oidc/university/login").status_code == 503


def test_s13_a_university_password_whose_tie_has_ended_proves_nothing_more(core, browser):
    accounts.add_account(core, "gone", person="p3", password=PASSWORD)
    browser.log_in("gone")
    fields = {"label": "phone", "scopes": "imap"}
    assert browser.send("/account/apps", current=THEIRS, **fields).status_code == 403
    assert browser.send("/account/apps", current=PASSWORD, **fields).status_code == 200
    outside = Browser(browser.client.application.test_client())
    assert outside.log_in("gone", THEIRS).headers["Location"] == "/password/choose"
    page = outside.get("/password/choose?lang=en").text
    assert "Your affiliation with the university has ended" in page
    assert "It stops working on" not in page  # that day is over


def test_linking_needs_a_log_in_first(core, browser):
    assert browser.get("/oidc/university/link").headers["Location"].startswith("/login")


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_every_page_of_ordering_is_shown_in_each_language(core, browser, language):
    at_university(browser)
    for path in ("/order", "/order/university", "/order/account", "/login"):
        page = browser.get(f"{path}?lang={language}")
        assert page.status_code == 200
        assert f'<html lang="{language}">' in page.text
        assert "style=" not in page.text


def test_without_directory_and_providers_there_is_the_form_alone(tmp_path, core):
    bare = replace(core, config=Config(data=core.config.data))
    page = Browser(create_app(bare).test_client())
    assert "/order/university" not in page.get("/order").text
    assert page.get("/order/university").headers["Location"] == "/order"
    assert "/oidc/" not in page.get("/login").text


def test_s06_failures_at_the_university_s_log_in_are_limited_and_successes_are_not(core, slapd, monkeypatch):
    app = create_app(core)
    for _ in range(3):
        assert at_university(Browser(app.test_client())).status_code == 303
    for number in range(10):
        assert at_university(Browser(app.test_client()), password=f"wrong {number}").status_code == 403
    assert at_university(Browser(app.test_client())).status_code == 429
    # the neighbour at the same address, who has done nothing, orders all the same
    assert at_university(Browser(app.test_client()), "guest").status_code == 303
    monkeypatch.setattr(throttle, "IN_ALL", 0)  # of one place
    assert at_university(Browser(app.test_client()), "guest").status_code == 429
