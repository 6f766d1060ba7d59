"""The store: uids, flags, changes, quota, blobs, and the four orders that keep data right."""

import dataclasses
import os
import threading
import time
from datetime import UTC, datetime

import apsw
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.errors import ConfigError, InvalidName, MailboxExists, MailboxNotFound, OverQuota
from mailcore.services.operations import health
from mailcore.store.copies import marks
from mailcore.store.engine import checkpoint
from mailcore.store.mail import blob_sweep
from mailcore.store.mail.blobs import INSIDE
from mailcore.store.objects.contract import TURNS
from mailcore.store.people.accounts import get_account, insert_account
from tests.machine import until
from tests.mailboxes import stored_files

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SMALL = b"Subject: x\r\n\r\nhi\r\n"


def add_ola(core: Core, tx) -> AccountId:
    return insert_account(tx, "ola", "Ola", None, 100_000, "nb", "", 1)


@pytest.fixture
def ola(core: Core) -> AccountId:
    def make(tx) -> AccountId:
        account = add_ola(core, tx)
        core.mail.create(tx, account, "INBOX")
        core.mail.create(tx, account, "Trash", "\\Trash")
        return account

    return core.db.write(make)


def inbox(core: Core, account: AccountId, name: str = "INBOX") -> MailboxId:
    return core.db.read(lambda tx: core.mail.mailbox(tx, account, name)).id


def put(core: Core, account: AccountId, octets: bytes = SMALL, **kwargs) -> int:
    prepared = core.blobs.prepare(octets)
    box = inbox(core, account)
    return core.db.write(lambda tx: core.mail.append(tx, account, box, prepared, frozenset(), NOW, **kwargs))


def test_uids_grow_and_are_never_used_again(core, ola):
    assert [put(core, ola) for _ in range(3)] == [1, 2, 3]
    box = inbox(core, ola)
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(3, 3)], only_deleted=False))
    assert put(core, ola) == 4


def test_the_same_octets_are_stored_once(core, ola):
    put(core, ola)
    put(core, ola)
    assert core.db.read(lambda tx: tx.row("SELECT count(*) FROM blob")) == (1,)


@pytest.mark.parametrize("size", [INSIDE, INSIDE + 1])
def test_octets_come_back_from_inside_and_from_files(core, ola, size):
    octets = os.urandom(16).hex().encode() * (size // 32) + b"x" * (size % 32)
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    uid = put(core, ola, octets, prefix=b"Received: y\r\n")
    box = inbox(core, ola)
    assert core.db.read(lambda tx: core.mail.octets(tx, box, uid)) == b"Received: y\r\n" + octets
    assert len(stored_files(core.blobs)) == (size > INSIDE)


def test_flags_change_for_a_whole_set_and_only_where_they_differ(core, ola):
    for _ in range(4):
        put(core, ola)
    box = inbox(core, ola)
    first = core.db.write(lambda tx: core.mail.set_flags(tx, box, [(1, 2)], "add", frozenset({"\\Seen", "$Work"})))
    second = core.db.write(lambda tx: core.mail.set_flags(tx, box, [(1, 4)], "add", frozenset({"\\Seen"})))
    infos = core.db.read(lambda tx: core.mail.infos(tx, box, [(1, 4)]))
    assert [info.modseq for info in infos] == [first, first, second, second]
    assert infos[0].flags == {"\\Seen", "$Work"}
    assert core.db.read(lambda tx: core.mail.get(tx, box)).unseen == 0


def test_changes_tell_what_came_went_and_was_flagged(core, ola):
    put(core, ola)
    put(core, ola)
    box = inbox(core, ola)
    since = core.db.read(lambda tx: core.mail.get(tx, box)).modseq
    put(core, ola)
    core.db.write(lambda tx: core.mail.set_flags(tx, box, [(1, 1)], "add", frozenset({"\\Flagged"})))
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(2, 2)], only_deleted=False))
    changes = core.db.read(lambda tx: core.mail.changes(tx, box, since, 2))
    assert (changes.added, changes.removed) == ((3,), (2,))
    assert [(uid, flags) for uid, flags, _ in changes.flagged] == [(1, {"\\Flagged"})]


def test_s20_one_last_message_may_cross_the_line_and_then_none(core, ola):
    put(core, ola, b"x" * 99_000)
    put(core, ola, b"y" * 30_000, grace=True)
    with pytest.raises(OverQuota):
        put(core, ola, b"z", grace=True)


def test_s18_parallel_deliveries_cannot_both_pass(core, ola):
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=50"))
    refused: list[int] = []

    def deliver() -> None:
        try:
            put(core, ola)
        except OverQuota:
            refused.append(1)

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 10 - 50 // len(SMALL)
    assert health.check_installation(core, repair=False) == []


def test_s21_a_full_box_moves_deletes_and_copies_to_trash(core, ola):
    for octets in (b"x" * 60_000, b"y" * 40_000):
        put(core, ola, octets)
    box, trash = inbox(core, ola), inbox(core, ola, "Trash")
    with pytest.raises(OverQuota):
        core.db.write(lambda tx: core.mail.copy(tx, ola, box, [(1, 1)], box))
    core.db.write(lambda tx: tx.run("UPDATE account SET used=quota-59000"))
    assert core.db.write(lambda tx: core.mail.copy(tx, ola, box, [(1, 1)], trash)) == ([1], [1])
    assert core.db.write(lambda tx: core.mail.move(tx, box, [(2, 2)], trash)) == ([2], [2])
    assert core.db.write(lambda tx: core.mail.expunge(tx, box, [(1, 1)], only_deleted=False)) == [1]


def test_rename_takes_children_along_and_inbox_keeps_its_name(core, ola):
    def steps(tx) -> list[str]:
        core.mail.create(tx, ola, "Work/2026")
        core.mail.rename(tx, ola, "Work", "Old/Work")
        core.mail.rename(tx, ola, "inbox", "Saved")
        return [box.name for box in core.mail.mailboxes(tx, ola)]

    put(core, ola)
    assert core.db.write(steps) == ["INBOX", "Old", "Old/Work", "Old/Work/2026", "Saved", "Trash"]
    assert core.db.read(lambda tx: core.mail.mailbox(tx, ola, "Saved")).messages == 1


def test_rename_may_take_names_that_it_makes_free(core, ola):
    def steps(tx) -> list[str]:
        for name in ("a/b/c", "a/b/b/c"):
            core.mail.create(tx, ola, name)
        core.mail.delete(tx, ola, "a")
        core.mail.rename(tx, ola, "a/b", "a")
        return [box.name for box in core.mail.mailboxes(tx, ola)]

    assert core.db.write(steps) == ["INBOX", "Trash", "a", "a/b", "a/b/c", "a/c"]


def test_rename_keeps_what_a_child_would_replace(core, ola):
    def steps(tx) -> None:
        for name in ("Old/2026", "Work/2026"):
            core.mail.create(tx, ola, name)
        core.mail.rename(tx, ola, "Old", "Kept")
        core.mail.delete(tx, ola, "Work")
        core.mail.rename(tx, ola, "Kept", "Work")

    with pytest.raises(MailboxExists):
        core.db.write(steps)


def test_numbers_of_mailboxes_are_never_given_again(core, ola):
    def steps(tx) -> list[tuple[int, int]]:
        core.mail.create(tx, ola, "x/y/z")
        first = {box.name: box for box in core.mail.mailboxes(tx, ola)}
        assert [first[n].uidvalidity - first["x"].uidvalidity for n in ("x", "x/y", "x/y/z")] == [0, 1, 2]
        core.mail.delete(tx, ola, "x/y/z")
        again = core.mail.create(tx, ola, "x/y/z")
        assert core.mail.get(tx, again.id) == again
        return [(box.id, box.uidvalidity) for box in (first["x/y/z"], again)]

    (old, old_validity), (new, new_validity) = core.db.write(steps)
    assert (old + 1, old_validity + 1) == (new, new_validity)


@pytest.mark.parametrize("name", ["", "a//b", "../x", "a/..", "a*", "x\0y", "n" * 300])
def test_names_that_cannot_be(core, ola, name):
    with pytest.raises(InvalidName):
        core.db.write(lambda tx: core.mail.create(tx, ola, name))


def test_missing_and_existing_mailboxes(core, ola):
    with pytest.raises(MailboxNotFound):
        inbox(core, ola, "nope")
    with pytest.raises(MailboxExists):
        core.db.write(lambda tx: core.mail.create(tx, ola, "trash".title()))


def test_order_1_blob_before_row_and_the_sweep_takes_only_orphans(core, ola, clock):
    octets = b"x" * (INSIDE + 1)
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    core.blobs.prepare(octets)
    assert len(stored_files(core.blobs)) == 1
    uid = put(core, ola, octets)
    box = inbox(core, ola)
    [file] = stored_files(core.blobs)
    age(file)
    sweep_for_days(core, clock, 3)
    assert file.exists()
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(uid, uid)], only_deleted=False))
    assert health.sweep_orphans(core) == 0  # marked, and somebody may still want it
    clock.forward(days=1)
    assert health.sweep_orphans(core) == 1
    assert file.exists()  # for a day, as a backup may be about to read it
    clock.forward(hours=23)
    health.sweep_orphans(core)
    assert file.exists()
    clock.forward(hours=1)
    health.sweep_orphans(core)
    assert not file.exists()
    sweep_for_days(core, clock, 1)
    assert core.db.read(lambda tx: tx.rows("SELECT * FROM orphan")) == []


def age(*files) -> None:
    for file in files:
        os.utime(file, (1, 1))


def sweep_for_days(core, clock, days: int) -> None:
    for _ in range(days * TURNS):
        clock.forward(hours=1)
        health.sweep_orphans(core)


def test_octets_that_never_came_to_a_row_go_after_a_day_and_no_others(core, ola, clock):
    """Such octets are of messages that were refused at their end, and of processes killed while they wrote."""
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    young, old, named = (
        core.blobs.objects.path(core.blobs.prepare(letter * (INSIDE + 1)).name) for letter in (b"a", b"b", b"c")
    )
    put(core, ola, b"c" * (INSIDE + 1))
    unfinished = old.with_name(".new-abc")
    unfinished.write_bytes(b"half")
    age(old, named, unfinished)
    sweep_for_days(core, clock, 1)
    assert old.exists()  # an orphan for a day
    sweep_for_days(core, clock, 1)
    assert [file.exists() for file in (young, old, named, unfinished)] == [True, False, True, False]


def test_a_sweep_between_the_octets_and_their_row_loses_nothing(core, ola):
    octets = b"x" * (INSIDE + 1)
    prepared, box = core.blobs.prepare(octets), inbox(core, ola)
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    core.blobs.objects.path(prepared.name).unlink()  # an older file of the same octets, which a sweep took just now
    uid = core.db.write(lambda tx: core.mail.append(tx, ola, box, prepared, frozenset(), NOW))
    assert core.db.read(lambda tx: core.mail.octets(tx, box, uid)).endswith(octets)
    assert health.check_installation(core, repair=False) == []


def test_a_row_that_comes_while_the_sweep_looks_keeps_its_file(core, ola, clock):
    octets = b"x" * (INSIDE + 1)
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    name = core.blobs.prepare(octets).name
    assert core.db.read(lambda tx: blob_sweep.list_strays(tx, [name])) == [name]
    uid = put(core, ola, octets)
    core.db.write(lambda tx: blob_sweep.add_orphans(tx, [name], clock.seconds()))
    sweep_for_days(core, clock, 3)
    assert core.db.read(lambda tx: core.mail.octets(tx, inbox(core, ola), uid)).endswith(octets)
    assert core.db.read(lambda tx: tx.rows("SELECT * FROM orphan")) == []


def test_what_is_saved_again_is_dead_no_more(core, ola, clock):
    box, uid = inbox(core, ola), put(core, ola)
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(uid, uid)], only_deleted=False))
    health.sweep_orphans(core)
    assert core.db.read(lambda tx: tx.rows("SELECT count(*) FROM blob WHERE dead_at IS NOT NULL")) == [(1,)]
    uid = put(core, ola)
    clock.forward(days=1)
    assert health.sweep_orphans(core) == 0
    assert core.db.read(lambda tx: core.mail.octets(tx, box, uid)).endswith(SMALL)


def test_a_sweep_looks_at_a_part_of_many_rows_and_goes_on_there(core, ola, clock, monkeypatch):
    monkeypatch.setattr(blob_sweep, "LEAST", 2)
    monkeypatch.setattr(health, "LOOK", 2)
    box = inbox(core, ola)
    for number in range(5):
        put(core, ola, SMALL + b"%d" % number)
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(1, 9)], only_deleted=False))
    dead = []
    for _ in range(3):
        health.sweep_orphans(core)
        dead += core.db.read(lambda tx: tx.row("SELECT count(*) FROM blob WHERE dead_at IS NOT NULL"))
    assert dead == [2, 4, 5]


@pytest.mark.parametrize("wrong", ["blobs", pytest.param("schema", marks=pytest.mark.sqlite), "mark"])
def test_what_cannot_be_opened_leaves_nothing_open(tmp_path, wrong):
    config = Config(data=str(tmp_path / "var"))
    core = cores.build(config)
    if wrong == "schema":
        core.db.write(lambda tx: tx.run("INSERT INTO migration (name,at) VALUES ('9999_newer',1)"))
    elif wrong == "mark":
        core.db.write(lambda tx: marks.set_mark(tx, marks.FILLING, "restore"))
    else:
        (tmp_path / "file").touch()
        config = dataclasses.replace(config, blobs=f"file://{tmp_path}/file/blobs")
    cores.close(core)
    before = set(threading.enumerate())
    with pytest.raises((ConfigError, OSError)):
        cores.build(config)
    assert until(lambda: set(threading.enumerate()) <= before)


@pytest.mark.sqlite  # tests/services/test_postgresql.py has the other
def test_what_is_not_to_be_served_is_not_migrated(tmp_path):
    core = cores.build(config := Config(data=str(tmp_path / "var")))
    core.db.write(lambda tx: marks.set_mark(tx, marks.MOVED, "postgresql"))
    core.db.write(lambda tx: tx.run("DELETE FROM migration"))
    cores.close(core)
    with pytest.raises(ConfigError, match="has moved to postgresql"):
        cores.build(config)
    with apsw.Connection(str(config.database_path)) as connection:
        assert connection.execute("SELECT count(*) FROM migration").fetchall() == [(0,)]


def test_order_2_a_change_and_its_change_row_commit_together(core, ola):
    box = inbox(core, ola)
    prepared = core.blobs.prepare(SMALL)

    def half(tx) -> None:
        core.mail.append(tx, ola, box, prepared, frozenset(), NOW)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        core.db.write(half)
    assert core.db.read(lambda tx: tx.row("SELECT count(*) FROM change WHERE kind='add'")) == (0,)
    assert core.db.read(lambda tx: core.mail.uids(tx, box)) == []
    assert health.check_installation(core, repair=False) == []


@pytest.mark.sqlite
def test_order_3_an_answer_means_that_another_connection_can_see_it(real_disk, core, ola):
    uid = put(core, ola)
    other = apsw.Connection(str(core.config.database_path))
    try:
        assert other.execute("SELECT uid FROM message").fetchall() == [(uid,)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        other.close()
    assert core.db.read(lambda tx: tx.row("PRAGMA synchronous")) == (2,)


@pytest.mark.sqlite
def test_order_4_others_are_woken_after_the_commit(core, ola):
    seen: list[int] = []
    box = inbox(core, ola)

    def look(accounts) -> None:
        other = apsw.Connection(str(core.config.database_path))
        seen.append(other.execute("SELECT count(*) FROM message WHERE mailbox=?", (box,)).fetchone()[0])
        other.close()

    core.db._woken = look
    put(core, ola)
    assert seen == [1]


def test_a_write_that_fails_does_not_harm_its_group(core, ola):
    results: list[object] = []
    gate = threading.Event()

    def slow(tx) -> None:
        gate.wait(60)

    def bad(tx) -> None:
        tx.run("UPDATE account SET display_name='wrong'")
        raise ValueError("mine")

    def run(fn) -> None:
        try:
            results.append(core.db.write(fn))
        except ValueError as problem:
            results.append(str(problem))

    jobs = [slow, bad, lambda tx: tx.run("UPDATE account SET contact='c'")]
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["1", "None", "mine"]
    account = core.db.read(lambda tx: get_account(tx, ola))
    assert (account.display_name, account.contact) == ("Ola", "c")


def test_a_write_that_fails_alone_leaves_nothing(core, ola):
    def bad(tx) -> None:
        tx.run("UPDATE account SET display_name='wrong'")
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        core.db.write(bad)
    assert core.db.write(lambda tx: get_account(tx, ola)).display_name == "Ola"


@pytest.mark.sqlite
def test_the_database_log_is_copied_and_begins_anew(core, ola, monkeypatch):
    monkeypatch.setattr(checkpoint, "CHECKPOINT", 20)
    copies = core.db._checkpoints
    copies._due = 20
    log = core.config.database_path.with_name(core.config.database_path.name + "-wal")
    pages = 4096 + 24  # octets of each

    def put_many() -> None:
        for _ in range(50):
            put(core, ola)
            while copies._wanted.is_set():  # what is written meanwhile makes the log as long as it likes
                time.sleep(0.001)

    put_many()
    assert log.stat().st_size < 60 * pages
    reader = apsw.Connection(str(core.config.database_path))
    reader.execute("BEGIN; SELECT count(*) FROM message")
    put_many()
    reader.close()  # it held the log
    grown = log.stat().st_size
    put_many()
    assert 60 * pages < grown <= log.stat().st_size < grown + 60 * pages


def test_check_finds_and_mends_a_wrong_quota(core, ola):
    put(core, ola)
    core.db.write(lambda tx: tx.run("UPDATE account SET used=7"))
    assert len(health.check_installation(core, repair=False)) == 1
    health.check_installation(core, repair=True)
    assert health.check_installation(core, repair=False) == []


@pytest.mark.parametrize("size", [100, INSIDE + 1])
def test_what_only_the_queue_names_is_read_for_mailboxes_when_one_has_it(core, ola, size):
    octets = SMALL + b"x" * size
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=0"))
    waits = core.blobs.prepare(octets, bare=True)
    blob = core.db.write(lambda tx: core.blobs.save(tx, waits, 1))
    assert core.db.read(lambda tx: tx.row("SELECT length(structure) FROM blob")) == (0,)
    assert core.db.read(lambda tx: core.blobs.header(tx, blob)) == b"Subject: x\r\n\r\n"
    uid = put(core, ola, octets)  # the client puts the same octets into Sent
    box = inbox(core, ola)
    assert core.db.read(lambda tx: core.mail.octets(tx, box, uid)) == octets
    assert core.db.read(
        lambda tx: tx.rows("SELECT id, length(structure)>0 AND length(envelope)>0 AND length(body)>0 FROM blob")
    ) == [(blob, 1)]
    assert core.db.read(lambda tx: tx.rows("SELECT subject FROM summary")) == [("X",)]
    core.db.write(lambda tx: core.blobs.save(tx, core.blobs.prepare(octets, bare=True), 1))  # and is sent once more
    assert core.db.read(lambda tx: tx.row("SELECT length(structure)>0 FROM blob")) == (1,)
    assert health.check_installation(core, repair=False) == []
