"""Public pages, languages, errors and headers."""

import re
from dataclasses import replace

import pytest

from mailcore import errors
from mailcore.errors import MailError
from portal import create_app
from portal.errors import TABLE, answer
from portal.sessions import COOKIE, FORMS
from tests.portal.conftest import Browser

PUBLIC = ["/", "/login", "/order", "/order/thanks", "/password", "/password/forgotten", "/faq", "/help", "/clients"]


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_page_is_shown_in_each_language(browser, path, language):
    page = browser.get(f"{path}?lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert "style=" not in page.text
    assert re.search(r"<script(?! src=)", page.text) is None


def _crawl(browser: Browser, start: str) -> dict[str, int]:
    seen: dict[str, int] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        page = browser.get(path, follow_redirects=True)
        seen[path] = page.status_code
        text = page.text if page.content_type.startswith("text/html") else ""
        page.close()  # files are sent as streams
        # what a message names is outside, and marked as such
        links = re.findall(r'(?:href|src)="([^"]+)"(?! target="_blank" rel="noopener noreferrer nofollow")', text)
        assert [link for link in links if link.startswith(("http:", "https:", "//"))] == []
        waiting += [link.replace("&amp;", "&").partition("#")[0] for link in links if link.startswith("/")]
    return seen


def test_all_links_lead_somewhere(browser):
    seen = _crawl(browser, "/")
    assert {path: code for path, code in seen.items() if code != 200} == {}
    assert set(seen) >= {"/login", "/order", "/faq", "/clients", "/password", "/quota", "/forwarding", "/help"}


@pytest.mark.slow
def test_all_links_lead_somewhere_when_logged_in(inside):
    assert {path: code for path, code in _crawl(inside, "/mail/").items() if code != 200} == {}


def test_a_language_link_leads_to_the_same_page_and_is_remembered(browser):
    assert 'href="/faq?lang=nn"' in browser.get("/faq").text
    browser.get("/faq?lang=nn")
    assert '<html lang="nn">' in browser.get("/help").text


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("en-GB,en;q=0.8", "en"),
        ("no", "nb"),
        ("nb-NO,nb;q=0.9", "nb"),
        ("nn-NO", "nn"),
        ("fr", "nb"),
    ],
)
def test_the_first_guess_is_what_the_browser_asks_for(browser, asked, shown):
    assert f'<html lang="{shown}">' in browser.get("/", headers={"Accept-Language": asked}).text


def test_pages_allow_nothing_inline_and_no_other_host(browser):
    headers = browser.get("/").headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers


def test_a_stranger_who_looks_at_pages_makes_no_session_in_the_database(browser, core):
    """A crawler fills no table: what forms need stands in a signed cookie."""
    for path in PUBLIC * 2:
        browser.get(f"{path}?lang=nn")
        browser.client.delete_cookie(FORMS)
    assert core.db.read(lambda tx: tx.rows("SELECT count(*) FROM web_session")) == [(0,)]
    browser.get("/?lang=nn")
    page = browser.send("/login", username="nobody", password="wrong")
    assert page.status_code == 403  # the form came through, and is still no session
    assert '<html lang="nn">' in page.text
    assert core.db.read(lambda tx: tx.rows("SELECT count(*) FROM web_session")) == [(0,)]


def test_after_log_out_nothing_is_left_but_the_language(browser, core, ola):
    browser.get("/?lang=nn")
    browser.log_in()
    assert browser.send("/account", to="/logout").status_code == 303
    assert "Du er logga ut." in browser.get("/").text  # what was to be told is told
    assert core.db.read(lambda tx: tx.rows("SELECT count(*) FROM web_session")) == [(0,)]
    assert browser.client.get_cookie(COOKIE) is None
    assert '<html lang="nn">' in browser.get("/login").text
    assert browser.log_in().status_code == 303


def test_a_form_without_the_cookie_it_was_shown_with_is_refused(browser, core):
    for cookie in (None, "forged"):
        text = browser.get("/login").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)[1]
        if cookie is None:
            browser.client.delete_cookie(FORMS)
        else:
            browser.client.set_cookie(FORMS, browser.client.get_cookie(FORMS).value + cookie)
        assert (
            browser.client.post("/login", data={"csrf_token": token, "username": "ola", "password": "x"}).status_code
            == 400
        )


def test_the_cookie_of_strangers_is_careful_and_holds_nothing_else(browser, core):
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(browser.get("/login").headers["Set-Cookie"].split("; "))
    secure = replace(core, config=replace(core.config, public_url="https://portal.alumni.example"))
    cookie = create_app(secure).test_client().get("/login").headers["Set-Cookie"]
    assert cookie.startswith(f"__Host-{FORMS}=")
    assert "Secure" in cookie.split("; ")
    assert "Domain" not in cookie


def test_programs_are_asked_to_leave_alone_what_is_not_for_them(browser):
    text = browser.get("/robots.txt").text
    assert "Disallow: /oidc/" in text
    assert "Set-Cookie" not in browser.get("/robots.txt").headers


def test_health_and_ready_answer_balancers(browser):
    assert browser.get("/health").text == "ok\n"
    assert browser.get("/ready").text == "ready\n"


def _errors() -> list[type[MailError]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, MailError)]


@pytest.mark.parametrize("error", _errors(), ids=lambda cls: cls.__name__)
def test_every_error_has_words_of_its_own(error, browser):
    assert error in TABLE, "a row of portal/errors.py"
    with browser.client.application.test_request_context("/?lang=en"):
        code, words = answer(error("internal detail"))
        assert 400 <= code < 600
        assert "internal" not in str(words)


def test_an_unknown_page_is_a_page(browser):
    page = browser.get("/nowhere?lang=en")
    assert page.status_code == 404
    assert "There is no such page." in page.text


def test_a_fault_of_ours_shows_no_detail(browser, monkeypatch):
    from mailcore.services.webmail import overview

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    browser.client.application.view_functions["help.faq"] = broken
    monkeypatch.setattr(overview, "read_account", broken)
    page = browser.get("/faq?lang=en")
    assert page.status_code == 500
    assert "secret detail" not in page.text


def test_the_set_up_table_is_what_listens(browser):
    page = browser.get("/clients?lang=en").text
    assert "mx.alumni.example" in page
    for port in ("993", "465", "587", "4190"):
        assert f">{port}<" in page
    assert ">143<" not in page
