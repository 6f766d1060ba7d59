"""The change log and what comes back to a client after it was cut (RFC 7162)."""

from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.store.mail import condstore


def fill(core: Core, count: int):
    ola = accounts.add_account(core, "ola", quota=0).id
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\nhei\r\n")

    def work(tx):
        box = core.mail.create(tx, ola, "Work")
        for _ in range(count):
            core.mail.append(tx, ola, box.id, prepared, frozenset(), core.clock.now())
        return box.id

    return ola, core.db.write(work)


def test_removals_are_told_also_after_the_log_was_cut(core, monkeypatch):
    monkeypatch.setattr(condstore, "KEEP", 3)
    _, box = fill(core, 10)

    def remove(tx):
        since = core.mail.get(tx, box).modseq
        for uid in (2, 3, 5, 6, 7, 8, 10):
            core.mail.expunge(tx, box, [(uid, uid)], only_deleted=False)
        return since

    since = core.db.write(remove)
    ask = lambda tx: condstore.list_vanished(tx, box, since, [(1, 4), (9, 2**32 - 1)])  # noqa: E731
    assert core.db.read(ask) == [(2, 3), (10, 10)]
    assert health.cut_change_logs(core) == 1
    assert core.db.read(lambda tx: tx.row("SELECT count(*) FROM change WHERE mailbox=? AND kind='remove'", box)) == (3,)
    assert core.db.read(lambda tx: condstore.is_log_cut(tx, box, since))
    assert core.db.read(ask) == [(2, 3), (10, 10)]
    assert core.db.read(lambda tx: condstore.list_vanished(tx, box, since + 7, [(1, 99)])) == []


def test_a_short_log_is_left_alone(core):
    fill(core, 10)
    assert health.cut_change_logs(core) == 0


def test_what_only_wakes_others_is_forgotten(core, monkeypatch):
    fill(core, 10)
    newest = core.db.read(lambda tx: tx.row("SELECT max(id) FROM change"))[0]
    monkeypatch.setattr(condstore, "NEWS", 4)
    health.cut_change_logs(core)
    assert core.db.read(lambda tx: tx.row("SELECT min(id), max(id) FROM change")) == (newest - 3, newest)


def test_the_number_of_a_change_is_never_given_twice(core):
    """A poll asks for numbers above the last it saw; a deleted mailbox must not take the newest with it."""
    ola, _ = fill(core, 3)
    top, _ = core.read_news(-1)
    core.db.write(lambda tx: core.mail.delete(tx, ola, "Work"))
    assert core.db.read(lambda tx: tx.row("SELECT max(id) FROM change"))[0] > top
    assert core.read_news(top) == (top + 1, {ola})


def test_the_number_of_a_mailbox_is_never_given_twice(core):
    """Sessions, caches and the change log may still name a deleted mailbox, and must not mean another one by it."""
    ola, box = fill(core, 1)
    core.db.write(lambda tx: core.mail.delete(tx, ola, "Work"))
    assert core.db.write(lambda tx: core.mail.create(tx, ola, "Other")).id > box
