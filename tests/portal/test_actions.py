"""Daily actions in the portal: log-in and log-out, orders, passwords, forwarding, reading."""

import re
from datetime import UTC, datetime

import pytest

from mailcore.domain import ForwardingState, Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts, orders
from mailcore.services.credentials import login
from mailcore.services.forwarding import forwarding
from mailcore.store.queue.items import list_items, read_octets
from portal.sessions import COOKIE, FORMS
from tests.portal.conftest import PASSWORD

NEW = "en ny setning med æøå"


def put(core, account, name, octets):
    prepared = core.blobs.prepare(octets)

    def write(tx):
        box = core.mail.mailbox(tx, account.id, name)
        return core.mail.append(tx, account.id, box.id, prepared, frozenset(), datetime(2026, 6, 1, tzinfo=UTC))

    return core.db.write(write)


# Log in and out


@pytest.mark.parametrize("username", ["ola", "OLA", " ola ", "ola@alumni.example", "Ola@Alumni.Example"])
def test_the_user_name_may_be_written_as_people_do(browser, ola, username):
    assert browser.log_in(username).headers["Location"] == "/mail/"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ola", "wrong"),
        ("nobody", PASSWORD),
        ("ola@ntnu.example", PASSWORD),
    ],
)
def test_wrong_log_ins_are_all_told_the_same(browser, ola, username, password):
    browser.get("/?lang=en")
    page = browser.log_in(username, password)
    assert page.status_code == 403
    assert "The user name or the password is wrong." in page.text
    assert 'role="alert"' in page.text
    assert "aria-describedby" in page.text


def test_logging_in_gives_a_new_session_and_a_careful_cookie(browser, ola):
    browser.get("/login")
    before = browser.client.get_cookie(FORMS).value
    [cookie] = [one for one in browser.log_in().headers.getlist("Set-Cookie") if one.startswith(COOKIE)]
    assert before not in cookie
    assert browser.client.get_cookie(FORMS) is None
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_logging_out_ends_the_session_on_the_server(inside):
    stolen = inside.client.get_cookie(COOKIE).value
    assert inside.send("/account", to="/logout").status_code == 303
    inside.client.set_cookie(COOKIE, stolen)
    assert inside.get("/mail/").status_code == 302


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/quota", "/quota"),
        ("//evil.example", "/mail/"),
        ("https://evil.example", "/mail/"),
        ("/\\evil.example", "/mail/"),
    ],
)
def test_log_in_leads_back_to_our_own_pages_only(browser, ola, wanted, led):
    page = browser.send(f"/login?next={wanted}", to="/login", username="ola", password=PASSWORD)
    assert page.headers["Location"] == led


def test_a_form_without_its_token_is_refused(browser, ola):
    assert browser.client.post("/login", data={"username": "ola", "password": PASSWORD}).status_code == 400


@pytest.mark.parametrize("path", ["/mail/", "/mail/INBOX/1", "/quota", "/forwarding", "/account"])
def test_what_is_private_asks_for_a_log_in(browser, path):
    assert browser.get(path).headers["Location"].startswith("/login?next=")


# Passwords


def test_changing_the_password_logs_other_browsers_out(core, inside, ola):
    second = type(inside)(inside.client.application.test_client())
    second.log_in()
    assert inside.send("/password", current=PASSWORD, password=NEW, again=NEW).status_code == 303
    assert second.get("/mail/").status_code == 302
    assert inside.get("/mail/").status_code == 200
    assert login.authenticate(core, "ola", NEW, peer="", scope=Scope.IMAP).account.name == "ola"


@pytest.mark.parametrize(
    "fields",
    [
        {"current": "wrong", "password": NEW, "again": NEW},
        {"current": PASSWORD, "password": "short", "again": "short"},
        {"current": PASSWORD, "password": NEW, "again": NEW + "x"},
    ],
)
def test_a_password_that_cannot_be_is_not_set(core, inside, fields):
    assert inside.send("/password", **fields).status_code >= 400
    login.authenticate(core, "ola", PASSWORD, peer="", scope=Scope.IMAP)  # raises for a wrong one


def test_a_link_is_spent_by_the_form_and_not_by_looking(core, browser, ola):
    path = accounts.create_password_link(core, "ola").removeprefix(core.config.url)
    assert browser.get(path).status_code == browser.get(path).status_code == 200
    assert browser.send(path, password=NEW, again=NEW).headers["Location"] == "/mail/"
    assert browser.get(path).status_code == 410
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", PASSWORD, peer="", scope=Scope.IMAP)


# Orders

ORDER = {
    "display_name": "Kari Nordmann",
    "name": "kari",
    "contact": "kari@elsewhere.example",
    "affiliation": "former student",
    "terms": "y",
}


def test_an_order_waits_for_staff(core, browser):
    page = browser.send("/order?lang=nn", **ORDER)
    assert page.headers["Location"] == "/order/thanks"
    (order,) = orders.list_orders(core)
    assert (order.name, order.state, order.language) == ("kari", "submitted", "nn")
    assert accounts.list_accounts(core) == []


def test_pressing_twice_makes_one_order(core, browser):
    browser.send("/order", **ORDER, key="the-same")
    assert browser.send("/order", **ORDER, key="the-same").headers["Location"] == "/order/thanks"
    assert len(orders.list_orders(core)) == 1


@pytest.mark.parametrize("wrong", [{"terms": ""}, {"contact": "no address"}, {"name": "ø l a"}, {"display_name": ""}])
def test_an_order_with_a_mistake_keeps_what_was_written(core, browser, wrong):
    fields = {key: value for key, value in {**ORDER, **wrong}.items() if value}
    page = browser.send("/order?lang=en", **fields)
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.text
    assert "elsewhere.example" in page.text or "contact" in wrong
    assert orders.list_orders(core) == []


def test_a_name_that_is_taken_and_one_that_is_reserved_get_the_same_words(browser, ola):
    pages = [browser.send("/order?lang=en", **{**ORDER, "name": name}) for name in ("ola", "postmaster")]
    assert all("That user name is not available." in page.text for page in pages)


# Forwarding


def test_forwarding_keeps_a_copy_unless_told_otherwise_and_waits_for_the_target(core, inside, ola):
    page = inside.get("/forwarding?lang=en").text
    assert re.search(r'<input [^>]*checked[^>]*name="copy"', page)
    assert "Mind the spam filter" in page
    inside.send("/forwarding", target="ola@elsewhere.example", copy="y", password=PASSWORD)
    wish = forwarding.read_forwarding(core, ola.id)
    assert (wish.target, wish.copy, wish.state) == ("ola@elsewhere.example", True, ForwardingState.UNCONFIRMED)


@pytest.mark.parametrize(
    ("target", "password"),
    [
        ("ola@elsewhere.example", "wrong"),
        ("ola@alumni.example", PASSWORD),
        ("not an address", PASSWORD),
    ],
)
def test_forwarding_needs_the_password_and_an_outside_address(core, inside, ola, target, password):
    assert inside.send("/forwarding", target=target, copy="y", password=password).status_code in (400, 403)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_stopping_is_one_button(core, inside, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    inside.send("/forwarding", to="/forwarding/stop")
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_looking_at_a_confirmation_link_confirms_nothing(core, browser, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True)
    letter = core.db.read(lambda tx: read_octets(tx, core.blobs, list_items(tx)[0]))
    link = re.search(rb"/forwarding/confirm/\S+", letter)[0].decode()
    assert browser.get(link).status_code == 200
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED
    browser.send(link)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY
    assert browser.get("/forwarding/confirm/abc").status_code == 410


# Mail and quota


def test_the_list_shows_the_newest_first_in_pages(core, inside, ola):
    for number in range(55):
        put(core, ola, "Archive", b"From: Kari <k@x.example>\r\nSubject: number %d\r\n\r\nHei\r\n" % number)
    first = re.findall(r">number (\d+)</a>", inside.get("/mail/Archive/").text)
    page = inside.get("/mail/Archive/").text
    onward = re.search(r'href="([^"]+)" rel="next"', page)
    second = re.findall(r">number (\d+)</a>", inside.get(onward[1].replace("&amp;", "&")).text)
    assert [int(n) for n in first + second] == list(range(54, -1, -1))


def test_reading_shows_text_alone_and_marks_it_seen(core, inside, ola):
    octets = (
        b"From: =?utf-8?q?K=C3=A5re?= <k@x.example>\r\nSubject: <b>Hei</b>\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n<script>alert(1)</script> bl\xc3\xa5b\xc3\xa6r\r\n"
    )
    uid = put(core, ola, "INBOX", octets)
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert "Kåre" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; blåbær" in page
    assert "&lt;b&gt;Hei&lt;/b&gt;" in page
    infos = core.db.read(lambda tx: core.mail.infos(tx, core.mail.mailbox(tx, ola.id, "INBOX").id, [(uid, uid)]))
    assert "\\Seen" in infos[0].flags


@pytest.mark.parametrize("path", ["/mail/Nowhere/", "/mail/INBOX/4711"])
def test_mail_that_is_not_there_is_a_page(inside, path):
    assert inside.get(path).status_code == 404


def test_the_quota_stands_on_every_mail_page_with_a_decimal_comma(core, inside, ola):
    accounts.set_quota(core, "ola", 2 * 2**30)
    for path in ("/mail/", "/mail/Sent/", "/mail/INBOX/1"):
        page = inside.get(f"{path}?lang=nb").text
        assert 'id="quota" role="meter"' in page
        assert re.search(r"<span>\d,\d\d GB av 2 GB brukt \(\d+ %\)</span>", page)
    assert re.search(r"<span>\d\.\d\d GB of 2 GB used", inside.get("/mail/?lang=en").text)
    accounts.set_quota(core, "ola", 0)
    assert re.search(r"<span>[\d,]+ kB brukt</span>", inside.get("/mail/?lang=nb").text)


def test_the_language_is_stored_on_the_account(core, inside):
    inside.send("/account", language="nn")
    assert accounts.find_account(core, "ola").language == "nn"
    inside.get("/quota?lang=en")
    assert accounts.find_account(core, "ola").language == "en"
