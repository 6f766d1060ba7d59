"""S02: a page with several forms shows each language once, and that of the form in which something was typed."""

import pytest

from tests.pages import site
from tests.pages.test_every_page import log_in

pytestmark = [pytest.mark.slow, pytest.mark.interop]
SHOWN = "[...document.querySelectorAll('.languages .link')].filter(e => e.checkVisibility()).map(e => e.value)"


@pytest.mark.parametrize("width", [320, 1200])
def test_s02_each_language_is_shown_once_on_a_page_of_several_forms(chromium, base, width):
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    log_in(page, base, "ola")
    page.wait_for_load_state()
    page.goto(f"{base}/account/addresses?lang=nb")
    page.wait_for_selector("form[data-kept='1']")
    assert [one.partition(" ")[0] for one in page.evaluate(SHOWN)] == [one for one in site.LANGUAGES if one != "nb"]
    before = page.evaluate(SHOWN)
    page.fill("[name=wanted]", "kalle")
    page.fill("[name=reason]", "De kjenner meg slik")  # the field before it was left, and is judged
    assert [one.partition(" ")[0] for one in page.evaluate(SHOWN)] == [one for one in site.LANGUAGES if one != "nb"]
    assert page.evaluate(SHOWN) != before
    context.close()


def test_s02_the_seventh_form_of_a_page_has_its_own_buttons(chromium, base):
    """Rules for so many forms stand in a sheet of their own (portal/stylesheet.py)."""
    context = chromium.new_context()
    page = context.new_page()
    log_in(page, base, "agnes")  # whose mailboxes weigh on no other page
    page.wait_for_load_state()
    page.goto(f"{base}/mail/boxes?lang=nb")
    for number in range(6):
        page.fill("#new", f"Eske {number}")
        page.click("main button[value=create]")
        page.wait_for_selector(f"input[name=new][value='Eske {number}']")
    page.fill("[data-kept='6'] [name=new]", "Et annet navn")
    page.press("[data-kept='6'] [name=new]", "Tab")
    shown = [one.split(" ") for one in page.evaluate(SHOWN)]
    assert [language for language, _form in shown] == ["nn", "en"]
    assert {form for _language, form in shown} == {page.get_attribute("[data-kept='6']", "id")}
    page.click(".languages .k6[lang=en]")
    page.wait_for_selector("html[lang=en]")
    assert page.input_value("[data-kept='6'] [name=new]") == "Et annet navn"
    page.goto(f"{base}/mail/boxes?lang=nb")  # as other tests find her
    context.close()
