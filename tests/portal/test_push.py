"""Word of new mail: turned on for a browser, listed with the others, turned off without JavaScript too (N46)."""

import pytest

from mailcore.services.accounts import accounts
from mailcore.services.webmail import push
from tests.portal.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


def test_n46_a_browser_is_turned_on_listed_and_turned_off(core, ola, inside):
    page = inside.get("/mail/settings?lang=en").text
    assert 'id="push-cannot"' in page
    inside.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    answer = inside.send("/mail/settings", to="/mail/push", endpoint="https://push.example/a")
    page = inside.get(answer.location.partition("#")[0]).text
    assert "This browser tells you about new mail from now on." in page
    assert "Firefox" in page
    [browser] = push.list_browsers(core, ola.id)
    answer = inside.send("/mail/settings", to="/mail/push/remove", id=str(browser.id))
    assert "The browser is not told any more." in inside.get(answer.location.partition("#")[0]).text
    assert push.list_browsers(core, ola.id) == []


def test_nobody_turns_off_anothers_browser(core, inside):
    kari = accounts.add_account(core, "kari", display_name="Kari", password=PASSWORD)
    push.add_browser(core, kari.id, "https://push.example/a", "")
    [browser] = push.list_browsers(core, kari.id)
    inside.send("/mail/settings", to="/mail/push/remove", id=str(browser.id))
    assert len(push.list_browsers(core, kari.id)) == 1


def test_what_is_no_push_service_gets_one_clear_answer(core, ola, inside):
    assert inside.send("/mail/settings", to="/mail/push", endpoint="http://127.0.0.1/").status_code == 400
    assert push.list_browsers(core, ola.id) == []


@pytest.mark.parametrize(("language", "words"), [("nb", "ny e-post"), ("nn", "ny e-post"), ("en", "new mail")])
def test_the_service_worker_has_its_words_in_each_language(browser, language, words):
    answer = browser.get(f"/mail/push-{language}.js", headers={"Accept-Language": "de"})
    assert answer.content_type.startswith("text/javascript")
    assert words in answer.text
    assert f'"lang": "{language}"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_there_is_no_service_worker_in_other_languages(browser):
    assert browser.get("/mail/push-de.js").status_code == 404
