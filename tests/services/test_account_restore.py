"""One account out of a backup, while the service runs: what is missing comes back, and nothing is doubled or replaced."""

import json

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, Away
from mailcore.errors import AccountNotFound, MailboxNotFound
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.operations import account_restore, backup, health
from mailcore.services.operations.account_restore import restore_account
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.services.transfer.mail_import import Report
from tests.cli.test_backup import SMALL

LARGE = b"From: a@b.example\r\nSubject: large\r\n\r\n" + b"z\r\n" * 100_000


@pytest.fixture
def core(tmp_path):
    made = cores.build(Config(data=str(tmp_path / "var")))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password="correct horse battery")


def put(core: Core, account: Account, mailbox: str, octets: bytes, *flags: str) -> None:
    def write(tx) -> None:
        box = core.mail.mailbox(tx, account.id, mailbox)
        core.mail.append(tx, account.id, box.id, core.blobs.prepare(octets), frozenset(flags), core.clock.now())

    core.db.write(write)


def empty(core: Core, account: Account, mailbox: str) -> None:
    core.db.write(
        lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, account.id, mailbox).id, None, only_deleted=False)
    )


def read(core: Core, account: Account, mailbox: str) -> list[tuple[bytes, frozenset[str]]]:
    def look(tx) -> list[tuple[bytes, frozenset[str]]]:
        box = core.mail.mailbox(tx, account.id, mailbox).id
        return [
            (core.mail.octets(tx, box, info.uid), info.flags) for info in core.mail.infos(tx, box, [(1, 2**32 - 1)])
        ]

    return core.db.read(look)


@pytest.fixture
def folder(core: Core, ola: Account, tmp_path):
    """Give a backup of mail in three mailboxes, a script and an away message."""
    empty(core, ola, "INBOX")
    core.db.write(lambda tx: core.mail.create(tx, ola.id, "Work/2025"))
    put(core, ola, "INBOX", SMALL % 1, "\\Seen", "$Important")
    put(core, ola, "INBOX", SMALL % 1)  # twice
    put(core, ola, "INBOX", LARGE)
    put(core, ola, "Work/2025", SMALL % 2)
    filters.put_script(core, ola.id, "mine", "keep;")
    out_of_office.save_away(core, ola.id, Away(False, None, None, "Away", "Back soon"))
    backup.create_backup(core.config, tmp_path / "backup", core.clock)
    return tmp_path / "backup"


def restore(core: Core, folder, name: str = "ola", mailbox: str = "", under: str = "") -> Report:
    with account_restore.open_account(core, folder, name, mailbox) as saved:
        return restore_account(core, saved, under=under)


def test_what_is_missing_comes_back_once(core, ola, folder):
    before = {name: read(core, ola, name) for name in ("INBOX", "Work/2025")}
    assert restore(core, folder).messages == 0
    empty(core, ola, "INBOX")
    core.db.write(lambda tx: core.mail.delete(tx, ola.id, "Work/2025"))
    put(core, ola, "INBOX", SMALL % 3)  # came since
    report = restore(core, folder)
    assert (report.messages, report.there) == (4, 0)
    assert read(core, ola, "Work/2025") == before["Work/2025"]
    assert read(core, ola, "INBOX") == [(SMALL % 3, frozenset()), *before["INBOX"]]
    assert restore(core, folder).messages == 0
    assert health.check_installation(core, repair=False) == []
    entry = next(entry for entry in audit.list_entries(core, ola.id) if "backup" in entry.detail)
    assert entry.event == audit.Event.MAIL_IMPORTED


def test_settings_that_are_missing_come_back_and_none_is_replaced(core, ola, folder):
    filters.delete_script(core, ola.id, "mine")
    out_of_office.save_away(core, ola.id, Away(False, None, None, "Newer", "Still here"))
    restore(core, folder)
    assert [script.name for script in filters.read_scripts(core, ola.id) if script.name == "mine"] == ["mine"]
    assert out_of_office.read_away(core, ola.id).subject == "Newer"


@pytest.mark.parametrize(("mailbox", "count"), [("Work", 1), ("Work/2025", 1), ("inbox", 3)])
def test_one_mailbox_alone_and_what_is_below_it(core, ola, folder, mailbox, count):
    filters.delete_script(core, ola.id, "mine")
    for name in ("INBOX", "Work/2025"):
        empty(core, ola, name)
    assert restore(core, folder, mailbox=mailbox).messages == count
    assert not [script for script in filters.read_scripts(core, ola.id) if script.name == "mine"]


def test_it_may_be_put_below_another(core, ola, folder):
    assert restore(core, folder, under="Restored").messages == 4
    assert [octets for octets, _ in read(core, ola, "Restored/Work/2025")] == [SMALL % 2]
    assert len(read(core, ola, "Restored/INBOX")) == 3


def test_a_message_whose_octets_are_gone_keeps_the_others_from_nobody(core, ola, folder):
    [file] = folder.glob("blobs/??/??/*")
    file.unlink()
    empty(core, ola, "INBOX")
    report = restore(core, folder)
    assert report.messages == 2
    assert any("cannot be read" in note for note in report.notes)


def test_a_backup_is_only_read(core, ola, folder):
    before = sorted((file, file.stat().st_mtime_ns) for file in folder.rglob("*"))
    empty(core, ola, "INBOX")
    restore(core, folder)
    assert sorted((file, file.stat().st_mtime_ns) for file in folder.rglob("*")) == before


def test_who_is_not_there_is_said(core, ola, folder):
    accounts.add_account(core, "siri")
    with pytest.raises(AccountNotFound):
        restore(core, folder, "siri")
    with pytest.raises(MailboxNotFound):
        restore(core, folder, mailbox="Nowhere")


def test_the_command(core, ola, folder, tmp_path):
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{core.config.data}"\n')
    empty(core, ola, "INBOX")
    run = ["--config", str(file), "restore", str(folder)]
    done = CliRunner().invoke(main, [*run, "--account", "ola", "--mailbox", "INBOX", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["messages"]) == (0, 3)
    done = CliRunner().invoke(main, [*run, "--account", "nobody"])
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    for wrong in (["--mailbox", "INBOX"], ["--account", "ola", "--drill"], ["--account", "ola", "--replace"]):
        assert CliRunner().invoke(main, [*run, *wrong]).exit_code == 2
