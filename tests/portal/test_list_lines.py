"""Saved lines of message lists: built in portions, ahead of time for large mailboxes, deleted with the messages."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.domain import MailboxId
from mailcore.services.webmail import list_lines, mail_list
from mailcore.services.webmail.mail_list import ListRequest
from mailcore.store.mail import condstore
from tests.portal.mailing import letter, put

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def portions(monkeypatch):
    monkeypatch.setattr(list_lines, "LEARN", 3)


def fill(core, ola, references: list[list[int]], box: str = "Archive") -> list[int]:
    """Message n names the messages of references[n]."""
    return [
        put(
            core,
            ola,
            letter(n, more=f"References: {' '.join(f'<n{one}@x.example>' for one in named)}\r\n" if named else ""),
            box,
            at=DAY + timedelta(hours=n),
        )
        for n, named in enumerate(references)
    ]


def conversations(core, ola, box: str = "Archive") -> set[tuple[int, ...]]:
    return {line.uids for line in mail_list.page(core, ola.id, box, ListRequest(threads=True)).lines}


def expected(uids: list[int], references: list[list[int]]) -> set[tuple[int, ...]]:
    """Messages that name the same message, whether that came or not, belong together."""
    groups: list[set[int]] = []
    for n, named in enumerate(references):
        mine = {n, *named}
        groups = [one for one in groups if not (one & mine)] + [mine.union(*(one for one in groups if one & mine))]
    return {tuple(uids[n] for n in sorted(one) if n < len(uids)) for one in groups}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(references=st.lists(st.lists(st.integers(0, 14), max_size=3), min_size=1, max_size=14))
def test_conversations_are_the_same_however_they_came_and_in_whatever_portions(core, ola, portions, references):
    box = f"P{abs(hash(str(references)))}"
    core.db.write(lambda tx: core.mail.create(tx, ola.id, box))
    core.db.write(lambda tx: tx.run("DELETE FROM thread_id"))  # each example begins with nothing known
    uids = fill(core, ola, references[: len(references) // 2], box)
    mail_list.page(core, ola.id, box, ListRequest(threads=True))
    uids += [
        put(
            core,
            ola,
            letter(n, more=f"References: {' '.join(f'<n{one}@x.example>' for one in named)}\r\n" if named else ""),
            box,
            at=DAY + timedelta(hours=n),
        )
        for n, named in list(enumerate(references))[len(references) // 2 :]
    ]
    assert conversations(core, ola, box) == expected(uids, references)


def known(core, box: MailboxId) -> list[int]:
    return [
        row[0] for row in core.db.read(lambda tx: tx.rows("SELECT uid FROM line WHERE mailbox=? ORDER BY uid", box))
    ]


def test_a_job_learns_what_came_in_large_numbers(core, ola, portions, monkeypatch):
    monkeypatch.setattr(list_lines, "MANY", 5)
    uids = fill(core, ola, [[]] * 7)
    fill(core, ola, [[]] * 2, "INBOX")
    box, inbox = (
        core.db.read(lambda tx, name=name: core.mail.mailbox(tx, ola.id, name)).id for name in ("Archive", "INBOX")
    )
    assert list_lines.update_busy_lists(core) == 1
    assert (known(core, box), known(core, inbox)) == (uids, [])
    assert list_lines.update_busy_lists(core) == 0


def test_removals_that_the_change_log_no_longer_tells_of_are_noticed(core, ola, monkeypatch):
    uids = fill(core, ola, [[]] * 6)
    mail_list.page(core, ola.id, "Archive", ListRequest(order="from"))
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive")).id
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(uids[1], uids[4])], only_deleted=False))
    monkeypatch.setattr(condstore, "KEEP", 0)  # only removals count
    core.db.write(lambda tx: core.mail.set_flags(tx, box, [(uids[0], uids[0])], "add", frozenset({"\\Flagged"})))
    core.db.write(lambda tx: core.mail.set_flags(tx, box, [(uids[5], uids[5])], "add", frozenset({"\\Flagged"})))
    assert core.db.write(condstore.cut_logs)
    mail_list.page(core, ola.id, "Archive", ListRequest(order="from"))
    assert known(core, box) == [uids[0], uids[5]]
    assert conversations(core, ola) == {(uids[0],), (uids[5],)}


def test_nothing_is_known_of_an_account_that_is_gone(core, ola):
    """Lines of accounts that still exist stay."""

    def known_of(tx) -> list[int]:
        return [row[0] for row in tx.rows("SELECT account_id FROM thread_id")]

    sql = "INSERT INTO thread_id (account_id,id,thread) VALUES (?,?,?)"
    core.db.write(lambda tx: tx.many(sql, [(account, b"id", 1) for account in (ola.id, 4711, 4712)]))
    list_lines.sweep_lists(core)
    assert core.db.read(known_of) == [ola.id]


def test_nothing_is_known_of_a_mailbox_that_is_gone(core, ola):
    core.db.write(lambda tx: core.mail.create(tx, ola.id, "Borte"))
    fill(core, ola, [[]] * 3, "Borte")
    mail_list.page(core, ola.id, "Borte", ListRequest(order="subject"))
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Borte")).id
    core.db.write(lambda tx: core.mail.delete(tx, ola.id, "Borte"))
    list_lines.sweep_lists(core)
    for table in ("line", "thread", "line_state"):
        sql = f"SELECT 1 FROM {table} WHERE mailbox=?"
        assert core.db.read(lambda tx, sql=sql: tx.rows(sql, box)) == []
