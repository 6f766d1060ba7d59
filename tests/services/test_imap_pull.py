"""Mail fetched from another IMAP server: ours, in a thread (N18)."""

from datetime import UTC, datetime

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.errors import ImportRefused
from mailcore.services.accounts import accounts
from mailcore.services.transfer import imap_import
from mailcore.services.transfer.imap_connection import Server
from tests.imap_server import imap_server
from tests.mailboxes import everything, put

PASSWORD = "en lang hemmelighet"


@pytest.fixture
def old(tmp_path):
    """Kari's old university mail; gives the core and where to fetch from."""
    there = cores.build(Config(data=str(tmp_path / "old")))
    accounts.add_account(there, "kari", password=PASSWORD)
    with imap_server(there) as (port, ca):
        yield there, Server("localhost", "kari", PASSWORD, port=port, ca=ca)
    cores.close(there)


@pytest.mark.slow
def test_n18_all_mail_comes_with_flags_dates_and_special_use(core, old):
    there, where = old
    kari = accounts.find_account(there, "kari")
    put(there, kari, "INBOX", b"Subject: a\r\n\r\nhei\r\n", ["\\Seen", "$Work"])
    put(
        there,
        kari,
        "Arbeid/Søknader",
        b"Subject: b\r\n\r\nhei\r\n",
        ["\\Flagged"],
        datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC),
    )
    put(there, kari, "Sent", b"Subject: c\r\n\r\n" + b"x" * 9_000_000 + b"\r\n")
    folders = {folder.name: folder for folder in imap_import.list_folders(where)}
    assert (folders["Arbeid/Søknader"].messages, folders["Sent"].special_use) == (1, "\\Sent")
    assert sum(folder.octets for folder in folders.values()) == accounts.find_account(there, "kari").used
    mine = accounts.add_account(core, "kari2")
    core.db.write(
        lambda tx: [core.mail.expunge(tx, box.id, None, only_deleted=False) for box in core.mail.mailboxes(tx, mine.id)]
    )
    report = imap_import.import_mail(core, mine.id, where)
    assert report.messages == 4
    assert everything(core, mine) == everything(there, kari)
    again = imap_import.import_mail(core, mine.id, where)
    assert (again.messages, again.there) == (0, 4)


def test_n18_a_wrong_password_and_a_silent_server_are_told_in_words(core, old):
    _there, where = old
    mine = accounts.add_account(core, "kari2")
    with pytest.raises(ImportRefused, match="refused the log-in"):
        imap_import.import_mail(core, mine.id, Server(where.host, "kari", "wrong", port=where.port, ca=where.ca))
    with pytest.raises(ImportRefused, match="cannot be reached"):
        imap_import.import_mail(core, mine.id, Server("localhost", "kari", PASSWORD, port=1, ca=where.ca))
    with pytest.raises(ImportRefused, match="cannot be reached"):  # a certificate of nobody we trust
        imap_import.import_mail(core, mine.id, Server(where.host, "kari", PASSWORD, port=where.port))


def test_n18_a_box_that_is_too_small_takes_what_fits(core, old):
    there, where = old
    for number in range(6):
        put(
            there,
            accounts.find_account(there, "kari"),
            "INBOX",
            b"Subject: %d\r\n\r\n" % number + b"x" * 1_000_000 + b"\r\n",
        )
    mine = accounts.add_account(core, "kari2", quota=3_500_000)
    report = imap_import.import_mail(core, mine.id, where)
    assert report.full
    assert accounts.load_account(core, mine.id).used <= 3_500_000
