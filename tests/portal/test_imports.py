"""Fetch mail from another account, in the portal (N32)."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from mailcore.config import ConsentProvider
from mailcore.services.transfer import consents, mail_fetch
from mailcore.store.site import fetches as store
from mailcore.store.site.fetches import FetchedFolder, FetchState
from portal import create_app
from portal.imports.forms import FetchForm
from tests.portal.conftest import Browser

FIELDS = {"host": "imap.example.org", "user": "kari", "password": "s3cret-there", "port": "993"}


def listed(core, ola):
    """An import whose folders were listed, as the job leaves it."""
    id_ = mail_fetch.start_fetch(core, ola.id, "imap.example.org", "kari", "s3cret-there")

    def write(tx):
        folders = (FetchedFolder("INBOX", "INBOX", "", 3, 3000), FetchedFolder("Junk", "Junk", "\\Junk", 9, 2**40))
        store.save_folders(tx, id_, folders, core.clock.seconds())
        store.set_state(tx, id_, FetchState.CHOOSING, "", core.clock.seconds())

    core.db.write(write)
    return id_


def test_n32_an_import_is_begun_and_goes_on_by_itself(inside, core, ola):
    assert inside.send("/imports", **FIELDS).status_code == 303
    answer = inside.get("/imports?lang=en")
    assert "The folders there are being listed." in answer.text
    assert answer.headers["Refresh"] == "5"
    assert "s3cret-there" not in answer.text


@pytest.mark.parametrize("port", ["x", "9" * 30, "-1", "99³"])
def test_n32_a_port_that_is_no_number_is_refused_on_the_form(core, port):
    app = create_app(core)
    with app.test_request_context("/imports", method="POST", data={**FIELDS, "port": port}):
        form = FetchForm(meta={"csrf": False})
        assert not form.validate()
        assert list(map(str, form.port.errors)) == ["This is not a number."]


def test_n32_the_promised_name_leads_to_the_page(browser):
    answer = browser.get("/import")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/imports")


def test_n32_there_is_a_forecast_and_a_choice(inside, core, ola):
    id_ = listed(core, ola)
    shown = inside.get("/imports?lang=en").text
    assert "3 messages" in shown
    assert "That is more than you have room for." in shown
    assert 'value="INBOX" checked' in shown
    assert 'value="Junk" checked' not in shown
    assert inside.send("/imports", to=f"/imports/{id_}/folders", folder="INBOX").status_code == 303
    [fetch] = mail_fetch.list_fetches(core, ola.id)
    assert (fetch.state, fetch.total) == (FetchState.RUNNING, 3000)
    inside.send("/imports", to=f"/imports/{id_}/pause")
    assert "Continue" in inside.get("/imports?lang=en").text
    inside.send("/imports", to=f"/imports/{id_}/resume")
    assert mail_fetch.list_fetches(core, ola.id)[0].state is FetchState.RUNNING
    inside.send("/imports", to=f"/imports/{id_}/remove")
    assert mail_fetch.list_fetches(core, ola.id) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "imap example"}, "That is not the name of a server."),
        ({"host": ""}, "This must be filled in."),
        ({"user": ""}, "This must be filled in."),
        ({"port": "22"}, "Mail is fetched from port 993 only."),
    ],
)
def test_n32_one_sentence_says_what_is_wrong(inside, core, ola, fields, words):
    answer = inside.send("/imports?lang=en", to="/imports", **{**FIELDS, **fields})
    assert answer.status_code in (400, 403)
    assert words in answer.text
    assert mail_fetch.list_fetches(core, ola.id) == []


def test_n32_no_folder_is_told(inside, core, ola):
    id_ = listed(core, ola)
    answer = inside.send("/imports?lang=en", to=f"/imports/{id_}/folders")
    assert "Choose some folders first." in answer.text


def test_n32_a_site_may_turn_it_off(core, ola):
    closed = replace(core, config=replace(core.config, imports=replace(core.config.imports, enabled=False)))
    browser = Browser(create_app(closed).test_client())
    browser.log_in()
    assert browser.get("/imports").status_code == 404
    assert "/imports" not in browser.get("/takeout").text


# Consent at a provider


def with_google(core):
    imports = replace(core.config.imports, google=ConsentProvider("us", "secret"))
    return replace(core, config=replace(core.config, imports=imports))


@pytest.fixture
def consenting(core, ola):
    browser = Browser(create_app(with_google(core)).test_client())
    browser.log_in()
    return browser


def state_of(answer):
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def test_n32_only_providers_that_the_site_names_are_offered(inside, consenting):
    assert "/imports/consent/" not in inside.get("/imports?lang=en").text
    shown = consenting.get("/imports?lang=en").text
    assert "Fetch mail from Google" in shown
    assert "Microsoft" not in shown
    assert "and then thrown away" in shown
    assert inside.get("/imports/consent/google").status_code in (404, 410)
    answer = consenting.get("/imports/consent/google")
    assert (answer.status_code, urlsplit(answer.location).netloc) == (303, "accounts.google.com")


def test_n32_what_comes_back_is_the_answer_to_a_question_of_this_browser(consenting, core, ola):
    state = state_of(consenting.get("/imports/consent/google"))
    for query, words in (
        (f"state={state}x&code=c", "not to a question of ours"),
        (f"state={state}&error=access_denied", "You did not consent there"),
        (f"state={state}&code=c", "not to a question of ours"),  # it is answered once
        ("", "not to a question of ours"),
    ):
        assert consenting.get(f"/imports/callback?{query}&lang=en").status_code == 303
        assert words in consenting.get("/imports?lang=en").text
    assert mail_fetch.list_fetches(core, ola.id) == []


def test_n32_several_tabs_may_ask(consenting, core, ola, monkeypatch):
    states = [state_of(consenting.get("/imports/consent/google")) for _ in range(3)]
    seen = []
    monkeypatch.setattr(
        mail_fetch, "start_by_consent", lambda core, account, pending, **words: seen.append(words["state"])
    )
    for state in states:
        consenting.get(f"/imports/callback?state={state}&code=c")
    assert seen == states


def test_n32_a_consent_that_has_ended_is_asked_for_and_no_password(consenting, core, ola):
    core = with_google(core)

    def write(tx):
        id_ = store.add_fetch(tx, ola.id, "imap.gmail.com", 993, "kari@gmail.example", core.clock.seconds(), "google")
        store.save_secret(tx, id_, consents.seal_tokens(core, consents.Tokens("a", "r", 0), f"{ola.id} {id_}"))
        store.set_state(tx, id_, FetchState.REFUSED, "consent ended", core.clock.seconds())
        return id_

    id_ = core.db.write(write)
    shown = consenting.get("/imports?lang=en").text
    assert "Your consent there has ended." in shown
    assert f'href="/imports/{id_}/consent"' in shown
    assert f'id="p{id_}"' not in shown
    answer = consenting.get(f"/imports/{id_}/consent")
    assert parse_qs(urlsplit(answer.location).query)["login_hint"] == ["kari@gmail.example"]
    assert consenting.get(f"/imports/{id_ + 1}/consent").status_code in (404, 410)
