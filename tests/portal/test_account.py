"""An owner's account pages: log-in in two steps, open sessions, app passwords, recovery, closing."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import argon2
import pytest

from mailcore.domain import Affiliation, Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts, closing, leaving
from mailcore.services.credentials import app_passwords, contact_addresses, login, passwords
from mailcore.services.delivery import queue_admin
from mailcore.services.signin import password_requests, recovery, two_factor, web_sessions
from mailcore.store.people import affiliations
from mailcore.store.people import web_sessions as sessions_store
from portal import create_app, formats
from portal.current import DEVICE_COOKIE
from portal.sessions import COOKIE
from tests.authenticator import Key
from tests.portal.conftest import PASSWORD, Browser
from tests.readers import text_of
from tests.services.test_two_factor import code

NEW = "en ny setning med æøå"
OUTSIDE = "ola@elsewhere.example"


@pytest.fixture
def reached(core, ola):
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, ola.id, OUTSIDE))


def link(core, path: str) -> str:
    """The newest link of that kind that was mailed."""
    for item in reversed(queue_admin.list_queue(core)):
        if found := re.search(rf"{re.escape(core.config.url)}({path}/\S+)", text_of(queue_admin.octets(core, item.id))):
            return found[1]
    raise AssertionError(f"no link to {path} was mailed")


def other(browser):
    return type(browser)(browser.client.application.test_client())


# Log-ins and sessions


def test_s08_wrong_log_ins_take_the_same_work_whoever_they_are_for(real_passwords, core, ola, monkeypatch):
    runs: list[argon2.Parameters] = []
    monkeypatch.setattr(passwords, "matches", lambda hashed, _: bool(runs.append(argon2.extract_parameters(hashed))))
    for name in ("ola", "nobody"):
        with pytest.raises(WrongPassword):
            login.authenticate(core, name, "wrong", peer="", scope=Scope.PORTAL)
    known, unknown = runs
    assert known == unknown


def test_a_session_that_was_planted_is_worth_nothing_after_log_in(core, browser, ola):
    planted = "p" * 43
    web_sessions.begin_session(
        core, planted, None, '{"linking": "the thief, to be linked to whoever logs in", "language": "nb"}'
    )
    browser.client.set_cookie(COOKIE, planted)
    browser.log_in()
    assert browser.get("/account").status_code == 200
    assert "thief" not in web_sessions.load_session(core, browser.client.get_cookie(COOKIE).value).data
    thief = other(browser)
    thief.client.set_cookie(COOKIE, planted)
    assert thief.get("/account").status_code == 302


def test_sessions_stand_in_the_database_by_a_hash_and_the_cookie_is_careful(core, inside):
    token = inside.client.get_cookie(COOKIE).value
    rows = core.db.read(lambda tx: tx.rows("SELECT * FROM web_session"))
    assert token not in repr(rows)
    secure = replace(core, config=replace(core.config, public_url="https://portal.alumni.example"))
    cookie = type(inside)(create_app(secure).test_client()).log_in().headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_behind_a_proxy_the_person_s_own_address_counts_and_what_they_claim_does_not(core, ola):
    proxied = replace(core, config=replace(core.config, web=replace(core.config.web, proxies=1)))
    client = create_app(proxied).test_client()
    browser = Browser(client)
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "10.0.0.1, 203.0.113.77"
    browser.log_in()
    [session] = web_sessions.list_sessions(core, ola.id)
    assert session.place == "203.0.113.77"


def test_the_owner_sees_and_ends_log_ins(core, inside, ola):
    second = other(inside)
    second.log_in()
    opened = login.authenticate(core, "ola", PASSWORD, peer="192.0.2.55", scope=Scope.IMAP)
    core.db.write(lambda tx: None)
    page = inside.get("/account/logins?lang=en").text
    assert "192.0.2.55" in page
    assert page.count("this one") == 1
    handle = re.search(r'name="session" value="(\w+)"', page)[1]
    inside.send("/account/logins", to="/account/logins/end", session=handle)
    assert second.get("/account").status_code == 302
    second.log_in()
    inside.send("/account/logins", to="/account/logins/end")
    assert second.get("/account").status_code == 302
    assert inside.get("/account").status_code == 200
    assert not core.db.read(lambda tx: login.is_still_valid(tx, opened))


def test_s08_the_browser_of_the_owner_is_known_again_whoever_else_guesses_from_its_address(core, browser, ola):
    browser.log_in()
    kept = browser.client.get_cookie(DEVICE_COOKIE)
    assert (kept.http_only, kept.same_site, kept.max_age) == (True, "Lax", 365 * 86_400)
    browser.send("/account", to="/logout")
    guess = "INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,'127.0.0.1',?,'')"
    core.db.write(lambda tx: tx.many(guess, [(ola.id, core.clock.seconds())] * 1000))
    assert other(browser).log_in().status_code == 429
    assert browser.log_in().status_code == 303


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Chrome, Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox, Android"),
        ("something else/1", "something else/1"),
    ],
)
def test_a_browser_is_called_by_its_name(agent, words):
    assert formats.program(agent) == words


def test_a_log_in_from_a_new_network_is_told_once_a_day(core, ola):
    def told() -> int:
        core.db.write(lambda tx: None)
        return sum(
            "åpnet på en ny måte" in text_of(queue_admin.octets(core, item.id)) for item in queue_admin.list_queue(core)
        )

    for peer, count in (("192.0.2.1", 0), ("192.0.2.99", 0), ("198.51.100.7", 1), ("203.0.113.7", 1)):
        login.authenticate(core, "ola", PASSWORD, peer=peer, scope=Scope.IMAP)
        assert told() == count


# Two steps


@pytest.fixture
def secret(core, ola):
    """One step older than now, so that the next code is not used up."""
    found, _ = two_factor.begin_totp(core, ola)
    two_factor.finish_totp(core, ola, code(found, core.clock.seconds() - 30))
    return found


def test_the_second_step_stands_between_the_password_and_the_account(core, browser, ola, secret):
    assert browser.log_in().headers["Location"] == "/login/second"
    assert browser.get("/account").headers["Location"].startswith("/login")
    assert browser.send("/login/second", code="000000").status_code == 403
    assert browser.get("/account").headers["Location"].startswith("/login")
    assert browser.send("/login/second", code=code(secret, core.clock.seconds())).headers["Location"] == "/mail/"
    assert browser.get("/account").status_code == 200


def test_the_second_step_cannot_be_reached_without_the_first(browser, ola, secret):
    for path in ("/login/second", "/login/key"):
        assert browser.get(path).headers["Location"] == "/login"


def test_an_app_is_added_with_its_code_and_brings_recovery_codes(core, inside, ola):
    page = inside.get("/account/security/app?lang=en").text
    assert "<svg" in page
    assert "style=" not in page
    shown = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")
    wrong = inside.send("/account/security/app", code=code(shown, core.clock.seconds()), current="wrong")
    assert wrong.status_code == 403
    done = inside.send("/account/security/app", code=code(shown, core.clock.seconds()), current=PASSWORD)
    assert len(re.findall(r'<code class="secret">\w{5}-\w{5}</code>', done.text)) == recovery.CODES
    assert two_factor.is_on(core, ola.id)


def test_a_security_key_is_added_and_used(core, inside, ola):
    key = Key(core.config.url)
    options = _options(inside.get("/account/security/key").text)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', inside.get("/account").text)[1]
    form = {"csrf_token": token, "label": "Blå", "response": key.create(options), "current": PASSWORD}
    assert inside.client.post("/account/security/key", data=form).status_code == 200
    assert two_factor.is_on(core, ola.id)
    fresh = other(inside)
    assert fresh.log_in().headers["Location"] == "/login/second"
    options = _options(fresh.get("/login/key").text)
    token = re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"', fresh.get("/help").text + fresh.get("/login/second").text
    )[1]
    done = fresh.client.post("/login/key", data={"csrf_token": token, "response": "{}"})
    assert done.status_code == 403  # and the challenge is used up
    options = _options(done.text)
    done = fresh.client.post("/login/key", data={"csrf_token": token, "response": key.get(options)})
    assert done.headers["Location"] == "/mail/"


def _options(page: str) -> str:
    return re.search(r'data-options="([^"]+)"', page)[1].replace("&#34;", '"').replace("&amp;", "&")


def test_removing_the_second_step_asks_for_the_password(core, inside, ola, secret):
    [factor] = two_factor.list_factors(core, ola.id)
    fresh = other(inside)
    fresh.log_in()
    fresh.send("/login/second", code=code(secret, core.clock.seconds()))
    page = "/account/security"
    assert fresh.send(page, to="/account/security/remove", factor=str(factor.id), current="wrong").status_code == 403
    assert two_factor.is_on(core, ola.id)
    fresh.send(page, to="/account/security/remove", factor=str(factor.id), current=PASSWORD)
    assert not two_factor.is_on(core, ola.id)


# App passwords, contact addresses


def test_an_app_password_is_shown_once_and_withdrawn(core, inside, ola):
    page = inside.send("/account/apps", label="Telefon", scopes="imap", current=PASSWORD).text
    made = re.search(r'id="made">([\w-]+)<', page)[1]
    assert login.authenticate(core, "ola", made, peer="", scope=Scope.IMAP).source == "app"
    assert made not in inside.get("/account/apps").text
    number = app_passwords.list_app_passwords(core, ola.id)[0].id
    inside.send("/account/apps", to="/account/apps/withdraw", app=str(number))
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", made, peer="", scope=Scope.IMAP)


def test_an_app_password_needs_the_password(core, inside, ola):
    assert inside.send("/account/apps", label="Telefon", scopes="imap", current="wrong").status_code == 403
    assert app_passwords.list_app_passwords(core, ola.id) == []


def test_a_contact_address_is_confirmed_by_its_link_and_not_by_looking(core, inside, ola):
    assert inside.send("/account/contact", address="new@work.example", current="wrong").status_code == 403
    assert inside.send("/account/contact", address="me@alumni.example", current=PASSWORD).status_code == 400
    inside.send("/account/contact", address="new@work.example", current=PASSWORD)
    path = link(core, "/account/contact")
    stranger = other(inside)
    assert stranger.get(path).status_code == stranger.get(path).status_code == 200
    assert contact_addresses.list_verified(core, ola.id) == []
    stranger.send(path)
    assert contact_addresses.list_verified(core, ola.id) == ["new@work.example"]
    inside.send(
        "/account/contact", to="/account/contact/change", address="new@work.example", action="remove", current=PASSWORD
    )
    assert contact_addresses.list_verified(core, ola.id) == []


# Forgotten


def test_n20_a_contact_address_is_removed_with_the_password_only(core, inside, ola, reached):
    asked = inside.send("/account/contact", to="/account/contact/change", address=OUTSIDE, action="remove")
    assert (asked.status_code, OUTSIDE in asked.text) == (200, True)
    wrong = inside.send(
        "/account/contact", to="/account/contact/change", address=OUTSIDE, action="remove", current="wrong"
    )
    assert wrong.status_code == 403
    assert contact_addresses.list_verified(core, ola.id) == [OUTSIDE]
    done = inside.send(
        "/account/contact", to="/account/contact/change", address=OUTSIDE, action="remove", current=PASSWORD
    )
    assert done.status_code == 303
    assert contact_addresses.list_verified(core, ola.id) == []


def test_s15_forgotten_gives_the_same_page_to_everyone_and_a_link_to_the_owner(core, browser, ola, reached):
    places = {
        browser.send("/password/forgotten", username=name).headers["Location"]
        for name in ("ola", "nobody", "x@y.example")
    }
    assert places == {"/password/forgotten/sent"}
    assert len(queue_admin.list_queue(core)) == 1
    path = link(core, "/password/link")
    assert browser.get(path).status_code == browser.get(path).status_code == 200
    assert browser.send(path, password=NEW, again=NEW).headers["Location"] == "/mail/"
    login.authenticate(core, "ola", NEW, peer="", scope=Scope.PORTAL)


def test_s15_a_link_does_not_go_round_the_second_step(core, browser, ola, reached, secret):
    password_requests.send_links(core, "ola")
    assert browser.send(link(core, "/password/link"), password=NEW, again=NEW).headers["Location"] == "/login/second"
    assert browser.get("/account").status_code == 302


def test_n20_a_printed_code_leads_to_choosing_a_password(core, browser, ola):
    codes = recovery.create_codes(core, ola)
    assert browser.send("/password/code", username="ola", code="aaaaa-aaaaa").status_code == 403
    page = browser.send("/password/code", username="ola", code=codes[0])
    assert browser.send(page.headers["Location"], password=NEW, again=NEW).headers["Location"] == "/mail/"


def test_s14_a_new_password_logs_out_all_others_and_withdraws_app_passwords_when_asked(core, inside, ola):
    second = other(inside)
    assert second.log_in().status_code == 303
    app_passwords.create_app_password(core, ola.id, "phone", [Scope.IMAP])
    fields = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert inside.send("/password", **{**fields, "current": "wrong"}).status_code == 403
    assert second.get("/account").status_code == 200
    assert inside.send("/password", **fields).status_code == 303
    assert inside.get("/account").status_code == 200
    assert second.get("/account").headers["Location"].startswith("/login")
    assert len(app_passwords.list_app_passwords(core, ola.id)) == 1
    newer = "en enda nyere setning"
    inside.send("/password", current=NEW, password=newer, again=newer, apps="y")
    assert app_passwords.list_app_passwords(core, ola.id) == []


# Leaving


@pytest.fixture
def leaving_one(core, ola, monkeypatch):
    """Somebody whom the university's password let in, until 31 December 2099."""
    monkeypatch.setattr(leaving, "is_on", lambda config: True)
    core.db.write(lambda tx: tx.run("UPDATE account SET person='p1' WHERE id=?", ola.id))
    core.db.write(lambda tx: tx.run("DELETE FROM credential WHERE account_id=?", ola.id))
    found = Affiliation("p1", "ola", ("student",), date(2099, 12, 31), True)
    core.db.write(lambda tx: affiliations.save_affiliations(tx, [found], core.clock.seconds()))
    return ola


def by_directory(core, browser, ola, *, ended: bool = False) -> None:
    web_sessions.begin_session(
        core,
        "t" * 43,
        ola.id,
        f'{{"logged_in_at": {core.clock.seconds()}}}',
        source="directory",
        peer="",
        agent="",
        ended=ended,
    )
    browser.client.set_cookie(COOKIE, "t" * 43)


def test_n9_a_banner_tells_which_password_worked_and_when_it_stops(core, browser, leaving_one):
    by_directory(core, browser, leaving_one)
    for path in ("/account", "/mail/", "/quota"):
        page = browser.get(f"{path}?lang=nb").text
        assert "Du logget inn med universitetspassordet. Det slutter å virke 31. desember 2099." in page
    assert browser.send("/password/choose", password=NEW, again=NEW).headers["Location"] == "/account"
    assert "universitetspassordet. Det slutter" not in browser.get("/mail/").text
    assert login.authenticate(core, "ola", NEW, peer="", scope=Scope.IMAP).source == "alumni"


def test_s13_a_session_whose_tie_has_ended_is_good_for_choosing_a_password_only(core, browser, leaving_one):
    by_directory(core, browser, leaving_one, ended=True)
    for path in ("/mail/", "/account", "/forwarding", "/account/apps", "/password"):
        assert browser.get(path).headers["Location"] == "/password/choose"
    assert browser.send("/password/choose", password="short", again="short").status_code == 400
    browser.send("/password/choose", password=NEW, again=NEW)
    assert browser.get("/mail/").status_code == 200
    assert (
        core.db.read(lambda tx: sessions_store.list_sessions(tx, leaving_one.id, core.clock.seconds()))[0].ended_at
        is None
    )


def test_an_alumni_session_does_not_choose_without_the_old_password(inside):
    assert inside.get("/password/choose").headers["Location"] == "/password"


# The end


def test_s10_closing_asks_twice_shows_the_way_back_and_logs_out(core, inside, ola):
    assert inside.send("/account/close", current=PASSWORD).status_code == 400
    assert inside.send("/account/close", current="wrong", sure="y").status_code == 403
    page = inside.send("/account/close", current=PASSWORD, sure="y")
    assert accounts.find_account(core, "ola").state == "closed"
    path = re.search(r'href="[^"]*(/account/undo/[^"]+)"', page.text)[1]
    assert inside.get("/account").status_code == 302
    assert inside.get(path).status_code == 200
    assert accounts.find_account(core, "ola").state == "closed"
    assert inside.send(path).headers["Location"] == "/login"
    assert inside.log_in().headers["Location"] == "/mail/"
    assert inside.get(path).status_code == 410


def test_n12_closing_leaves_a_new_address_if_wanted(core, inside, ola, monkeypatch):
    asked: list[str] = []
    real = closing.close_account

    def close_account(*given: Any, new_address: str, **more: Any) -> None:  # Any: handed on
        asked.append(new_address)
        real(*given, new_address=new_address, **more)

    monkeypatch.setattr(closing, "close_account", close_account)
    inside.send("/account/close", current=PASSWORD, sure="y", notice="ola@new.example")
    assert asked == ["ola@new.example"]


# Every page


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
@pytest.mark.parametrize("path", [
    "/account", "/account/contact", "/account/apps", "/account/logins", "/account/security", "/account/security/app",
    "/account/security/key", "/account/close", "/password",
])  # fmt: skip
def test_every_page_of_the_account_is_shown_in_each_language(inside, path, language):
    page = inside.get(f"{path}?lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert "style=" not in page.text
    assert len(page.data) < 50_000
