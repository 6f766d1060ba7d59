"""Everything out as a zip file, and in again (N17)."""

import io
import json
import tracemalloc
import unicodedata
import zipfile
from datetime import date

import pytest

from mailcore.domain import Away, FilterAction, FilterCondition, FilterField, FilterMatch, FilterRule, FilterVerb
from mailcore.errors import Busy, ImportRefused
from mailcore.mail.reading import header
from mailcore.services.accounts import accounts
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import health
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.services.transfer import (
    takeout,
    takeout_import,
    takeout_reminder,
    transfers,
    zip_reader,
)
from mailcore.services.webmail import address_book, contacts, mail_settings
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.mail_settings import MailSettings
from tests.mailboxes import everything, put, stored_files, zip_of

RULE = FilterRule(
    "Nyheter", (FilterCondition(FilterField.SUBJECT, FilterMatch.IS, "nytt"),), (FilterAction(FilterVerb.FILE, "Nytt"),)
)
SCRIPT = 'require "fileinto";\r\nfileinto "Archive";\r\n'


@pytest.fixture
def ola(core):
    made = accounts.add_account(
        core, "ola", display_name="Ola Nordmann", contact="ola@elsewhere.example", language="nn"
    )
    body = b"From: a@b.example\r\nSubject: hei\r\n\r\nFrom here\r\n>From there\r\n\r\n.\r\n"
    put(
        core,
        made,
        "INBOX",
        body,
        ["\\Seen", "$Work"],
        prefix=b"Return-Path: <a@b.example>\r\nDelivered-To: ola@alumni.example\r\n",
    )
    put(core, made, "Arbeid/2025: ÆØÅ?", "Subject: æ\r\n\r\nåå\r\n".encode(), ["\\Flagged", "\\Answered"])
    put(core, made, "Tomt", b"Subject: x\r\nStatus: mine\r\n\r\n", ["\\Draft"])
    core.db.write(lambda tx: core.mail.create(tx, made.id, "100 & <co>"))
    put(core, made, "Trash", b"Subject: away\r\n\r\n" + b"x" * 300_000 + b"\r\n", ["\\Deleted"])
    filters.save_rules(core, made.id, [RULE])
    filters.put_script(core, made.id, "mitt / skript", SCRIPT)
    filters.set_active_script(core, made.id, "mitt / skript")
    out_of_office.save_away(core, made.id, Away(True, date(2026, 12, 24), None, "Borte", 'tekst "æ"'))
    forwarding.set_forwarding(core, made.id, "ola@elsewhere.example", copy=True, confirmed=True)
    address_book.save(core, made.id, "per@outside.example", "Per Ås; jr.", "en venn,\nfra før")
    contacts.block_sender(core, made.id, "@spam.example")
    mail_settings.save_settings(core, made.id, MailSettings(threads=True, undo_seconds=30))
    address_book.save_identity(core, made.id, WriterName(0, "Ola N.", "ola@alumni.example", "-- \nOla"))
    return accounts.load_account(core, made.id)


def zipped(core, account, form="mbox", *, small=True):
    return io.BytesIO(
        b"".join(takeout.write_zip(core, account.id, takeout.make_plan(core, account.id, form, small=small)))
    )


@pytest.mark.parametrize("form", takeout.FORMS)
def test_n17_what_goes_out_comes_in_again(core, ola, form):
    file = zipped(core, ola, form)
    assert zipfile.ZipFile(file).testzip() is None
    kari = accounts.add_account(core, "kari")
    core.db.write(
        lambda tx: [core.mail.expunge(tx, box.id, None, only_deleted=False) for box in core.mail.mailboxes(tx, kari.id)]
    )
    report = takeout_import.import_takeout(core, kari.id, file)
    sent, got = everything(core, ola), everything(core, kari)
    [told] = [one for one in got["INBOX", ""] if b"Sieve-skript" in one[0] and b"To: kari@" in one[0]]
    got["INBOX", ""].remove(told)  # it was not in the file: its script stands inactive here
    assert got == sent
    assert (report.messages, report.there, report.full) == (5, 0, False)
    assert filters.list_rules(core, kari.id) == (RULE,)
    assert [(s.name, s.source, s.active) for s in filters.read_scripts(core, kari.id)] == [
        ("mitt / skript", SCRIPT, False)
    ]
    assert out_of_office.read_away(core, kari.id) == out_of_office.read_away(core, ola.id)
    assert forwarding.read_forwarding(core, kari.id).target == ""
    people = [(one.address, one.name, one.note) for one in address_book.list_contacts(core, kari.id)]
    assert people == [("per@outside.example", "Per Ås; jr.", "en venn,\nfra før")]
    assert contacts.list_blocked(core, kari.id) == ["@spam.example"]
    assert mail_settings.read_settings(core, kari.id) == MailSettings(threads=True, undo_seconds=30)
    assert any("not one of yours" in note for note in report.notes)  # Ola's address is no identity of Kari's
    assert any("must be set up and confirmed again" in note for note in report.notes)
    assert health.check_installation(core, repair=False) == []


def test_n17_a_message_whose_octets_are_lost_keeps_the_others_from_nobody(core, ola):
    [file] = stored_files(core.blobs)
    file.unlink()
    archive = zipfile.ZipFile(zipped(core, ola, "maildir"))
    letters = [archive.read(name) for name in archive.namelist() if "/cur/" in name and not name.endswith("/")]
    assert len(letters) == 5
    assert [letter.startswith(b"X-Alumnimail-Problem:") for letter in letters].count(True) == 1


@pytest.mark.parametrize("times", [2, 100], ids=["a moment", "for long"])
def test_n17_while_the_store_is_away_the_file_waits_and_never_lacks_a_message(core, ola, monkeypatch, times):
    objects = core.blobs.objects
    monkeypatch.setattr(takeout, "PAUSES_SECONDS", (0,) * 5)
    whole, left, near = zipped(core, ola).getvalue(), [Busy("away")] * times, objects.near

    def near_again(name):
        if left:
            raise left.pop()
        return near(name)

    monkeypatch.setattr(objects, "near", near_again)
    if times > 5:
        with pytest.raises(Busy):
            zipped(core, ola)
        return
    again = zipped(core, ola)
    assert left == []
    members = [
        {name: file.read(name) for name in file.namelist() if name.endswith(".mbox")}
        for file in (zipfile.ZipFile(again), zipfile.ZipFile(io.BytesIO(whole)))
    ]
    assert members[0] == members[1]


@pytest.mark.parametrize("form", takeout.FORMS)
def test_n17_the_same_file_again_doubles_nothing(core, ola, form):
    before = everything(core, ola)
    report = takeout_import.import_takeout(core, ola.id, zipped(core, ola, form))
    assert (report.messages, report.there) == (0, 5)
    assert everything(core, ola) == before
    assert filters.list_rules(core, ola.id) == (RULE,)


def test_n17_settings_and_activity_are_json_and_scripts_are_files(core, ola):
    archive = zipfile.ZipFile(zipped(core, ola))
    told = json.loads(archive.read("alumnimail.json"))
    assert (told["address"], told["settings"]["language"]) == ("ola@alumni.example", "nn")
    assert told["settings"]["forwarding"]["target"] == "ola@elsewhere.example"
    assert told["settings"]["vacation"]["first_day"] == "2026-12-24"
    assert archive.read("sieve/mitt %2F skript.sieve").decode() == SCRIPT
    assert b"Nyheter" in archive.read("sieve/generated/alumnimail.sieve")
    assert "account made" in [one["event"] for one in json.loads(archive.read("activity.json"))]
    names = archive.namelist()
    assert "mail/Arbeid/2025%3A ÆØÅ%3F.mbox" in names
    assert all(".." not in name and not name.startswith("/") and "\\" not in name for name in names)


@pytest.mark.slow
def test_n17_memory_does_not_grow_with_the_mailbox(core):
    ola = accounts.add_account(core, "ola")
    for number in range(60):
        put(core, ola, "INBOX", b"Subject: %d\r\n\r\n" % number + bytes(range(32, 127)) * 10_000 + b"\r\n")
    tracemalloc.start()
    total = sum(len(block) for block in takeout.write_zip(core, ola.id, takeout.make_plan(core, ola.id)))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 100_000
    assert peak < 25 * 2**20  # 57 MB of mail went through


def test_n17_progress_is_told_to_the_end(core, ola):
    told = []
    list(
        takeout.write_zip(core, ola.id, takeout.make_plan(core, ola.id), lambda done, total: told.append((done, total)))
    )
    assert told[-1][0] == accounts.load_account(core, ola.id).used
    assert told == sorted(told)


def test_a_full_box_ends_the_import_and_keeps_what_came_before(core, ola):
    kari = accounts.add_account(core, "kari", quota=100_000)
    report = takeout_import.import_takeout(core, kari.id, zipped(core, ola))
    assert report.full
    assert report.messages >= 1
    assert health.check_installation(core, repair=False) == []
    accounts.set_quota(core, "kari", 10**7)
    again = takeout_import.import_takeout(core, kari.id, zipped(core, ola))
    assert (again.full, again.there, again.messages) == (False, report.messages, 5 - report.messages)


def test_nothing_of_the_owners_is_replaced(core, ola):
    file = zipped(core, ola)
    kari = accounts.add_account(core, "kari")
    filters.put_script(core, kari.id, "mitt / skript", "keep;")
    filters.set_active_script(core, kari.id, "mitt / skript")
    out_of_office.save_away(core, kari.id, Away(False, None, None, "mine", "min tekst"))
    report = takeout_import.import_takeout(core, kari.id, file)
    assert [(s.source, s.active) for s in filters.read_scripts(core, kari.id)] == [("keep;", True)]
    assert out_of_office.read_away(core, kari.id).text == "min tekst"
    assert any("left as it is" in note for note in report.notes)


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b""),
        io.BytesIO(b"PK no zip at all"),
        zip_of(a="b"),
        zip_of(alumnimail_json="[]"),
        zip_of(alumnimail_json="{"),
        zip_of(alumnimail_json='{"format": 2}'),
        zip_of(alumnimail_json=b"\xff"),
        zip_of(alumnimail_json=" " * 5_000_000),
    ],
    ids=range(8),
)
def test_files_that_are_no_takeout_are_refused(core, ola, file):
    with pytest.raises(ImportRefused):
        takeout_import.import_takeout(core, ola.id, file)


@pytest.mark.parametrize(
    "told",
    [
        {
            "mailboxes": [
                {"name": "a//b", "file": "mail/x.mbox"},
                {"name": "../../etc", "file": "../../etc/passwd"},
                {},
                7,
                None,
            ]
        },
        {"mailboxes": [{"name": "INBOX", "file": "mail/missing.mbox"}]},
        {"settings": {"filters": [{"name": "x"}], "vacation": {"text": "x", "first_day": "never"}, "forwarding": 7}},
        {"settings": [], "scripts": [{"name": "x", "file": "nowhere"}]},
        {"settings": {"filters": 7, "vacation": 8, "webmail": {"threads": "x", "y": 1}, "blocked": [1]}, "scripts": []},
        {"settings": {"identities": [7, {}], "webmail": 7, "blocked": 7}, "scripts": 7},
    ],
)
def test_odd_takeouts_do_no_harm(core, ola, told):
    core.db.write(lambda tx: tx.run("DELETE FROM identity"))
    before = everything(core, ola)
    report = takeout_import.import_takeout(core, ola.id, zip_of(alumnimail_json=json.dumps({"format": 1, **told})))
    assert report.messages == 0
    assert {name: ms for name, ms in everything(core, ola).items() if name in before} == before


@pytest.mark.slow
def test_a_bomb_fills_neither_memory_nor_box(core, ola):
    bomb = zip_of(
        alumnimail_json=json.dumps({"format": 1, "mailboxes": [{"name": "INBOX", "file": "mail/INBOX.mbox"}]}),
        mail__INBOX=b"",
        **{"mail/INBOX.mbox": b"From x Tue Nov 24 10:00:00 2026\n" + b"x" * 110 * 2**20},
    )
    tracemalloc.start()
    report = takeout_import.import_takeout(core, ola.id, bomb)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.messages, report.left_out) == (0, 1)
    assert peak < 160 * 2**20  # the site's largest message, a few times


def _damaged(core, ola):
    """A take-out with a mailbox before and one after a member whose checksum is wrong."""
    file = bytearray(zipped(core, ola, small=False).getvalue())
    info = zipfile.ZipFile(io.BytesIO(file)).getinfo("mail/Trash.mbox")
    at = bytes(file).index(b"xxxxxxxxxx", info.header_offset)
    file[at] ^= 1
    return io.BytesIO(bytes(file))


def test_n17_what_came_before_the_damage_is_in_and_told(core, ola):
    kari = accounts.add_account(core, "kari")
    report = takeout_import.import_takeout(core, kari.id, _damaged(core, ola))
    assert (report.broken, report.messages) == (True, 4)  # the checksum stands after the last message of its member
    assert any("mail/Trash.mbox in the file is damaged" in note for note in report.notes)
    again = takeout_import.import_takeout(core, kari.id, zipped(core, ola))
    assert (again.broken, again.messages, again.there) == (False, 1, 4)  # the damaged one, as it should be
    assert health.check_installation(core, repair=False) == []


def _of(boxes, **members):
    told = {"format": 1, "mailboxes": [{"name": name, "file": file} for name, file in boxes]}
    return zip_of(alumnimail_json=json.dumps(told), **members)


def test_n17_a_bomb_of_many_mailboxes_is_read_once(core, ola):
    """Thousands of mailboxes that all lie in one member."""
    member = b"From x Tue Nov 24 10:00:00 2026\nA: b\n\n" + b"x" * 5 * 2**20
    file = _of([("INBOX", "mail/INBOX.mbox")] * 20_000, **{"mail/INBOX.mbox": member})
    report = takeout_import.import_takeout(core, ola.id, file)
    assert (report.messages, report.there) == (1, 0)


def test_n17_a_bomb_ends_when_it_unpacks_to_more_than_it_could_hold(core, ola, monkeypatch):
    monkeypatch.setattr(zip_reader, "ALWAYS", 10**6)
    member = (
        b"From x Tue Nov 24 10:00:00 2026\nA: b\n\nhei\n\nFrom x Tue Nov 24 10:00:01 2026\nA: b\n\n"
        + b"\n" * 30 * 2**20
    )
    report = takeout_import.import_takeout(
        core, ola.id, _of([("INBOX", "mail/INBOX.mbox")], **{"mail/INBOX.mbox": member})
    )
    assert (report.broken, report.messages) == (True, 1)
    assert "far more than it could hold" in report.notes[-1]


def test_n17_a_directory_of_absurd_size_is_not_read(core, ola):
    file = bytearray(_of([]).getvalue())
    at = file.rindex(b"PK\x05\x06")
    file[at + 12 : at + 16] = b"\xff\xff\xff\x7f"  # two gigabytes of directory
    with pytest.raises(ImportRefused, match="too many members"):
        takeout_import.import_takeout(core, ola.id, io.BytesIO(bytes(file)))


def test_n17_too_many_members_are_not_read(core, ola, monkeypatch):
    monkeypatch.setattr(zip_reader, "MAX_MEMBERS", 100)
    with pytest.raises(ImportRefused, match="too many members"):
        takeout_import.import_takeout(core, ola.id, _of([], **{f"m{number}": b"" for number in range(100)}))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_n17_other_ways_of_packing_are_told(core, ola, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("alumnimail.json", '{"format": 1, "mailboxes": []}')
    with pytest.raises(ImportRefused, match="packed in a way"):
        takeout_import.import_takeout(core, ola.id, file)


def test_n17_a_file_that_a_person_packed_again_is_read(core, ola):
    """In a folder, with names as macOS writes them."""
    file = io.BytesIO()
    with zipfile.ZipFile(zipped(core, ola)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr("__MACOSX/alumnimail-ola/._" + name.rpartition("/")[2], b"\0")
            new.writestr("alumnimail-ola/" + unicodedata.normalize("NFD", name), old.read(name))
    kari = accounts.add_account(core, "kari")
    report = takeout_import.import_takeout(core, kari.id, file)
    assert report.messages == 5
    assert ("Arbeid/2025: ÆØÅ?", "") in everything(core, kari)


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: x\r\n\r\nno end",
        b"Subject: x\n\nbare\nlines\n",
        b"Subject: x\r\n\r\n\r\n\r\n",
        b"x",
    ],
)
def test_n17_a_message_with_other_ends_of_lines_is_not_doubled_either(core, ola, octets):
    put(core, ola, "INBOX", octets)
    before = everything(core, ola)
    report = takeout_import.import_takeout(core, ola.id, zipped(core, ola))
    assert report.messages == 0
    assert everything(core, ola) == before


def test_mailboxes_that_differ_in_case_only_lie_apart(core, ola):
    put(core, ola, "arbeid/2025: æøå?", b"Subject: lower\r\n\r\n")
    file = zipped(core, ola)
    names = [name.casefold() for name in zipfile.ZipFile(file).namelist()]
    assert len(names) == len(set(names))
    kari = accounts.add_account(core, "kari")
    assert takeout_import.import_takeout(core, kari.id, file).messages == 6


def test_a_message_that_cannot_be_read_keeps_no_one_from_the_others(core, ola):
    for path in stored_files(core.blobs):
        path.unlink()  # the large one
    archive = zipfile.ZipFile(zipped(core, ola))
    assert archive.testzip() is None
    assert b"cannot be read" in archive.read("mail/Trash.mbox")
    assert b"Subject: hei" in archive.read("mail/INBOX.mbox")


def test_n17_once_a_year_owners_hear_of_it_unless_they_took_it_out(core, clock, ola):
    kari = accounts.add_account(core, "kari")
    clock.forward(days=364)
    assert takeout_reminder.send_reminders(core) == 0
    transfers.prepare_takeout(core, kari.id, "mbox")
    clock.forward(days=2)
    assert (takeout_reminder.send_reminders(core), takeout_reminder.send_reminders(core)) == (1, 0)
    subjects = [header.values(octets, "subject") for octets, _flags, _at in everything(core, ola)["INBOX", ""]]
    assert ["Ta med deg e-posten når du vil"] in subjects
    clock.forward(days=364)
    assert takeout_reminder.send_reminders(core) == 1  # Kari, whose file is a year old
    clock.forward(days=2)
    assert takeout_reminder.send_reminders(core) == 1  # Ola again
