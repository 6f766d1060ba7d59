"""JavaScript adds comfort and loses nothing: HTMX puts answers in their place, and what is written is saved."""

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
    page.select_option("#canned", "quota-given")
    page.click("button[value=canned]:not(.hidden)")
    expect(page.locator("#text")).to_have_value(re.compile(r"^Hei Ola,\s+Hei!\s+Du har fått større kvote"))
    assert page.evaluate("window.same")


def test_the_desk_finds_while_one_types(page, base):
    enter(page, base, "agnes")
    page.goto(f"{base}/desk/people")
    page.fill("#q", "nordmann")
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


def test_a_list_changes_in_its_place_and_can_be_undone(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/mail/INBOX/?lang=nb")
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
    page.context.clear_cookies()
    page.locator(".messages input").first.check()
    page.click("#messages button[value=flag]")
    expect(page.locator("#notices #error")).to_contain_text("last siden på nytt")  # what was ticked stays
    assert page.locator(".messages :checked").count() == 1
    page.click("nav.pages a[rel=next]")
    page.wait_for_selector("[name=password]")
    page.problems.clear()


def test_mail_that_comes_stands_in_the_list_by_itself_and_waits_while_somebody_ticks(page, base, portal):
    enter(page, base, "ola")
    core = portal[1].extensions["core"]
    owner = accounts.find_account(core, "ola")
    page.goto(f"{base}/mail/Drafts/?lang=nb")
    page.evaluate("window.same = true")

    def arrive(subject):
        box = core.db.read(lambda tx: core.mail.mailbox(tx, owner.id, "Drafts"))
        prepared = core.blobs.prepare(f"From: x@y.example\r\nSubject: {subject}\r\n\r\n".encode())
        core.db.write(lambda tx: core.mail.append(tx, owner.id, box.id, prepared, frozenset(), core.clock.now()))

    arrive("kommet uten spørsmål")
    expect(page.locator("#list a:text-is('kommet uten spørsmål')")).to_have_count(1)
    page.locator(".messages input").first.check()
    arrive("vent litt")
    expect(page.locator("#mailboxes a[aria-current] .count")).to_have_text("2")
    expect(page.locator(".messages li")).to_have_count(1)
    assert page.evaluate("window.same")
    page.click("#messages button[value=delete]")
    expect(page.locator("#list a:text-is('vent litt')")).to_have_count(1)
    page.locator(".messages input").first.check()
    page.click("#messages button[value=delete]")
    expect(page.locator("#list .empty")).to_be_visible()


def test_filters_are_made_turned_and_moved_in_their_place(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/filters/new?lang=nb")
    page.evaluate("window.same = true")
    page.fill("#name", "Ukebrev")
    rows = page.locator(".rule .row")
    before = rows.count()
    page.click("button[value=more]:not(.hidden)")
    expect(rows.nth(before).locator("select").first).to_be_focused()
    assert page.input_value("#name") == "Ukebrev"
    page.fill("#forward", "not an address")
    page.click("button[value=save]:not(.hidden)")
    expect(page.locator("#problem")).to_be_focused()
    page.problems.clear()  # Chromium tells of each 400
    assert page.evaluate("window.same")
    page.fill("#forward", "")
    page.check("#read")
    page.click("button[value=save]:not(.hidden)")
    expect(page.locator("#notices")).to_contain_text("Filteret er lagret")
    page.wait_for_url("**/filters")
    page.goto(f"{base}/filters/new?lang=nb")
    page.fill("#name", "Annet")
    page.check("#flag")
    page.click("button[value=save]:not(.hidden)")
    page.wait_for_url("**/filters")
    page.evaluate("window.same = true")
    page.click("[aria-label='Opp: Annet']")
    expect(page.locator(".rules li").first).to_contain_text("Annet")
    page.click("[aria-label='Slå av: Ukebrev']")
    expect(page.locator("[aria-label='Slå på: Ukebrev']")).to_be_focused()
    for name in ("Annet", "Ukebrev"):
        page.click(f"[aria-label='Slett: {name}']")
        expect(page.locator("#notices")).to_contain_text("Filteret er slettet")
        expect(page.locator(f".rules :text('{name}')")).to_have_count(0)
    assert page.evaluate("window.same")


def test_room_is_made_in_its_place_and_what_it_freed_is_said(page, base):
    enter(page, base, "agnes")
    page.goto(f"{base}/quota?lang=nb")
    page.evaluate("window.same = true")
    page.click("nav.tabs a:text-is('Nyhetsbrev')")
    page.wait_for_url("**/quota?show=newsletters#list")
    page.click("nav.tabs a:text-is('De eldste')")
    expect(page.locator(".room-list caption")).to_have_text("De eldste")
    page.locator(".room-list input").first.check()
    page.click("#list form button")
    expect(page.locator("main .lead")).to_contain_text("1 melding blir slettet for godt")
    page.click("main a.quiet")
    expect(page.locator(".room-list caption")).to_have_text("De eldste")
    page.locator(".room-list input").first.check()
    page.click("#list form button")
    page.click("main button.danger")
    expect(page.locator("#notices")).to_contain_text("1 melding slettet")
    assert page.evaluate("window.same")


def test_a_wrong_code_is_answered_beside_its_field(page, base):
    enter(page, base, "agnes")
    page.goto(f"{base}/account/security/app?lang=nb")
    page.evaluate("window.same = true")
    page.fill("#code", "000000")
    page.fill("#current", site.PASSWORD)
    page.press("#current", "Enter")
    expect(page.locator("#problem")).to_be_focused()
    page.problems.clear()
    assert page.evaluate("window.same")


def test_a_case_grows_in_its_place_and_an_error_leaves_what_was_written(page, base, portal):
    enter(page, base, "ola")
    core = portal[1].extensions["core"]
    agent = accounts.find_account(core, "agnes")
    page.clock.install()
    page.goto(f"{base}/tickets/1?lang=nb")
    page.evaluate("window.same = true")
    page.fill("#text", "Fortsatt ikke.")
    tickets.send_reply(core, 1, "Vi undersøker det.", agent=agent)
    page.clock.run_for(31_000)
    expect(page.locator("#thread")).to_contain_text("Vi undersøker det.")
    page.route("**/tickets/1", lambda route: route.fulfill(status=502, body="away"))
    page.click("main form button:not(.hidden)")
    expect(page.locator("#notices")).to_contain_text("Det kom ikke noe svar")
    assert page.input_value("#text") == "Fortsatt ikke."
    page.unroute("**/tickets/1")
    page.problems.clear()
    page.click("main form button:not(.hidden)")
    expect(page.locator("#thread")).to_contain_text("Fortsatt ikke.")
    expect(page.locator("#notices")).to_contain_text("Meldingen din er lagt til")
    assert page.evaluate("window.same")


def test_another_language_is_another_page_where_forms_are_sent_in_place(page, base):
    enter(page, base, "ola")
    page.goto(f"{base}/filters/new?lang=nb")
    page.fill("#name", "Ukebrev")
    page.click("#languages button[lang=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.input_value("#name") == "Ukebrev"
    page.goto(f"{base}/filters?lang=nb")
