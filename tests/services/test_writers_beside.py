"""Writes side by side: who names the accounts whose mail it writes keeps to them; change numbers out of order; runs again."""

import threading
from typing import Any

import pytest

from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.services.accounts import accounts
from mailcore.store.engine.db import AccountNotLocked, Tx
from mailcore.store.mail.news import News
from mailcore.store.site import rates


@pytest.fixture
def people(core: Core) -> list[AccountId]:
    return [accounts.add_account(core, name).id for name in ("ola", "kari")]


def inbox(core: Core, account: AccountId) -> MailboxId:
    return core.db.read(lambda tx: core.mail.mailbox(tx, account, "INBOX")).id


def append(core: Core, tx: Tx, account: AccountId, box: MailboxId) -> int:
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\n")
    return core.mail.append(tx, account, box, prepared, frozenset(), core.clock.now())


def test_a_write_keeps_to_the_accounts_that_it_names(core, people):
    ola, kari = people
    box = inbox(core, kari)
    for work in (
        lambda tx: append(core, tx, kari, box),
        lambda tx: core.mail.set_flags(tx, box, [(1, 1)], "add", frozenset({"\\Seen"})),
        lambda tx: core.mail.expunge(tx, box, None, only_deleted=False),
        lambda tx: core.mail.create(tx, kari, "New"),
        lambda tx: core.mail.rename(tx, kari, "Archive", "Old"),
        lambda tx: core.mail.subscribe(tx, kari, "Drafts", False),
        lambda tx: core.mail.delete(tx, kari, "Junk"),
    ):
        core.db.write(lambda tx: append(core, tx, kari, box), of=[kari])
        with pytest.raises(AccountNotLocked):
            core.db.write(work, of=[ola])
        core.db.write(work, of=[ola, kari])


def test_a_write_that_names_none_may_write_all(core, people):
    boxes = [inbox(core, account) for account in people]
    written = core.db.write(lambda tx: [append(core, tx, *pair) for pair in zip(people, boxes, strict=True)])
    assert written == [2, 2]


def test_a_count_is_refused_where_it_would_pass_the_limit(core):
    def take(amount: int, at: int) -> bool:
        return core.db.write(lambda tx: rates.count_if_allowed(tx, "x", amount, 5, 60, at), of=())

    assert [take(3, 100), take(3, 110), take(2, 120), take(1, 130)] == [True, False, True, False]
    assert take(5, 161)
    assert not take(6, 1000)


class Numbered:
    """A reader's view of the change log, in which transactions number rows first and commit later."""

    def __init__(self) -> None:
        self.rows_there: list[tuple[int, int]] = []
        self.at = (1, 1)

    def horizon(self) -> tuple[int, int]:
        return self.at

    def row(self, *_: object) -> tuple[int]:
        return (max((one for one, _ in self.rows_there), default=0),)

    def rows(self, sql: str, after: int) -> list[tuple[int, ...]]:
        width = 1 if sql.startswith("SELECT id FROM") else 2
        return [row[:width] for row in self.rows_there if row[0] > after]


def test_a_change_that_commits_late_is_heard():
    news = News()
    log: Any = Numbered()
    log.rows_there, log.at = [(1, 10)], (5, 5)
    assert news.read(log, -1) == (1, set())
    log.rows_there.append((4, 40))  # 2 and 3 are numbered by transactions 5 and 6, which go on
    log.at = (5, 8)
    assert news.read(log, 1) == (4, {40})
    log.rows_there.append((3, 30))
    log.at = (5, 9)
    assert news.read(log, 4) == (4, {30})
    log.rows_there.append((2, 20))
    log.at = (9, 9)  # all have ended
    assert news.read(log, 4) == (4, {20})
    assert news.read(log, 4) == (4, set())
    assert news._floor == 4
    assert not news._seen


def test_numbers_of_a_window_are_forgotten_when_its_transactions_have_ended():
    news = News()
    log: Any = Numbered()
    news.read(log, -1)
    for number in range(1, 500):
        log.rows_there.append((number, 1))
        log.at = (number, number + 1)
        assert news.read(log, 0)[1] == {1}
    assert len(news._seen) < 5
    assert len(news._marks) < 5


def test_writers_of_one_process_side_by_side_number_without_a_gap(core, people):
    boxes = {account: inbox(core, account) for account in people}

    def work(account: AccountId) -> None:
        for _ in range(20):
            core.db.write(lambda tx: append(core, tx, account, boxes[account]), of=[account])

    threads = [threading.Thread(target=work, args=(account,)) for account in people for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for box in boxes.values():
        assert core.db.read(lambda tx, box=box: core.mail.uids(tx, box)) == list(range(1, 42))
