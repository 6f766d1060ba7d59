"""After an upgrade of the mail reader, derived columns are computed anew, a part at a time."""

from mailcore.services.accounts import accounts
from mailcore.services.operations import rereading
from mailcore.store.mail import rereading as store


def blob_rows(core):
    return core.db.read(lambda tx: tx.rows("SELECT id, envelope, body, structure FROM blob ORDER BY id"))


def test_old_mail_is_read_anew_and_the_end_is_remembered(core, monkeypatch):
    ola = accounts.add_account(core, "ola", display_name="Ola", quota=2**30).id
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola, "INBOX"))
    for n in range(5):
        prepared = core.blobs.prepare(b"Subject: n%d\r\nFrom: a@x.example\r\n\r\nhei\r\n" % n)
        core.db.write(lambda tx, p=prepared: core.mail.append(tx, ola, box.id, p, frozenset(), core.clock.now()))
    right = blob_rows(core)
    summaries = core.db.read(lambda tx: tx.rows("SELECT blob, subject, sender FROM summary ORDER BY blob"))
    core.db.write(
        lambda tx: tx.run("UPDATE blob SET envelope='old', body='old', structure='old' WHERE length(structure)>0")
    )
    core.db.write(lambda tx: tx.run("UPDATE summary SET subject='old'"))
    assert rereading.reread_blobs(core) == 0  # nothing says that they are old
    core.db.write(store.begin_rereading)
    monkeypatch.setattr(rereading, "BATCH", 2)
    monkeypatch.setattr(rereading, "MOST", 3)
    assert 3 <= rereading.reread_blobs(core) < len(right)
    while rereading.reread_blobs(core):
        pass
    assert blob_rows(core) == right
    assert core.db.read(lambda tx: tx.rows("SELECT blob, subject, sender FROM summary ORDER BY blob")) == summaries
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='reread'")) is None


def test_a_new_database_does_not_ask_for_it(core):
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='reread'")) is None
