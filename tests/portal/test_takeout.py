"""Take-out and import in the portal, without JavaScript (N17)."""

import io
import re
import time
import zipfile

import pytest

from mailcore.services import accounts, audit, takeout, transfers
from mailcore.store import transfers as store
from tests.portal.conftest import PASSWORD


def token(browser, page="/takeout"):
    return re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)[1]


def bring(browser, octets, name, mailbox=""):
    data = {"csrf_token": token(browser), "file": (io.BytesIO(octets), name), "mailbox": mailbox}
    return browser.client.post("/takeout/bring", data=data, content_type="multipart/form-data")


def settled(browser, core, ola):
    """The page once nothing runs any more."""
    for _ in range(200):
        if all(one.state != "running" for one in transfers.latest(core, ola.id)):
            return browser.get("/takeout").text.replace("\xa0", " ")
        time.sleep(0.05)
    raise AssertionError("it runs for ever")


def counted(core, ola, mailbox):
    return core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox)).messages


@pytest.mark.parametrize("form", ["mbox", "maildir", "nonsense"])
def test_n17_the_file_is_had_with_the_password_and_comes_in_again(inside, core, ola, form):
    answer = inside.client.post(
        "/takeout/file", data={"csrf_token": token(inside), "format": form, "password": PASSWORD}
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=alumnimail-ola-20")
    octets = answer.data
    assert zipfile.ZipFile(io.BytesIO(octets)).testzip() is None
    assert "Ferdig." in settled(inside, core, ola)
    assert "taken out" in [entry.event for entry in audit.listing(core, ola.id)]
    core.db.write(lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, ola.id, "INBOX").id, None, only_deleted=False))
    assert bring(inside, octets, "uttak.zip").status_code == 303
    assert "1 melding kom inn" in settled(inside, core, ola)
    assert counted(core, ola, "INBOX") == 1
    bring(inside, octets, "uttak.zip")
    assert "0 meldinger kom inn (0 kB), 1 var her fra før" in settled(inside, core, ola)
    assert list(transfers.incoming(core).iterdir()) == []


def test_n17_without_the_password_nothing_goes_out(inside, core, ola):
    answer = inside.client.post(
        "/takeout/file", data={"csrf_token": token(inside), "format": "mbox", "password": "wrong one"}
    )
    assert answer.status_code == 403
    assert transfers.latest(core, ola.id) == []


def test_an_mbox_file_goes_into_the_mailbox_of_its_name_or_a_chosen_one(inside, core, ola):
    file = b"From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n"
    bring(inside, file, "Gammel post.mbox")
    settled(inside, core, ola)
    bring(inside, file, "Gammel post.mbox", "Valgt/Her")
    settled(inside, core, ola)
    assert (counted(core, ola, "Gammel post"), counted(core, ola, "Valgt/Her")) == (1, 1)


@pytest.mark.parametrize(("octets", "name", "mailbox"), [
    (b"not mail", "x.txt", ""), (b"PK broken", "x.zip", ""), (b"", "x", ""),
    (b"From a@b Tue Nov 24 10:00:05 2020\n\nx\n", "x", "a//b"),
])  # fmt: skip
def test_what_cannot_be_read_is_told(inside, core, ola, octets, name, mailbox):
    bring(inside, octets, name, mailbox)
    assert "Den kunne ikke leses." in settled(inside, core, ola)


def test_no_file_is_told(inside, core, ola):
    answer = inside.client.post(
        "/takeout/bring", data={"csrf_token": token(inside)}, content_type="multipart/form-data"
    )
    assert (answer.status_code, "Velg en fil først." in answer.text) == (400, True)


def test_a_full_box_is_told(inside, core, ola):
    accounts.set_quota(core, "ola", 2000)
    bring(inside, b"From a@b Tue Nov 24 10:00:05 2020\n\n" + b"x" * 5000 + b"\n", "x.mbox")
    assert "ble full" in settled(inside, core, ola)


def test_n17_progress_stands_on_the_page_which_asks_again_by_itself(inside, core, ola):
    def write(tx):
        store.tell(
            tx, store.begin(tx, ola.id, "import", "stor.zip", 1000, core.clock.seconds()), 340, core.clock.seconds()
        )

    core.db.write(write)
    page = inside.get("/takeout")
    assert '<progress max="100" value="34"' in page.text
    assert page.headers["Refresh"] == "5"
    core.db.write(lambda tx: tx.run("UPDATE transfer SET updated_at=updated_at-600"))
    page = inside.get("/takeout")
    assert "Det ble avbrutt." in page.text
    assert "Refresh" not in page.headers


def test_two_at_once_are_enough(inside, core, ola):
    for _ in range(2):
        core.db.write(lambda tx: store.begin(tx, ola.id, "import", "x", 1, core.clock.seconds()))
    assert bring(inside, b"From a@b Tue Nov 24 10:00:05 2020\n\nx\n", "x").status_code == 429
    assert list(transfers.incoming(core).iterdir()) == []
    answer = inside.client.post("/takeout/file", data={"csrf_token": token(inside), "password": PASSWORD})
    assert answer.status_code == 429


def test_a_browser_that_goes_away_leaves_no_transfer_at_work(core, ola):
    blocks = transfers.export(core, ola.id, "mbox")
    next(blocks)
    blocks.close()
    assert [one.state for one in transfers.latest(core, ola.id)] == ["broken"]
    assert takeout.contents(core, ola.id).messages == 1


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_the_page_is_shown_in_each_language(inside, core, ola, language):
    for state in ("running", "done", "full", "refused"):
        now = core.clock.seconds()
        number = core.db.write(lambda tx, now=now: store.begin(tx, ola.id, "import", "x.zip", 10, now))
        report = '{"messages": 2, "octets": 10, "there": 1, "left_out": 1, "full": false, "notes": ["a <note>"]}'
        if state != "running":
            core.db.write(lambda tx, n=number, s=state, r=report: store.end(tx, n, s, r, 1))
    page = inside.get(f"/takeout?lang={language}")
    assert page.status_code == 200
    assert "a &lt;note&gt;" in page.text
