"""Files that other programs and services wrote come in: mbox, Maildir, and the zip files of Gmail (N17)."""

import io

import pytest

from mailcore.errors import ImportRefused
from mailcore.services.accounts import accounts
from mailcore.services.transfer import mail_import, maildir_reader, takeout_import
from tests.mailboxes import everything, zip_of


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola")


def test_a_zip_of_mbox_files_comes_in(core, ola):
    """As another service hands them out."""
    member = b"From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n"
    file = zip_of(**{"Takeout/Mail/Arbeid.mbox": member, "Takeout/index.html": "x"})
    assert takeout_import.import_takeout(core, ola.id, file).messages == 1
    assert ("Arbeid", "") in everything(core, ola)


MBOX, LETTER = (
    "From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n",
    "Subject: e\nDate: Tue, 24 Nov 2020 10:00:05 +0000\n\nhei\n",
)
APPLE = f"{len(LETTER)}        \n{LETTER}<plist><key>flags</key>\n<integer>17</integer></plist>\n"
ZIPS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "single messages": ({"Sent/b.eml": LETTER, "Work/a.EML": LETTER}, {"Sent": [], "Work": []}),
    "apple's messages": ({"Work.mbox/Messages/1.emlx": APPLE, "Work.mbox/x.plist": "x"}, {"Work": ["\\Flagged", "\\Seen"]}),
    "apple's mbox": ({"Work.mbox/mbox": MBOX, "Work.mbox/table_of_contents": "x", "a.mbox": MBOX}, {"Work": [], "a": []}),
    "thunderbird": ({"Work": MBOX, "Work.msf": "// <!-- <mdb:mork", "Work.sbd/2020": MBOX}, {"Work": [], "Work/2020": []}),
    "maildir": ({"Maildir/.Work.2020/cur/1.a:2,FS": LETTER, "Maildir/cur/2.b;2,S": LETTER},
                {"Work/2020": ["\\Flagged", "\\Seen"], "INBOX": ["\\Seen"]}),
    "of a macintosh": ({"Work/a.eml": LETTER, "__MACOSX/Work/._a.eml": "x", "b/.DS_Store": "x"}, {"Work": []}),
}  # fmt: skip


@pytest.mark.parametrize("name", ZIPS)
def test_mail_in_zips_of_other_programs_comes_in(core, name):
    """Each has one message in each mailbox."""
    members, boxes = ZIPS[name]
    kari = accounts.add_account(core, "kari")
    report = takeout_import.import_takeout(core, kari.id, zip_of(**members))
    assert report.messages == len(boxes)
    assert not report.broken
    found = {box: messages for (box, _special), messages in everything(core, kari).items()}
    for box, flags in boxes.items():
        assert [(octets.endswith(b"\r\n\r\nhei\r\n"), kept, at.year) for octets, kept, at in found[box]][-1] == (
            True,
            flags,
            2020,
        )


def test_what_holds_no_mail_in_a_zip_is_counted(core, ola):
    report = takeout_import.import_takeout(core, ola.id, zip_of(**{"a.eml": LETTER, "b.pdf": "x", "c.json": "x"}))
    assert report.messages == 1
    assert "hold no mail that we can read: 2" in report.notes[-1]


def test_an_mbox_file_comes_in_once(core, ola):
    file = b"From kari@x.example Tue Nov 24 10:00:05 2024\nStatus: RO\nSubject: a\n\nhei\n\n"
    file += b"From per@x.example Wed Nov 25 10:00:00 2024\nSubject: b\n\n\n"
    for messages, there in ((2, 0), (0, 2)):
        report = mail_import.import_mbox(core, ola.id, io.BytesIO(file), "Gammelt/2024")
        assert (report.messages, report.there) == (messages, there)
    assert [(flags, at.year) for _o, flags, at in everything(core, ola)["Gammelt/2024", ""]] == [
        (["\\Seen"], 2024),
        ([], 2024),
    ]
    with pytest.raises(ImportRefused):
        mail_import.import_mbox(core, ola.id, io.BytesIO(b"Subject: no mbox\n\n"), "INBOX")
    assert mail_import.import_mbox(core, ola.id, io.BytesIO(b""), "INBOX").messages == 0


def test_a_maildir_comes_in_with_its_sub_folders(core, ola, tmp_path):
    for place, name, text in (
        ("cur", "1.a:2,FS", "Subject: a\n\nx\n"),
        ("new", "2.b", "Subject: b\n\nx\n"),
        (".Sent.Gammelt/cur", "3.c:2,S", "Subject: c\n\nx\n"),
    ):
        (tmp_path / "md" / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / "md" / place / name).write_text(text)
    report = maildir_reader.import_maildir(core, ola.id, tmp_path / "md", "Hjem")
    assert report.messages == 3
    found = everything(core, ola)
    assert [flags for _o, flags, _at in found["Hjem", ""]] == [["\\Flagged", "\\Seen"], []]
    assert found["Sent/Gammelt", ""][0][0] == b"Subject: c\r\n\r\nx\r\n"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportRefused):
        maildir_reader.import_maildir(core, ola.id, tmp_path / "empty")


def test_a_maildir_of_dovecot_comes_in_with_keywords_and_names(core, ola, tmp_path):
    place = tmp_path / "md" / ".S&APg-knader.2025"
    for folder in (tmp_path / "md" / "cur", place / "cur", place / "new"):
        folder.mkdir(parents=True)
    (place / "dovecot-keywords").write_text("0 $Forwarded\n1 Work\n2 bad{word\n")
    (place / "cur" / "1700000000.M1P2.host,S=20,W=22:2,FSabcd").write_bytes(b"Subject: a\n\nx\n")
    (place / "cur" / ".nfs01").write_bytes(b"no message")
    (place / "new" / b"2.\xe6".decode("utf-8", "surrogateescape")).write_bytes(b"Subject: b\r\n\r\nlone\nfeed\r\n")
    (tmp_path / "md" / "cur" / "large").write_bytes(b"x" * (core.config.message_octets + 1))
    report = maildir_reader.import_maildir(core, ola.id, tmp_path / "md", "Hjem")
    assert (report.messages, report.left_out) == (2, 1)
    assert [(octets, flags) for octets, flags, _at in everything(core, ola)["Søknader/2025", ""]] == [
        (b"Subject: a\r\n\r\nx\r\n", ["$Forwarded", "Work", "\\Flagged", "\\Seen"]),
        (b"Subject: b\r\n\r\nlone\nfeed\r\n", []),
    ]


GMAIL = """From 1@xxx Thu Jun 11 19:21:48 +0000 2020
X-GM-THRID: 1
X-Gmail-Labels: {labels}
Subject: x

hei
"""
PLACES = [
    ("Inbox,Opened,Category Updates", "INBOX", {"\\Seen"}),
    ("Inbox,Unread,Work/2020,Reise hjem", "INBOX", {"Work/2020", "Reise_hjem"}),
    ("Archived,Starred,Important", "Archive", {"\\Seen", "\\Flagged"}),
    ("Sent,Opened", "Sent", {"\\Seen"}),
    ("Draft,Opened", "Drafts", {"\\Seen", "\\Draft"}),
    ("Spam,Unread,Category Promotions", "Junk", set()),
    ("Trash,Inbox", "Trash", {"\\Seen"}),
    ('"Work, old",Opened', "Work, old", {"\\Seen"}),
    ("=?UTF-8?Q?S=C3=B8knader/2020,Ulest?=", "Søknader/2020", set()),
    ("Innboks,=?UTF-8?B?w4VwbmV0?=", "INBOX", {"\\Seen"}),
    ("Opened,100%*", "100__", {"\\Seen"}),
    ("", "Archive", {"\\Seen"}),
]


@pytest.mark.parametrize(("labels", "mailbox", "flags"), PLACES)
def test_labels_of_gmail_say_where_a_message_goes(core, labels, mailbox, flags):
    kari = accounts.add_account(core, "kari")
    core.db.write(
        lambda tx: [core.mail.expunge(tx, b.id, None, only_deleted=False) for b in core.mail.mailboxes(tx, kari.id)]
    )
    file = zip_of(**{"Takeout/Mail/All mail.mbox": GMAIL.format(labels=labels)})
    for messages in (1, 0):
        assert takeout_import.import_takeout(core, kari.id, file).messages == messages
    found = {name: ms for (name, _use), ms in everything(core, kari).items() if ms}
    assert [(name, ms[0][0], set(ms[0][1])) for name, ms in found.items()] == [
        (mailbox, b"Subject: x\r\n\r\nhei\r\n", flags)
    ]


def test_labels_of_gmail_say_nothing_where_a_mailbox_was_chosen(core, ola):
    mail_import.import_mbox(core, ola.id, io.BytesIO(GMAIL.format(labels="Spam").encode()), "Valgt")
    assert len(everything(core, ola)["Valgt", ""]) == 1


def test_a_zip_of_files_that_are_no_mbox_says_so(core, ola):
    member = b"From a@b Tue Nov 24 10:00:05 2020\nSubject: x\n\nhei\n"
    report = takeout_import.import_takeout(core, ola.id, zip_of(**{"a.mbox": b"no mbox", "b.mbox": member}))
    assert (report.messages, report.broken) == (1, True)
    assert "a.mbox in the file is no mbox file" in report.notes[-1]


def test_a_message_without_any_date_is_not_doubled_either(core, clock, ola):
    file = b"From - \nFrom: a@b.example\nSubject: one\n\nx\n\nFrom - \nFrom: a@b.example\nSubject: one\n\nx\n"
    for messages, there in ((2, 0), (0, 2)):
        report = mail_import.import_mbox(core, ola.id, io.BytesIO(file), "Gammelt")
        assert (report.messages, report.there) == (messages, there)
        clock.forward(days=1)


@pytest.mark.parametrize(
    ("name", "mailbox"),
    [
        ("Arbeid.mbox", "Arbeid"),
        ("C:\\mail\\Sent.mbx", "Sent"),
        ("a/b/Inbox", "Inbox"),
        (".mbox", "INBOX"),
        ("x%2Fy.mbox", "x-y"),
    ],
)
def test_a_file_names_its_mailbox(name, mailbox):
    assert mail_import.suggest_mailbox(name) == mailbox
