"""Fetch mail from another account, in the portal (N32)."""

from dataclasses import replace

import pytest

from mailcore.services.transfer import mail_fetch
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
