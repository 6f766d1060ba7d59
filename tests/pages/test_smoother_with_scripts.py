"""JavaScript adds comfort and loses nothing: HTMX at the desk, rows that are fetched anew, a draft that is saved."""

import re

import pytest
from playwright.sync_api import expect

from mailcore.domain import Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.services.tickets import tickets
from mailcore.services.webmail import drafts
from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]


@pytest.fixture
def page(chromium, base):
    context = chromium.new_context(viewport={"width": 1000, "height": 800}, locale="nb-NO")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda m: page.problems.append(m.text) if m.type in ("error", "warning") else None)
    yield page
    context.close()
    assert page.problems == []  # nor against our own policy


def enter(page, base, role):
    """Pages name their language: what was looked at before left another with the account."""
    page.goto(f"{base}/login")
    page.fill("[name=username]", role)
    page.fill("[name=password]", site.PASSWORD)
    page.click("main button")


def test_a_ready_answer_comes_after_what_is_written_without_a_new_page(page, base):
    enter(page, base, "agnes")
    page.goto(f"{base}/desk/cases/2?lang=nb")
    page.evaluate("window.same = true")
    page.fill("#text", "Hei Ola,")
    assert not page.evaluate("window.htmx")  # it is heavier than the page, and comes when it is of use
    page.focus("#canned")
    for _ in range(1000):  # our policy lets no text become a program, so Playwright cannot wait for it
        if page.evaluate("!!window.htmx"):
            break
        page.wait_for_timeout(20)
    page.select_option("#canned", "quota-given")
    page.click("button[value=canned]:not(.hidden)")
    expect(page.locator("#text")).to_have_value(re.compile(r"^Hei Ola,\s+Hei!\s+Du har fått større kvote"))
    assert page.evaluate("window.same")


def test_the_desk_finds_while_one_types(page, base):
    enter(page, base, "agnes")
    page.goto(f"{base}/desk/people")
    page.fill("#q", "nordmann")  # before htmx is there
    page.wait_for_selector("#found >> text=Ola Nordmann")
    page.wait_for_url("**/desk/people?q=nordmann")
    page.goto(f"{base}/desk/cases")
    page.type("#q", "mer plass")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.wait_for_url(re.compile(r"/desk/cases\?state=open&q=mer(\+|%20)plass$"))


def test_a_new_case_appears_at_the_desk_by_itself(page, base, portal):
    enter(page, base, "agnes")
    core = portal[1].extensions["core"]
    page.clock.install()
    page.goto(f"{base}/desk/cases?lang=nb&q=dukket")
    page.wait_for_selector("#found >> text=Ingen saker her")
    made = tickets.submit_form(
        core,
        kind="login",
        subject="Nettopp dukket opp",
        text="Hei!",
        reply_to="",
        language="nb",
        peer="x",
        owner=accounts.find_account(core, "ola"),
    )
    page.clock.run_for(31_000)
    page.wait_for_selector("#found >> text=Nettopp dukket opp")
    assert not page.evaluate("window.htmx")
    tickets.close_ticket(core, made.id)


def test_n15_the_doctor_tells_of_a_try_without_being_asked(page, base, portal):
    enter(page, base, "ola")
    page.goto(f"{base}/clients/doctor?lang=nb")
    core = portal[1].extensions["core"]
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", "not this one", peer="192.0.2.7", scope=Scope.IMAP)
    page.wait_for_selector("#tries >> text=feil passord")


def test_what_is_written_is_kept_by_the_script(page, base, portal):
    enter(page, base, "ola")
    core = portal[1].extensions["core"]
    page.clock.install()
    page.goto(f"{base}/mail/compose?lang=nb")
    page.fill("[name=body]", "en tekst som ingen sender")
    page.clock.run_for(31_000)
    page.wait_for_selector("#kept >> text=Lagret.")
    kept = drafts.list_writings(core, accounts.find_account(core, "ola").id)
    assert [one.form.body for one in kept if "ingen sender" in one.form.body] == ["en tekst som ingen sender"]
    page.click("button[value=discard]:not(.hidden)")


def wait_for_htmx(page, place: str) -> None:
    page.hover(place)
    for _ in range(1000):
        if page.evaluate("!!window.htmx"):
            return
        page.wait_for_timeout(20)
    raise AssertionError("htmx does not come")


def test_a_list_changes_in_its_place_and_can_be_undone(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/mail/INBOX/?lang=nb")
    wait_for_htmx(page, "#messages")
    page.evaluate("window.same = true")
    line = page.locator(".messages li").nth(20)  # other tests open the first
    subject = line.locator("a").inner_text()
    page.fill("#q", "typed meanwhile")
    line.locator("input").check()
    page.click("#messages button[value=archive]")
    expect(page.locator("#notices")).to_contain_text("1 melding er flyttet")
    expect(page.locator(f".messages a:text-is('{subject}')")).to_have_count(0)
    page.click(".undo button:not(.hidden)")
    expect(page.locator("#notices")).to_contain_text("flyttet tilbake")
    expect(page.locator(f".messages a:text-is('{subject}')")).to_have_count(1)
    assert page.evaluate("window.same")
    assert page.input_value("#q") == "typed meanwhile"
    assert subject not in page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )  # mail stays with us


def test_the_next_page_of_a_list_comes_in_its_place_and_back_is_the_first(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/mail/INBOX/?lang=nb")
    wait_for_htmx(page, "nav.pages")
    page.evaluate("window.same = true")
    first = page.locator(".messages li").first.locator("a").inner_text()
    page.click("nav.pages a[rel=next]")
    expect(page.locator("nav.pages a[rel=prev]")).to_be_visible()
    page.wait_for_url("**/mail/INBOX/?after=*")
    assert page.evaluate("window.same")
    page.go_back()
    expect(page.locator(".messages li").first.locator("a")).to_have_text(first)
    page.click(".messages li:first-child a")
    expect(page.locator("article h1")).to_be_visible()
    assert not page.evaluate("!!window.same")


def test_the_webmail_finds_while_one_types(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/mail/search?lang=nb")
    page.evaluate("window.same = true")
    page.type("#q", "videresendt")
    expect(page.locator("#found .summary")).to_contain_text("1 melding funnet")
    page.wait_for_url("**/mail/search?q=videresendt")
    assert page.evaluate("window.same && document.activeElement.id") == "q"


def test_who_was_logged_out_meanwhile_gets_the_page_for_it(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/mail/INBOX/?lang=nb")
    wait_for_htmx(page, "#messages")
    page.context.clear_cookies()
    page.locator(".messages input").first.check()
    page.click("#messages button[value=flag]")
    page.wait_for_selector("[name=password]")
    page.problems.clear()
