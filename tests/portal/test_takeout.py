"""Take-out and import in the portal, without JavaScript (N17)."""

import io
import re
import time
import zipfile

import pytest

from mailcore.errors import LinkExpired
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.transfer import takeout, transfers, uploads
from mailcore.store.site import transfers as store
from mailcore.store.site.transfers import TransferKind
from tests.portal.conftest import PASSWORD
from tests.portal.mailing import letter, put


def token(browser, page="/takeout"):
    return re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)[1]


def bring(browser, octets, name, mailbox=""):
    data = {"csrf_token": token(browser), "file": (io.BytesIO(octets), name), "mailbox": mailbox}
    return browser.client.post("/takeout/bring", data=data, content_type="multipart/form-data")


def asked(browser, **fields):
    """Ask for a file; where it is fetched."""
    answer = browser.client.post("/takeout/file", data={"csrf_token": token(browser), "password": PASSWORD, **fields})
    assert answer.status_code == 303
    return answer.location


def settled(browser, core, ola):
    """The page once nothing runs any more."""
    for _ in range(1200):
        if all(one.state != "running" for one in transfers.list_transfers(core, ola.id)):
            return browser.get("/takeout").text.replace("\xa0", " ")
        time.sleep(0.05)
    raise AssertionError("it runs for ever")


def counted(core, ola, mailbox):
    return core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox)).messages


@pytest.mark.parametrize("form", ["mbox", "maildir", "nonsense"])
def test_n17_the_file_is_had_with_the_password_and_comes_in_again(inside, core, ola, form):
    answer = inside.get(asked(inside, format=form))
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=alumnimail-ola-20")
    octets = answer.data
    assert zipfile.ZipFile(io.BytesIO(octets)).testzip() is None
    assert "Ferdig." in settled(inside, core, ola)
    assert "taken out" in [entry.event for entry in audit.list_entries(core, ola.id)]
    core.db.write(lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, ola.id, "INBOX").id, None, only_deleted=False))
    assert bring(inside, octets, "uttak.zip").status_code == 303
    assert "1 melding kom inn" in settled(inside, core, ola)
    assert counted(core, ola, "INBOX") == 1
    bring(inside, octets, "uttak.zip")
    assert "0 meldinger kom inn (0 kB), 1 var her fra før" in settled(inside, core, ola)
    assert list(uploads.make_folder(core).iterdir()) == []


def test_n17_without_the_password_nothing_goes_out(inside, core, ola):
    answer = inside.client.post(
        "/takeout/file", data={"csrf_token": token(inside), "format": "mbox", "password": "wrong one"}
    )
    assert answer.status_code == 403
    assert transfers.list_transfers(core, ola.id) == []


def test_an_mbox_file_goes_into_the_mailbox_of_its_name_or_a_chosen_one(inside, core, ola):
    file = b"From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n"
    bring(inside, file, "Gammel post.mbox")
    settled(inside, core, ola)
    bring(inside, file, "Gammel post.mbox", "Valgt/Her")
    settled(inside, core, ola)
    assert (counted(core, ola, "Gammel post"), counted(core, ola, "Valgt/Her")) == (1, 1)


@pytest.mark.parametrize(
    ("octets", "name", "mailbox"),
    [
        (b"not mail", "x.txt", ""),
        (b"PK broken", "x.zip", ""),
        (b"", "x", ""),
        (b"From a@b Tue Nov 24 10:00:05 2020\n\nx\n", "x", "a//b"),
    ],
)
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
        store.save_progress(
            tx,
            store.add_transfer(tx, ola.id, TransferKind.IMPORT, "stor.zip", 1000, core.clock.seconds()),
            340,
            core.clock.seconds(),
        )

    core.db.write(write)
    page = inside.get("/takeout")
    assert '<progress max="100" value="34"' in page.text
    assert page.headers["Refresh"] == "5"
    core.db.write(lambda tx: tx.run("UPDATE transfer SET updated_at=updated_at-600"))
    page = inside.get("/takeout")
    assert "Det ble avbrutt." in page.text
    assert "Refresh" not in page.headers


def test_n17_an_import_whose_process_died_goes_on_from_its_file(inside, core, ola):
    file = b"".join(b"From a@b Tue Nov 24 10:00:0%d 2020\nSubject: %d\n\nhei\n\n" % (n, n) for n in range(5))
    number = core.db.write(
        lambda tx: store.add_transfer(tx, ola.id, TransferKind.IMPORT, "x.mbox", 10, core.clock.seconds())
    )
    core.db.write(lambda tx: store.restart_transfer(tx, number, '{"mailbox": "Gammelt"}', core.clock.seconds()))
    (uploads.make_folder(core) / f"in-{number}").write_bytes(file)
    put(core, ola, b"Subject: 0\r\n\r\nhei\r\n", "INBOX")
    with pytest.raises(LinkExpired):
        transfers.resume_import(core, ola.id, number)  # it may still be at work
    core.db.write(lambda tx: tx.run("UPDATE transfer SET updated_at=updated_at-600"))
    answer = inside.client.post(f"/takeout/go-on/{number}", data={"csrf_token": token(inside)})
    assert answer.status_code == 303
    assert "5 meldinger kom inn" in settled(inside, core, ola)
    assert counted(core, ola, "Gammelt") == 5
    assert inside.client.post(f"/takeout/go-on/{number}", data={"csrf_token": token(inside)}).status_code == 410


def test_two_at_once_are_enough(inside, core, ola):
    for _ in range(2):
        core.db.write(lambda tx: store.add_transfer(tx, ola.id, TransferKind.IMPORT, "x", 1, core.clock.seconds()))
    assert bring(inside, b"From a@b Tue Nov 24 10:00:05 2020\n\nx\n", "x").status_code == 429
    assert list(uploads.make_folder(core).iterdir()) == []
    answer = inside.client.post("/takeout/file", data={"csrf_token": token(inside), "password": PASSWORD})
    assert answer.status_code == 429


def test_a_browser_that_goes_away_leaves_no_transfer_at_work(inside, core, ola):
    number = transfers.prepare_takeout(core, ola.id, "mbox")
    blocks = transfers.read_blocks(core, ola.id, transfers.find_takeout(core, ola.id, number))
    next(blocks)
    blocks.close()
    assert [one.state for one in transfers.list_transfers(core, ola.id)] == ["broken"]
    assert takeout.count_contents(core, ola.id).messages == 1
    assert f'href="/takeout/file/{number}"' in inside.get("/takeout").text


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_n17_a_broken_line_goes_on_where_it_broke(inside, core, ola, form):
    put(core, ola, letter(text="x" * 500_000))
    place = asked(inside, format=form)
    first = inside.get(place)
    put(core, ola, letter(2))  # mail that comes later does not make another file
    mark, whole = first.headers["ETag"], first.data
    for start in (1, 1000, 300_000, len(whole) - 1):
        rest = inside.get(place, headers={"Range": f"bytes={start}-", "If-Range": mark})
        assert (rest.status_code, rest.data) == (206, whole[start:])
        assert rest.headers["Content-Range"] == f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    assert inside.get(place, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert inside.client.head(place).headers["Content-Length"] == str(len(whole))
    assert counted(core, ola, "INBOX") == 3


def test_n17_a_file_that_would_be_another_is_sent_from_its_beginning(inside, core, ola):
    place = asked(inside)
    first = inside.get(place)
    core.db.write(lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, ola.id, "INBOX").id, None, only_deleted=False))
    again = inside.get(place, headers={"Range": "bytes=10-", "If-Range": first.headers["ETag"]})
    assert (again.status_code, again.data[:2]) == (200, b"PK")
    assert again.headers["ETag"] != first.headers["ETag"]


def test_n17_a_take_out_is_for_its_owner_and_for_a_day(inside, core, ola):
    kari = accounts.add_account(core, "kari")
    other = transfers.prepare_takeout(core, kari.id, "mbox")
    assert inside.get(f"/takeout/file/{other}").status_code == 410
    place = asked(inside)
    core.db.write(lambda tx: tx.run("UPDATE transfer SET started_at=started_at-90000"))
    assert inside.get(place).status_code == 410


def test_a_small_file_is_smaller_and_comes_in_again(inside, core, ola):
    put(core, ola, letter(text="hei " * 50_000))
    large, small = inside.get(asked(inside)), inside.get(asked(inside, small="on"))
    assert len(small.data) < len(large.data) / 10
    assert "Accept-Ranges" not in small.headers
    assert zipfile.ZipFile(io.BytesIO(small.data)).testzip() is None


def test_who_fetches_it_anew_ends_the_first(core, ola):
    for number in range(3):
        put(core, ola, letter(number, text="x" * 600_000))
    made = transfers.find_takeout(core, ola.id, transfers.prepare_takeout(core, ola.id, "mbox"))
    first = transfers.read_blocks(core, ola.id, made)
    next(first)
    list(transfers.read_blocks(core, ola.id, made))
    time.sleep(transfers.RECORD_SECONDS)
    assert len(list(first)) <= 1
    assert [one.state for one in transfers.list_transfers(core, ola.id)] == ["done"]


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_the_page_is_shown_in_each_language(inside, core, ola, language):
    for state in ("running", "done", "full", "refused"):
        now = core.clock.seconds()
        number = core.db.write(
            lambda tx, now=now: store.add_transfer(tx, ola.id, TransferKind.IMPORT, "x.zip", 10, now)
        )
        report = '{"messages": 2, "octets": 10, "there": 1, "left_out": 1, "full": false, "notes": ["a <note>"]}'
        if state != "running":
            core.db.write(lambda tx, n=number, s=state, r=report: store.end_transfer(tx, n, s, r, 1))
    page = inside.get(f"/takeout?lang={language}")
    assert page.status_code == 200
    assert "a &lt;note&gt;" in page.text
