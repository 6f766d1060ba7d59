"""S21, N7: a full box can always be emptied (sequences of clients: tests/protocol/imap/s21_full_box.txt)."""

import pytest

from mailcore.errors import OverQuota
from mailcore.services.accounts import accounts
from mailcore.store.mail import transfers


def test_s21_copies_to_trash_have_headroom_that_ends(core):
    ola = accounts.add_account(core, "ola", quota=0).id
    big = core.blobs.prepare(b"Subject: x\r\n\r\n" + b"x" * (transfers.HEADROOM_LEAST // 4))

    def fill(tx):
        inbox = core.mail.mailbox(tx, ola, "INBOX").id
        uid = core.mail.append(tx, ola, inbox, big, frozenset(), core.clock.now())
        tx.run("UPDATE account SET quota=used WHERE id=?", ola)
        return inbox, [(uid, uid)]

    inbox, message = core.db.write(fill)
    copy = lambda name: core.db.write(  # noqa: E731
        lambda tx: core.mail.copy(tx, ola, inbox, message, core.mail.mailbox(tx, ola, name).id)
    )
    with pytest.raises(OverQuota):
        copy("Archive")
    for _ in range(3):
        copy("Trash")
    with pytest.raises(OverQuota):
        copy("Trash")
    core.db.write(lambda tx: core.mail.expunge(tx, inbox, message, only_deleted=False))
    with pytest.raises(OverQuota):  # still above the quota: what is in the Trash counts
        core.db.write(lambda tx: core.mail.append(tx, ola, inbox, big, frozenset(), core.clock.now()))


def test_s21_moving_never_needs_room(core):
    ola = accounts.add_account(core, "ola", quota=0).id
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=1 WHERE id=?", ola))

    def move(tx):
        names = ("INBOX", "Archive", "Trash", "Junk")
        boxes = [core.mail.mailbox(tx, ola, name).id for name in names]
        for source, target in zip(boxes, boxes[1:], strict=False):
            core.mail.move(tx, source, [(1, 2**32 - 1)], target)
        return core.mail.uids(tx, boxes[-1])

    assert core.db.write(move) == [1]
