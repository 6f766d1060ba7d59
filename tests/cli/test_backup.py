"""Backup while everybody writes, twice into the same folder, and back again somewhere else."""

import json
import threading

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import BackupProblem
from mailcore.services.accounts import accounts
from mailcore.services.limits import keys
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import backup, file_delta, health
from mailcore.store.queue import items
from tests.queueing import enqueue

SMALL = b"From: a@b.example\r\nSubject: %d\r\n\r\nx\r\n"
pytestmark = pytest.mark.sqlite  # tests/services/test_database_move.py has backups of both


@pytest.fixture
def config(tmp_path):
    return Config(data=str(tmp_path / "var"))


@pytest.fixture
def core(config):
    made = cores.build(config)
    dkim_keys.ensure_keys(config)
    yield made
    cores.close(made)


def put(core, account, octets: bytes) -> None:
    prepared = core.blobs.prepare(octets)

    def write(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        core.mail.append(tx, account.id, box.id, prepared, frozenset(), core.clock.now())

    core.db.write(write)


def messages(config, name: str = "ola") -> list[bytes]:
    core = cores.build(config)
    try:
        assert health.check_installation(core, repair=False) == []

        def read(tx):
            box = core.mail.mailbox(tx, accounts.find_account(core, name).id, "INBOX")
            return [core.mail.octets(tx, box.id, uid) for uid in core.mail.uids(tx, box.id)]

        return core.db.read(read)
    finally:
        cores.close(core)


def test_what_is_backed_up_while_others_write_is_one_moment_and_comes_back(core, config, tmp_path):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            put(core, ola, SMALL % len(written) + (b"y\r\n" * 60_000 if len(written) % 7 == 0 else b""))
            written.append(len(written))

    writer = threading.Thread(target=write)
    writer.start()
    folder = tmp_path / "backup"
    while len(written) < 20:
        pass
    known = []
    for _ in range(4):
        before = len(written)
        backup.create_backup(config, folder, Clock())
        elsewhere = Config(data=str(tmp_path / f"restored{len(known)}"))
        backup.restore_backup(elsewhere, folder, Clock())
        found = [octets for octets in messages(elsewhere) if octets.startswith(b"From: a@b")]
        known.append(len(found))
        assert before <= len(found)
        assert [octets.partition(b"Subject: ")[2].partition(b"\r\n")[0] for octets in found] == [
            b"%d" % number for number in range(len(found))
        ]  # a prefix of what was written: one moment
    stop.set()
    writer.join()
    assert known == sorted(known)
    assert (tmp_path / "restored0" / "dkim" / "rsa1.pem").stat().st_mode & 0o77 == 0


def test_a_second_backup_writes_only_what_is_new(core, config, tmp_path):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    for number in range(300):
        put(core, ola, SMALL % number + b"z\r\n" * 2000)
    put(core, ola, b"Subject: big\r\n\r\n" + b"z\r\n" * 100_000)
    folder = tmp_path / "backup"
    first = backup.create_backup(config, folder, Clock())
    put(core, ola, SMALL % 1000)
    second = backup.create_backup(config, folder, Clock())
    assert second.written < first.written / 5
    assert second.blobs == 1
    core.db.write(lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, ola.id, "INBOX").id, None, only_deleted=False))
    health.sweep_orphans(core)
    core.db.write(lambda tx: tx.run("UPDATE blob SET dead_at=0"))
    health.sweep_orphans(core)
    assert backup.create_backup(config, folder, Clock()).blobs == 0
    assert not list((folder / "blobs").glob("??/??/*"))  # what is gone goes there too


def test_restored_mailboxes_are_new_to_clients_and_the_queue_waits_for_a_word(core, config, tmp_path):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    old = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX")).uidvalidity
    enqueue(core, "x@y.example", sender="", origin="dsn")
    backup.create_backup(config, tmp_path / "backup", Clock())
    elsewhere = Config(data=str(tmp_path / "other"))
    assert backup.restore_backup(elsewhere, tmp_path / "backup", Clock()).held == 1
    restored = cores.build(elsewhere)
    assert restored.db.read(lambda tx: restored.mail.mailbox(tx, ola.id, "INBOX")).uidvalidity > old
    assert [item.state for item in restored.db.read(items.list_items)] == ["held"]
    cores.close(restored)


def test_nothing_is_overwritten_unasked_and_what_is_no_backup_is_refused(core, config, tmp_path):
    accounts.add_account(core, "ola", password="correct horse battery")
    backup.create_backup(config, tmp_path / "backup", Clock())
    with pytest.raises(BackupProblem):
        backup.restore_backup(config, tmp_path / "backup", Clock())
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter").write_text("mine")
    with pytest.raises(BackupProblem):
        backup.create_backup(config, other, Clock())
    with pytest.raises(BackupProblem):
        backup.restore_backup(config, other, Clock())
    database = tmp_path / "backup" / "database"
    damaged = bytearray(database.read_bytes())
    damaged[20_000:60_000] = b"\xff" * 40_000
    database.write_bytes(damaged)
    with pytest.raises(BackupProblem):
        backup.restore_backup(Config(data=str(tmp_path / "third")), tmp_path / "backup", Clock())
    assert not (tmp_path / "third" / "alumnimail.db").exists()


def _update(source, base):
    file_delta.write_delta(source, base, lambda octets: None)
    file_delta.apply_delta(base)


def test_a_crash_between_leaves_the_old_or_the_new_file(tmp_path):
    source, base = tmp_path / "source", tmp_path / "base"
    source.write_bytes(b"a" * 3_000_000)
    _update(source, base)
    source.write_bytes(b"a" * 1_000_000 + b"b" * 5000 + b"a" * 500_000)
    delta = tmp_path / "base.delta"
    settle = file_delta.finish_interrupted
    file_delta.finish_interrupted = lambda base: None  # as if it ended there
    try:
        _update(source, base)
    finally:
        file_delta.finish_interrupted = settle
    whole = delta.read_bytes()
    assert len(whole) < 20_000
    delta.write_bytes(whole[:-1])
    file_delta.finish_interrupted(base)
    assert base.read_bytes() == b"a" * 3_000_000
    delta.write_bytes(whole)
    file_delta.finish_interrupted(base)
    assert base.read_bytes() == source.read_bytes()
    assert not delta.exists()


def test_the_commands_say_what_they_did(core, config, tmp_path):
    accounts.add_account(core, "ola", password="correct horse battery")
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{config.data}"\n')
    done = CliRunner().invoke(main, ["--config", str(file), "backup", str(tmp_path / "b"), "--json"])
    assert json.loads(done.stdout)["database"] > 0
    other = tmp_path / "other.toml"
    other.write_text(f'data = "{tmp_path / "new"}"\n')
    done = CliRunner().invoke(main, ["--config", str(other), "restore", str(tmp_path / "b")])
    assert (done.exit_code, "restored as of" in done.stdout) == (0, True)
    done = CliRunner().invoke(main, ["--config", str(other), "restore", str(tmp_path / "b")])
    assert done.exit_code == 1


def test_what_our_keys_have_sealed_opens_after_a_restore(core, config, tmp_path):
    """`data/keys` stands beside the database, and is in the backup, for us alone to read."""
    accounts.add_account(core, "ola", password="correct horse battery")
    sealed = keys.seal(config, "test", b"a secret", "ola")
    backup.create_backup(config, tmp_path / "backup", Clock())
    elsewhere = Config(data=str(tmp_path / "elsewhere"))
    backup.restore_backup(elsewhere, tmp_path / "backup", Clock())
    assert keys.unseal(elsewhere, "test", sealed, "ola") == b"a secret"
    assert (tmp_path / "elsewhere" / "keys" / "test").stat().st_mode & 0o77 == 0
    restored = cores.build(elsewhere)
    assert health.check_installation(restored, repair=False) == []
    cores.close(restored)


def test_a_key_that_was_withdrawn_does_not_come_back(core, config, tmp_path):
    gone = tmp_path / "var" / "dkim" / "old.pem"
    gone.write_text("secret")
    backup.create_backup(config, tmp_path / "backup", Clock())
    gone.unlink()
    backup.create_backup(config, tmp_path / "backup", Clock())
    backup.restore_backup(Config(data=str(tmp_path / "elsewhere")), tmp_path / "backup", Clock())
    assert not (tmp_path / "elsewhere" / "dkim" / "old.pem").exists()
    assert (tmp_path / "elsewhere" / "dkim" / "rsa1.pem").exists()


def test_octets_that_are_gone_are_told_and_the_rest_is_backed_up(core, config, tmp_path):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    for number in range(2):
        put(core, ola, SMALL % number + b"z\r\n" * 100_000)
    core.blobs.objects.path(core.blobs.prepare(SMALL % 0 + b"z\r\n" * 100_000).name).unlink()
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{config.data}"\n')
    done = CliRunner().invoke(main, ["--config", str(file), "backup", str(tmp_path / "b")])
    assert done.exit_code == 1
    assert "1 large messages are gone here already" in done.stderr
    assert len(list((tmp_path / "b" / "blobs").glob("??/??/*"))) == 1
    assert backup.restore_backup(Config(data=str(tmp_path / "new")), tmp_path / "b", Clock()).missing == 1


def test_a_backup_that_is_killed_leaves_the_one_before(core, config, tmp_path, monkeypatch):
    """The database of a moment counts only when the octets that it names are there."""
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    put(core, ola, SMALL % 0)
    folder = tmp_path / "backup"
    backup.create_backup(config, folder, Clock())
    put(core, ola, SMALL % 1 + b"z\r\n" * 100_000)
    with monkeypatch.context() as patch:
        patch.setattr(file_delta, "copy_file", lambda source, target: 1 / 0)
        patch.setattr(file_delta, "discard_delta", lambda base: None)  # nothing is tidied up after kill -9
        with pytest.raises(ZeroDivisionError):
            backup.create_backup(config, folder, Clock())
    elsewhere = Config(data=str(tmp_path / "elsewhere"))
    assert backup.restore_backup(elsewhere, folder, Clock()).missing == 0
    assert [octets for octets in messages(elsewhere) if octets.startswith(b"From: a@b")] == [SMALL % 0]
