"""The language is changed on a page with a form: what was written stays (S02)."""

import pytest

from mailcore.core import Core
from mailcore.services.accounts import orders
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import out_of_office
from mailcore.services.tickets import tickets
from mailcore.services.webmail import overview
from tests.portal.conftest import Browser


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("/order", {"display_name": "Ida Vik", "name": "ida", "contact": "ida@x.example", "terms": "y"}),
        ("/help", {"subject": "Gamle bilder", "text": "Hvor er de?", "reply_to": "ida@x.example", "kind": "mail"}),
        ("/login", {"username": "ida"}),
    ],
)
def test_s02_what_was_written_is_shown_again_and_nothing_is_done(browser: Browser, core: Core, page, fields):
    shown = browser.send(page, to=f"{page}?lang=nn", **fields, **{"switch-language": "nn"})
    assert shown.status_code == 200
    assert '<html lang="nn">' in shown.text
    for name, value in fields.items():
        assert value in shown.text, name
    assert 'class="error"' not in shown.text
    assert "alert" not in shown.text
    assert orders.list_orders(core) == []
    assert tickets.count_by_state(core) == {}
    assert '<html lang="nn">' in browser.get("/faq").text


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("/vacation", {"subject": "Ute og reiser", "text": "Tilbake i mai"}),
        ("/forwarding", {"target": "ola@heime.example", "copy": "y", "rolling_days": "30"}),
    ],
)
def test_s02_an_owner_s_settings_are_kept_and_not_saved(inside: Browser, core: Core, ola, page, fields):
    before = out_of_office.read_away(core, ola.id), forwarding.read_forwarding(core, ola.id)
    shown = inside.send(page, to=f"{page}?lang=nn", **fields, **{"switch-language": "nn"})
    assert shown.status_code == 200
    assert '<html lang="nn">' in shown.text
    for name, value in fields.items():
        assert value in shown.text, name
    assert 'class="error"' not in shown.text
    assert (out_of_office.read_away(core, ola.id), forwarding.read_forwarding(core, ola.id)) == before


def test_s02_a_message_that_is_being_written_becomes_a_draft(inside: Browser, core: Core, ola):
    fields = {"to": "kari@x.example", "subject": "Halvferdig", "body": "Kjære", "switch-language": "nn"}
    answer = inside.client.post("/mail/compose?lang=nn", data={"csrf_token": _token(inside), **fields})
    page = inside.get(answer.headers["Location"]).text
    assert '<html lang="nn">' in page
    assert "Halvferdig" in page
    assert "Kjære" in page
    assert overview.read_account(core, ola.id).language == "nn"


def _token(browser: Browser) -> str:
    text = browser.get("/mail/compose").text
    return text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
