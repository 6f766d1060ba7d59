"""Remembered UIDs of a large mailbox always equal those that a fresh query gives."""

import random
from datetime import UTC, datetime

import pytest

from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.store.mail import message_reader
from mailcore.store.people.accounts import insert_account

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def box(core: Core, monkeypatch) -> MailboxId:
    monkeypatch.setattr(message_reader, "REMEMBERED", 3)

    def make(tx) -> MailboxId:
        account = insert_account(tx, "ola", "Ola", None, 0, "nb", "", 1)
        core.mail.create(tx, account, "Other")
        return core.mail.create(tx, account, "INBOX").id

    return core.db.write(make)


@pytest.mark.parametrize("seed", range(5))
def test_the_uids_of_a_mailbox_are_right_whatever_happened(core: Core, box: MailboxId, seed: int):
    source = random.Random(seed)
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\nhi\r\n")
    other = core.db.read(lambda tx: core.mail.mailbox(tx, AccountId(1), "Other")).id

    def step(tx) -> None:
        held = core.mail.uids(tx, box)
        some = [(uid, uid) for uid in sorted(source.sample(held, min(len(held), source.randint(0, 3))))]
        match source.randint(0, 3):
            case 0:
                core.mail.expunge(tx, box, some, only_deleted=False)
            case 1:
                core.mail.move(tx, box, some, other)
            case 2:
                core.mail.set_flags(tx, box, some, source.choice(["add", "remove", "replace"]), frozenset({"\\Seen"}))
            case _:
                for _ in range(source.randint(1, 4)):
                    core.mail.append(tx, AccountId(1), box, prepared, frozenset(), NOW)

    for _ in range(60):
        core.db.write(step)
        uids, remembered, unseen, counted = core.db.read(
            lambda tx: (
                core.mail.uids(tx, box),
                core.mail.uids_and_first_unseen(tx, core.mail.get(tx, box))[0],
                core.mail.get(tx, box).unseen,
                tx.row("SELECT count(*) FROM message WHERE mailbox=? AND flags & 1 = 0", box),
            )
        )
        assert remembered.tolist() == uids
        assert counted == (unseen,)
