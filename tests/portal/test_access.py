"""Views declare who may open them (portal/access.py); what they declare is held."""

import pytest
from flask import Flask

from mailcore.core import Core
from portal import access, create_app
from portal.access import Who, terms_of
from tests.portal.conftest import Browser


def _pages(app: Flask, who: Who) -> list[str]:
    """List the addresses of a kind that can be asked for without knowing anything."""
    return [
        rule.rule
        for rule in app.url_map.iter_rules()
        if terms_of(app.view_functions[rule.endpoint]).who is who and not rule.arguments and "GET" in rule.methods
    ]


def test_a_view_that_declares_nothing_stops_the_start(core: Core):
    app = create_app(core)
    app.add_url_rule("/silent", "silent", lambda: "anybody reads this")
    with pytest.raises(LookupError, match="silent"):
        access.check_all(app)


def test_pages_of_owners_ask_strangers_to_log_in(browser: Browser, core: Core):
    pages = _pages(create_app(core), Who.OWNER)
    assert len(pages) > 15
    for page in pages:
        assert browser.get(page).headers["Location"].startswith("/login?next="), page


def test_pages_of_the_desk_are_for_the_desk(browser: Browser, inside: Browser, core: Core):
    pages = _pages(create_app(core), Who.DESK)
    assert len(pages) > 5
    for page in pages:
        assert inside.get(page).status_code == 403, page


def test_pages_of_the_second_step_are_for_those_whose_password_was_right(browser: Browser, core: Core):
    pages = _pages(create_app(core), Who.SECOND_STEP)
    assert len(pages) == 2
    for page in pages:
        assert browser.get(page).headers["Location"] == "/login", page


def test_what_ended_accounts_may_see_is_declared_and_little(core: Core):
    app = create_app(core)
    assert {endpoint for endpoint, view in app.view_functions.items() if terms_of(view).ended} == {
        "signin.choose",
        "signin.logout",
        "signin.set_password",
        "front.index",
        "front.acme_challenge",
        "front.privacy",
        "front.accessibility",
        "help.index",
        "help.faq",
    }


def test_what_takes_large_bodies_is_declared(core: Core):
    app = create_app(core)
    assert {endpoint for endpoint, view in app.view_functions.items() if terms_of(view).large} == {
        "webmail.compose",
        "webmail.autosave",
        "webmail.contacts",
        "takeout.bring",
        "admin.bring",
        "help.index",
        "tickets.show",
        "tickets.by_link",
    }
