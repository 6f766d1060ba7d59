"""The pages are used by keyboard alone, without JavaScript, and on a narrow screen (issue 4, S02, S19)."""

import pytest
from playwright.sync_api import expect

from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
PAGES = {
    "": ("/", "/login", "/order", "/faq", "/help", "/clients"),
    "agnes": ("/mail/INBOX/", "/mail/compose", "/desk/cases/1", "/forwarding"),
}
FOCUSABLE = (
    "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, iframe, [tabindex]')].filter(e =>"
    " e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && e.getClientRects().length"
    " && !(e.closest('details:not([open])') && e.tagName !== 'SUMMARY')).length"
)
HERE = (
    "(() => { const e = document.activeElement; if (e === document.body) return null; const s = getComputedStyle(e);"
    " if (!e.dataset.step) e.dataset.step = String(window.step = (window.step || 0) + 1);"
    " return [e.dataset.step, e.tagName + ' ' + (e.name || e.textContent.trim().slice(0, 30)),"
    " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, e.getBoundingClientRect().height]; })()"
)


@pytest.fixture
def browse(chromium, base):
    """A page of a role, with settings of the browser."""
    contexts = []

    def start(role="", **settings):
        context = chromium.new_context(**({"viewport": {"width": 1000, "height": 800}, "locale": "nb-NO"} | settings))
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        if role:
            page.goto(f"{base}/login")
            page.fill("[name=username]", role)
            page.fill("[name=password]", site.PASSWORD)
            page.click("main button")
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in PAGES.items() for path in paths])
def test_everything_is_reached_by_tab_and_the_focus_is_seen(browse, base, role, path):
    page = browse(role)
    page.goto(f"{base}{path}")
    wanted = page.evaluate(FOCUSABLE)
    steps: list[list[object]] = []
    for _ in range(wanted + 10):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here is None or (steps and here[0] in {step[0] for step in steps} and here[0] != steps[-1][0]):
            break
        steps.append(here)
    assert len({step[0] for step in steps}) >= wanted  # no trap, nothing left out
    assert [step[1] for step in steps if not step[2]] == []  # an outline of two pixels at least
    assert "Til innholdet" in str(steps[0][1])


def test_the_skip_link_leads_past_the_menu(browse, base):
    page = browse()
    page.goto(f"{base}/login")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "username"


def test_an_error_takes_the_focus_and_is_told_to_a_screen_reader(browse, base):
    page = browse()
    page.goto(f"{base}/login")
    page.fill("[name=username]", "nobody")
    page.fill("[name=password]", "wrong wrong wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_be_focused()
    assert page.get_attribute("#problem", "role") == "alert"
    assert "problem" in page.get_attribute("[name=password]", "aria-describedby")


def test_without_javascript_people_log_in_read_write_and_ask(browse, base):
    page = browse("ola", java_script_enabled=False)
    assert page.url.endswith("/mail/")
    page.click(".messages a >> nth=1")
    page.click("text=Svar >> nth=0")
    page.fill("#to", "agnes@alumni.example")
    page.click("button[value=send]:not(.hidden)")
    page.wait_for_url("**/mail/")
    assert page.locator(".problem").count() == 0
    page.click("form.undo button")  # which would stand above the list in other tests
    page.wait_for_url("**/mail/compose**")
    page.goto(f"{base}/help")
    page.fill("[name=subject]", "Uten JavaScript")
    page.fill("[name=text]", "Det virker, eller?")
    page.click("main button")
    assert "Saken din har nummer" in page.inner_text("main")


def test_s02_by_a_click_the_language_changes_and_what_was_written_stays(browse, base):
    page = browse(java_script_enabled=False)
    page.goto(f"{base}/order?lang=nb")
    page.fill("[name=display_name]", "Ida Vik")
    page.fill("[name=name]", "idavik")
    page.click(".languages button.link[value^='en ']")
    assert page.inner_text("h1") == "Order an account"
    assert page.input_value("[name=display_name]") == "Ida Vik"
    assert page.input_value("[name=name]") == "idavik"


def test_s19_the_quota_stands_at_the_lower_left_of_every_mail_page(browse, base):
    page = browse("ola")
    for path in ("/mail/", "/mail/INBOX/3", "/mail/compose", "/mail/search", "/mail/Sent/"):
        page.goto(f"{base}{path}")
        for _ in range(2):
            box = page.locator("#quota").bounding_box()
            assert box["x"] == 0
            assert box["y"] + box["height"] == pytest.approx(800, abs=1)
            page.mouse.wheel(0, 2000)
    assert page.get_attribute("#quota", "role") == "meter"
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{base}/mail/")
    assert page.locator("#quota").is_visible()
    above, below = page.locator("main").bounding_box(), page.locator("#quota").bounding_box()
    assert below["y"] >= above["y"] + above["height"] - 1


def test_on_a_phone_what_is_done_to_the_chosen_stands_at_the_foot_once_there_are_some(browse, base):
    page = browse("ola", viewport={"width": 320, "height": 640}, java_script_enabled=False)
    page.goto(f"{base}/mail/")
    button = page.locator(".actions button[value=archive]")
    assert not button.is_visible()
    page.check(".messages li:nth-child(3) input")
    box = page.locator(".actions").bounding_box()
    assert button.is_visible()
    assert box["y"] + box["height"] == pytest.approx(640, abs=1)


def test_pages_print_on_paper_without_menus(browse, base):
    page = browse()
    page.goto(f"{base}/clients")
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert page.locator("#servers").is_visible()
    assert len(page.pdf(format="A4")) > 1000
