"""Topics of newsletters and consent to them, as SQL; the rules stand in services/newsletters/topics.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import Account, AccountId, NewsletterTopic
from mailcore.store.engine.db import Row, Tx
from mailcore.store.people.accounts import ACCOUNT_COLUMNS, account_of

_COLUMNS = "id,nb,nn,en,slug,reply_to"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who agreed; `wording` is the question that they said yes to."""

    account: Account
    at: datetime
    wording: str


def list_topics(tx: Tx) -> list[NewsletterTopic]:
    """Return the topics that there are."""
    return [_topic(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM topic WHERE ended_at IS NULL ORDER BY id")]  # noqa: S608


def find_topic(tx: Tx, topic: int) -> NewsletterTopic | None:
    """Return a topic that has not ended."""
    row = tx.row(f"SELECT {_COLUMNS} FROM topic WHERE id=? AND ended_at IS NULL", topic)  # noqa: S608
    return _topic(row) if row else None


def _topic(row: Row) -> NewsletterTopic:
    return NewsletterTopic(row[0], {"nb": row[1], "nn": row[2], "en": row[3]}, *row[4:])


def count_subscribers(tx: Tx, topic: int) -> int:
    """Count those who have agreed and whose accounts are in use; this takes time by their number."""
    row = tx.row(
        "SELECT count(*) FROM consent c JOIN account a ON a.id=c.account_id WHERE c.topic_id=? AND a.state='active'",
        topic,
    )
    return int(row[0]) if row else 0


def find_topic_by_slug(tx: Tx, slug: str) -> int | None:
    """Return the topic of an address; the slug of one that has ended is nobody else's, but leads nowhere."""
    row = tx.row("SELECT id FROM topic WHERE slug=? AND ended_at IS NULL", slug)
    return int(row[0]) if row else None


def is_slug_taken(tx: Tx, slug: str) -> bool:
    """Say if a topic has or had it."""
    return tx.row("SELECT 1 FROM topic WHERE slug=?", slug) is not None


def add_topic(tx: Tx, words: dict[str, str], slug: str, now: int) -> int:
    return tx.insert(
        "INSERT INTO topic (nb,nn,en,slug,created_at) VALUES (?,?,?,?,?)",
        words["nb"],
        words["nn"],
        words["en"],
        slug,
        now,
    )


def save_reply_to(tx: Tx, topic: int, address: str) -> None:
    tx.run("UPDATE topic SET reply_to=? WHERE id=?", address, topic)


def end_topic(tx: Tx, topic: int, now: int) -> bool:
    """End a topic; nobody's consent outlives it."""
    ended = tx.run("UPDATE topic SET ended_at=? WHERE id=? AND ended_at IS NULL", now, topic) > 0
    tx.run("DELETE FROM consent WHERE topic_id=?", topic)
    tx.run("DELETE FROM topic_editor WHERE topic_id=?", topic)
    return ended


def list_consents(tx: Tx, account: AccountId) -> set[int]:
    return {row[0] for row in tx.rows("SELECT topic_id FROM consent WHERE account_id=?", account)}


def add_consent(tx: Tx, account: AccountId, topic: int, now: int, wording: str) -> bool:
    """Save a consent; False if there was one."""
    sql = "INSERT INTO consent (account_id,topic_id,at,wording) VALUES (?,?,?,?) ON CONFLICT DO NOTHING"
    return tx.run(sql, account, topic, now, wording) > 0


def delete_consent(tx: Tx, account: AccountId, topic: int) -> bool:
    """Take a consent back; False if there was none."""
    return tx.run("DELETE FROM consent WHERE account_id=? AND topic_id=?", account, topic) > 0


def list_next_readers(tx: Tx, topic: int, after: int, limit: int) -> list[Account]:
    """Return the next subscribers behind an account, in the order of their numbers."""
    rows = tx.rows(
        f"SELECT {ACCOUNT_COLUMNS} FROM consent JOIN account ON id=account_id"  # noqa: S608
        " WHERE topic_id=? AND account_id>? AND state='active' ORDER BY account_id LIMIT ?",
        topic,
        after,
        limit,
    )
    return [account_of(row) for row in rows]


def has_consented(tx: Tx, topic: int, accounts: Sequence[AccountId]) -> set[AccountId]:
    """Return those of the accounts that (still) agree to a topic."""
    marks = ",".join("?" * len(accounts))
    rows = tx.rows(f"SELECT account_id FROM consent WHERE topic_id=? AND account_id IN ({marks})", topic, *accounts)  # noqa: S608
    return {AccountId(row[0]) for row in rows}


# Editors


def add_editor(tx: Tx, topic: int, account: AccountId, now: int) -> bool:
    """Let an owner edit a topic; False if they may already."""
    sql = "INSERT INTO topic_editor (topic_id,account_id,at) VALUES (?,?,?) ON CONFLICT DO NOTHING"
    return tx.run(sql, topic, account, now) > 0


def delete_editor(tx: Tx, topic: int, account: AccountId) -> bool:
    return tx.run("DELETE FROM topic_editor WHERE topic_id=? AND account_id=?", topic, account) > 0


def list_editors(tx: Tx, topic: int) -> list[str]:
    """Return the user names of a topic's editors whose accounts are in use."""
    rows = tx.rows(
        "SELECT a.name FROM topic_editor e JOIN account a ON a.id=e.account_id WHERE e.topic_id=? AND a.state='active'"
        " ORDER BY a.name",
        topic,
    )
    return [row[0] for row in rows]


def list_topics_of_editor(tx: Tx, account: AccountId) -> set[int]:
    """Return the topics that an owner may edit and that have not ended."""
    rows = tx.rows(
        "SELECT e.topic_id FROM topic_editor e JOIN topic t ON t.id=e.topic_id WHERE e.account_id=? AND t.ended_at IS NULL",
        account,
    )
    return {row[0] for row in rows}


def list_subscribers(tx: Tx, topic: int) -> list[Subscriber]:
    """Return everybody who agreed and whose account is in use."""
    rows = tx.rows(
        f"SELECT {ACCOUNT_COLUMNS},at,wording FROM account JOIN consent ON account_id=id"  # noqa: S608
        " WHERE topic_id=? AND state='active' ORDER BY id",
        topic,
    )
    return [Subscriber(account_of(row[:-2]), to_time(row[-2]), row[-1]) for row in rows]
