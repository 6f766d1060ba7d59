"""Topics of newsletters and consent to them, as SQL; the rules stand in services/operations/newsletter_topics.py."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mailcore.domain import Account, AccountId, NewsletterTopic
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import ACCOUNT_COLUMNS, account_of


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who agreed; `wording` is the question that they said yes to."""

    account: Account
    at: datetime
    wording: str


def list_topics(tx: Tx) -> list[NewsletterTopic]:
    """Return the topics that there are, with how many have agreed."""
    rows = tx.rows(
        "SELECT t.id,t.nb,t.nn,t.en,(SELECT count(*) FROM consent c JOIN account a ON a.id=c.account_id"
        " WHERE c.topic_id=t.id AND a.state='active') FROM topic t WHERE t.ended_at IS NULL ORDER BY t.id"
    )
    return [NewsletterTopic(row[0], {"nb": row[1], "nn": row[2], "en": row[3]}, row[4]) for row in rows]


def add_topic(tx: Tx, words: dict[str, str], now: int) -> int:
    return tx.insert(
        "INSERT INTO topic (nb,nn,en,created_at) VALUES (?,?,?,?)", words["nb"], words["nn"], words["en"], now
    )


def end_topic(tx: Tx, topic: int, now: int) -> bool:
    """End a topic; nobody's consent outlives it."""
    ended = tx.run("UPDATE topic SET ended_at=? WHERE id=? AND ended_at IS NULL", now, topic) > 0
    tx.run("DELETE FROM consent WHERE topic_id=?", topic)
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


def list_subscribers(tx: Tx, topic: int) -> list[Subscriber]:
    """Return everybody who agreed and whose account is in use."""
    rows = tx.rows(
        f"SELECT {ACCOUNT_COLUMNS},at,wording FROM account JOIN consent ON account_id=id"  # noqa: S608
        " WHERE topic_id=? AND state='active' ORDER BY id",
        topic,
    )
    return [Subscriber(account_of(row[:-2]), datetime.fromtimestamp(row[-2], UTC), row[-1]) for row in rows]
