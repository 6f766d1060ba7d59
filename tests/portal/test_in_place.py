"""Answers that HTMX alone gets: nothing new, a page of another part of the site, a part alone (portal/in_place.py)."""

import re

import pytest

from mailcore.core import Core
from mailcore.services.tickets import tickets
from tests.portal.conftest import Browser

HTMX = {"HX-Request": "true"}
BOOSTED = HTMX | {"HX-Boosted": "true"}


@pytest.fixture
def case(core: Core, ola) -> str:
    made = tickets.submit_form(
        core, kind="login", subject="Help", text="Please.", reply_to="", owner=ola, peer="x", language="en"
    )
    return f"/tickets/{made.id}"


def test_whoever_asks_again_hears_when_there_is_nothing_new(inside: Browser, core: Core, case: str):
    for page in (case, "/clients/doctor"):
        [again] = re.findall(r'hx-get="([^"]*seen=[^"]*)"', inside.get(page).text)
        nothing = inside.get(again, headers=HTMX)
        assert (nothing.status_code, nothing.data) == (204, b"")
        assert inside.get(again).status_code == 200  # a browser is shown the page
    [again] = re.findall(r'hx-get="([^"]*seen=[^"]*)"', inside.get(case).text)
    tickets.send_reply(core, int(case.rpartition("/")[2]), "We are at it.", agent=None)
    assert "We are at it." in inside.get(again, headers=HTMX).text


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [("/mail/", "/login"), ("/filters", "/login"), ("/tickets/", "/login")],
)
def test_whose_session_has_ended_is_sent_to_the_log_in_as_a_whole_page(browser: Browser, path: str, leads_to: str):
    assert browser.get(path).status_code == 302
    answer = browser.get(path, headers=BOOSTED)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["HX-Redirect"].startswith(leads_to)
    assert "Location" not in answer.headers


def test_what_stays_within_its_part_of_the_site_is_put_in_place(inside: Browser):
    inside.client.environ_base.update({"HTTP_HX_REQUEST": "true", "HTTP_HX_BOOSTED": "true"})
    mark = re.findall(r'name="mark" value="(\w+)"', inside.get("/filters/new").text)[0]
    saved = inside.send("/filters/new", mark=mark, every="all", name="x", read="y", action="save")
    assert (saved.status_code, saved.headers["Location"]) == (303, "/filters")
    assert "<html" in inside.get("/filters").text  # all of it: its title, notice and language links are taken, too
    out = inside.send("/filters", to="/logout")
    assert (out.status_code, out.headers["HX-Redirect"]) == (204, "/")
