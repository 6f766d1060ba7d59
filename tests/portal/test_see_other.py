"""Every POST is answered by 303, so that going on never sends a form again (RFC 9110 section 15.4.4)."""

import re
from urllib.parse import urlsplit

import pytest
from flask import redirect
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from portal import create_app
from portal.access import public
from tests.portal.conftest import PASSWORD, Browser

SKIPPED = {"signin.logout", "account.close"}  # which end the session with which the others are tried
VALUES: dict[str, object] = {
    "mailbox": "INBOX",
    "uid": 1,
    "number": 1,
    "name": "ola",
    "act": "role",
    "action": "delete",
}


@pytest.mark.parametrize("who", ["", "ola", "eva"])
def test_every_form_of_every_route_leads_on_with_303(core: Core, ola: Account, who: str):
    accounts.add_account(core, "eva", password=PASSWORD)
    accounts.set_role(core, "eva", "admin")
    app = create_app(core)
    browser, urls = Browser(app.test_client()), app.url_map.bind("localhost")
    if who:
        browser.log_in(who)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/help").text)
    assert token
    form = {"csrf_token": token[1], "current": PASSWORD, "password": PASSWORD, "action": "delete", "name": "Ola"}
    led = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in SKIPPED:
            continue
        path = urls.build(rule.endpoint, {name: VALUES.get(name, 1) for name in rule.arguments}, method="POST")
        answer = browser.client.post(path, data=form)
        if not 300 <= answer.status_code < 400:
            continue
        assert answer.status_code == 303, (path, answer.status)
        led += 1
        place = urlsplit(answer.headers["Location"])
        if not place.netloc:
            _check_that_it_can_be_looked_at(urls, place.path)
    assert led > (80 if not who else 15), led


def _check_that_it_can_be_looked_at(urls, path: str) -> None:
    try:
        urls.match(path, method="GET")
    except RequestRedirect:
        pass
    except HTTPException as problem:
        pytest.fail(f"{path} cannot be looked at: {problem}")


@pytest.mark.parametrize(("code", "sent"), [(301, 303), (302, 303), (303, 303), (307, 307), (308, 308)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_keeps_the_method_on_purpose_does(core: Core, code: int, sent: int, method: str):
    app = create_app(core)
    app.config["WTF_CSRF_ENABLED"] = False
    app.add_url_rule("/led", "led", public(lambda: redirect("/faq", code)), methods=["GET", "POST"])
    assert app.test_client().open("/led", method=method).status_code == (code if method == "GET" else sent)
