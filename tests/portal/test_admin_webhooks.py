"""Webhooks in administration (N38): added with a key that is shown once, tried, turned off; what they were told."""

import re
from collections.abc import Sequence

import pytest

from mailcore.core import Core
from mailcore.domain import WebhookKind
from mailcore.services.accounts import accounts
from mailcore.services.operations import webhook_post, webhooks
from mailcore.services.provisioning import api_tokens
from mailcore.services.provisioning.api_tokens import TokenScope
from tests.portal.conftest import PASSWORD, Browser

NEW = {"label": "Alumni register", "url": "https://crm.example/hooks?key=geheim", "password": PASSWORD}


def _add(eva: Browser, url: str = NEW["url"], kinds: Sequence[str] = webhooks.KINDS) -> str:
    return eva.send("/admin/webhooks", label=NEW["label"], password=PASSWORD, url=url, kind=list(kinds)).text


def test_n38_a_webhook_is_added_and_its_key_is_shown_once(eva: Browser, core: Core):
    key = re.search(r"whsec_[A-Za-z0-9+/=]{44}", _add(eva, kinds=["address.added", "consent.given"]))
    assert key
    [webhook] = webhooks.list_webhooks(core)
    assert (webhook.kinds, webhook.state) == ((WebhookKind.ADDRESS_ADDED, WebhookKind.CONSENT_GIVEN), "on")
    for path in ("/admin/webhooks", f"/admin/webhooks/{webhook.id}", f"/admin/webhooks/{webhook.id}/key"):
        page = eva.get(path).text
        assert "Alumni register" in page
        assert key[0] not in page
        assert "geheim" not in page


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"url": "http://crm.example/"}, {"label": ""}, {"kind": "x"}])
def test_n38_what_cannot_be_is_not_added(eva: Browser, core: Core, wrong: dict[str, str]):
    page = eva.send("/admin/webhooks", **{**NEW, **wrong})
    assert page.status_code in (400, 403)
    assert webhooks.list_webhooks(core) == []
    if wrong.get("url"):
        assert 'value="http://crm.example/"' in page.text


def test_n38_what_it_was_told_stands_there_with_the_answers(eva: Browser, core: Core):
    _add(eva, url="https://127.0.0.1/")
    accounts.add_account(core, "ola")
    webhook_post.run_turn(core, 1)
    page = eva.get("/admin/webhooks/1").text
    assert "new account" in page
    assert "no address that may be asked" in page
    assert "Next try" in page
    eva.send("/admin/webhooks/1", action="off")
    assert ">off</span>" in eva.get("/admin/webhooks/1").text
    eva.send("/admin/webhooks/1", action="on")
    eva.send("/admin/webhooks/1", action="test")
    assert [one.kind for one in webhooks.list_deliveries(core, 1)] == ["test", "account.created"]
    assert "0 changes are sent again" in eva.get(eva.send("/admin/webhooks/1", action="again").headers["Location"]).text


def test_n38_many_deliveries_stand_on_several_pages(eva: Browser, core: Core, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhooks, "PAGE", 2)
    _add(eva)
    for _ in range(3):
        webhooks.send_test(core, 1, actor="eva")
    page = eva.get("/admin/webhooks/1").text
    more = re.search(r'href="([^"]+before=\d+)"', page)
    assert more
    assert (page.count("evt_"), eva.get(more[1]).text.count("evt_")) == (2, 1)


def test_n38_a_new_key_and_the_end_ask_once_more(eva: Browser, core: Core):
    _add(eva)
    assert eva.send("/admin/webhooks/1/key", action="key", password="wrong").status_code in (400, 403)
    assert "whsec_" in eva.send("/admin/webhooks/1/key", action="key", password=PASSWORD).text
    assert eva.send("/admin/webhooks/1/key", action="remove", password="wrong").status_code in (400, 403)
    for path in ("/admin/webhooks/1", "/admin/webhooks/1/key"):  # what no button says does nothing
        assert eva.send(path, action="end", password=PASSWORD).status_code in (400, 403)
    assert [one.state for one in webhooks.list_webhooks(core)] == ["on"]
    assert (
        eva.send("/admin/webhooks/1/key", action="remove", password=PASSWORD).headers["Location"] == "/admin/webhooks"
    )
    assert webhooks.list_webhooks(core) == []
    for path in ("/admin/webhooks/1", "/admin/webhooks/1/key"):
        assert eva.get(path).headers["Location"] == "/admin/webhooks"


def test_n38_a_program_that_asks_too_often_hears_429_and_others_do_not(
    browser: Browser, core: Core, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(api_tokens, "MOST_PER_MINUTE", 30)
    floods, other = (
        {"Authorization": f"Bearer {api_tokens.create_token(core, label, TokenScope.COUNTS, actor='eva')}"}
        for label in ("floods", "other")
    )
    codes = [browser.get("/api/v1/counts", headers=floods).status_code for _ in range(35)]
    assert codes == [200] * 30 + [429] * 5
    assert browser.get("/api/v1/counts", headers=floods).headers["Retry-After"] == "60"
    assert browser.get("/api/v1/counts", headers=other).status_code == 200
