"""Newsletters and their editions, as SQL; the rules stand in services/newsletters.

Each change of state names the state before, so that of two editors, or two nodes, one comes too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId, MailboxId, Newsletter, NewsletterCounts, NewsletterState
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail.flags import DELETED, SEEN

LOCALPART = "newsletter"  # before the plus of a topic's address
_COLUMNS = (
    "id,topic_id,language,subject,text,state,actor,created_at,changed_at,send_at,begun_at,finished_at,position,is_correcting,"
    "filed,forwarded,unsent,delivered,refused,returned,complaints,corrected"
)


@dataclass(frozen=True, slots=True)
class Edition:
    """The message of a newsletter; `content` is the SHA-256 of its octets."""

    number: int
    blob: int
    content: bytes
    message_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A copy that its owner has not read."""

    account: AccountId
    mailbox: MailboxId
    uid: int


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else to_time(seconds)


def _newsletter(row: Row) -> Newsletter:
    return Newsletter(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        NewsletterState(row[5]),
        row[6],
        to_time(row[7]),
        to_time(row[8]),
        _time(row[9]),
        _time(row[10]),
        _time(row[11]),
        row[12],
        bool(row[13]),
        NewsletterCounts(*row[14:]),
    )


def add_newsletter(tx: Tx, topic: int, language: str, subject: str, text: str, actor: str, now: int) -> int:
    return tx.insert(
        "INSERT INTO newsletter (topic_id,language,subject,text,state,actor,created_at,changed_at,position,filed,forwarded,"
        "unsent,delivered,refused,returned,complaints,corrected,is_correcting,leased_until)"
        " VALUES (?,?,?,?,'draft',?,?,?,0,0,0,0,0,0,0,0,0,?,0)",
        topic,
        language,
        subject,
        text,
        actor,
        now,
        now,
        False,
    )


def find_newsletter(tx: Tx, newsletter: int) -> Newsletter | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM newsletter WHERE id=?", newsletter)  # noqa: S608
    return _newsletter(row) if row else None


def list_newsletters(tx: Tx, topics: Sequence[int], limit: int) -> list[Newsletter]:
    """Return the newsletters of these topics, newest first."""
    marks = ",".join("?" * len(topics)) or "NULL"
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM newsletter WHERE topic_id IN ({marks}) ORDER BY id DESC LIMIT ?",  # noqa: S608
        *topics,
        limit,
    )
    return [_newsletter(row) for row in rows]


def save_draft(tx: Tx, newsletter: int, language: str, subject: str, text: str, actor: str, now: int) -> bool:
    """Save what was written; False where it is no draft any more."""
    return (
        tx.run(
            "UPDATE newsletter SET language=?, subject=?, text=?, actor=?, changed_at=? WHERE id=? AND state='draft'",
            language,
            subject,
            text,
            actor,
            now,
            newsletter,
        )
        > 0
    )


def delete_draft(tx: Tx, newsletter: int) -> bool:
    return tx.run("DELETE FROM newsletter WHERE id=? AND state='draft'", newsletter) > 0


def change_state(
    tx: Tx, newsletter: int, before: NewsletterState, after: NewsletterState, now: int, send_at: int | None
) -> bool:
    """Change the state; False where it was changed meanwhile."""
    sql = "UPDATE newsletter SET state=?, changed_at=?, send_at=?, leased_until=0 WHERE id=? AND state=?"
    return tx.run(sql, after, now, send_at, newsletter, before) > 0


# Sending


def is_work_due(tx: Tx, now: int) -> bool:
    """Say if a newsletter is to be sent or corrected that nobody works on."""
    return tx.row(f"SELECT 1 FROM newsletter WHERE {_DUE} LIMIT 1", now, now) is not None  # noqa: S608


def claim_newsletter(tx: Tx, now: int, lease_seconds: int) -> Newsletter | None:
    """Lease the oldest that is due."""
    rows = tx.rows(
        f"UPDATE newsletter SET leased_until=? WHERE id=(SELECT MIN(id) FROM newsletter WHERE {_DUE})"  # noqa: S608
        f" AND leased_until<=? RETURNING {_COLUMNS}",
        now + lease_seconds,
        now,
        now,
        now,
    )
    return _newsletter(rows[0]) if rows else None


_DUE = (
    "((state='scheduled' AND send_at<=?) OR state='sending' OR (state='sent' AND is_correcting<>0)) AND leased_until<=?"
)


def lease_newsletter(tx: Tx, newsletter: int, until: int) -> None:
    """Take a newsletter over, whoever had it: what two do at once is decided by its position."""
    tx.run("UPDATE newsletter SET leased_until=? WHERE id=?", until, newsletter)


def begin_sending(tx: Tx, newsletter: int, now: int) -> bool:
    """Begin sending with the first subscriber; False where another process has begun."""
    sql = "UPDATE newsletter SET state='sending', begun_at=? WHERE id=? AND state='scheduled'"
    return tx.run(sql, now, newsletter) > 0


def advance_newsletter(tx: Tx, newsletter: int, before: int, position: int, counts: NewsletterCounts) -> bool:
    """Count what was done in this transaction; False if another process went on with it since, or it was stopped."""
    return (
        tx.run(
            "UPDATE newsletter SET position=?, filed=filed+?, forwarded=forwarded+?, unsent=unsent+?"
            " WHERE id=? AND position=? AND state='sending'",
            position,
            counts.filed,
            counts.forwarded,
            counts.unsent,
            newsletter,
            before,
        )
        > 0
    )


def finish_sending(tx: Tx, newsletter: int, now: int) -> bool:
    sql = "UPDATE newsletter SET state='sent', finished_at=?, leased_until=0 WHERE id=? AND state='sending'"
    return tx.run(sql, now, newsletter) > 0


def stop_newsletters(tx: Tx, topic: int) -> None:
    """Stop what was to be sent, or corrected, for a topic that has ended."""
    tx.run("UPDATE newsletter SET state='stopped' WHERE topic_id=? AND state IN ('scheduled','sending')", topic)
    tx.run("UPDATE newsletter SET is_correcting=? WHERE topic_id=? AND is_correcting<>0", False, topic)


# Editions


def add_edition(tx: Tx, newsletter: int, blob: int, content: bytes, message_id: str, now: int) -> int:
    """Add the first message, or a correction, and return its number."""
    row = tx.row("SELECT COALESCE(MAX(number),0)+1 FROM newsletter_edition WHERE newsletter_id=?", newsletter)
    number = int(row[0]) if row else 1
    tx.run(
        "INSERT INTO newsletter_edition (newsletter_id,number,blob,content,message_id,at) VALUES (?,?,?,?,?,?)",
        newsletter,
        number,
        blob,
        content,
        message_id,
        now,
    )
    return number


def list_editions(tx: Tx, newsletter: int) -> list[Edition]:
    """Return the editions, the newest last."""
    rows = tx.rows(
        "SELECT e.number,e.blob,e.content,e.message_id,b.size FROM newsletter_edition e JOIN blob b ON b.id=e.blob"
        " WHERE e.newsletter_id=? ORDER BY e.number",
        newsletter,
    )
    return [Edition(row[0], row[1], bytes(row[2]), row[3], row[4]) for row in rows]


def find_by_content(tx: Tx, content: bytes) -> Newsletter | None:
    """Return the newsletter that a message is, by the SHA-256 of its shared octets."""
    row = tx.row("SELECT newsletter_id FROM newsletter_edition WHERE content=?", content)
    return find_newsletter(tx, row[0]) if row else None


# Corrections


def save_correction(tx: Tx, newsletter: int, subject: str, text: str, actor: str, now: int) -> bool:
    """Begin a correction; False where another is on its way, or it was not sent to all yet."""
    return (
        tx.run(
            "UPDATE newsletter SET subject=?, text=?, actor=?, changed_at=?, is_correcting=?, leased_until=0"
            " WHERE id=? AND state='sent' AND is_correcting=0",
            subject,
            text,
            actor,
            now,
            True,
            newsletter,
        )
        > 0
    )


_UNREAD = (
    " FROM newsletter_edition e JOIN message m ON m.blob=e.blob JOIN mailbox b ON b.id=m.mailbox WHERE e.newsletter_id=?"
    f" AND e.number<? AND m.flags & {SEEN | DELETED}=0 AND b.special_use<>'\\Trash'"
)


def list_unread(tx: Tx, newsletter: int, edition: int, limit: int) -> list[Unread]:
    """Return copies of editions before this one that nobody has read or thrown away."""
    rows = tx.rows(
        f"SELECT b.account_id,m.mailbox,m.uid{_UNREAD} ORDER BY m.mailbox,m.uid LIMIT ?",  # noqa: S608
        newsletter,
        edition,
        limit,
    )
    return [Unread(AccountId(row[0]), MailboxId(row[1]), row[2]) for row in rows]


def count_unread(tx: Tx, newsletter: int) -> int:
    row = tx.row(f"SELECT count(*){_UNREAD}", newsletter, 2**31)  # noqa: S608
    return int(row[0]) if row else 0


def count_corrected(tx: Tx, newsletter: int, copies: int) -> bool:
    """Count what a correction replaced; False where it is over."""
    return tx.run("UPDATE newsletter SET corrected=corrected+? WHERE id=? AND is_correcting<>0", copies, newsletter) > 0


def finish_correction(tx: Tx, newsletter: int) -> bool:
    sql = "UPDATE newsletter SET is_correcting=?, leased_until=0 WHERE id=? AND is_correcting<>0"
    return tx.run(sql, False, newsletter) > 0


# Results


def list_to_count(tx: Tx, since: int) -> list[int]:
    """Return the newsletters whose forwarded copies may still be answered."""
    return [row[0] for row in tx.rows("SELECT id FROM newsletter WHERE begun_at>=? AND forwarded>0 ORDER BY id", since)]


def count_answers(tx: Tx, newsletter: int) -> tuple[int, int]:
    """Count what the targets' servers have taken and refused so far; what comes back afterwards is counted as it comes."""
    states: dict[str, int] = dict(
        tx.rows(
            "SELECT o.state,count(DISTINCT o.id) FROM newsletter_edition e JOIN srs_return r ON r.content=e.content"
            " JOIN onward o ON o.account_id=r.account_id AND o.content=r.content AND o.target=r.target"
            " WHERE e.newsletter_id=? GROUP BY o.state",
            newsletter,
        )
    )
    return states.get("delivered", 0), states.get("refused", 0) + states.get("here", 0)


def save_answers(tx: Tx, newsletter: int, delivered: int, refused: int) -> None:
    tx.run("UPDATE newsletter SET delivered=?, refused=? WHERE id=?", delivered, refused, newsletter)


def count_return(tx: Tx, content: bytes) -> None:
    """Count a copy that came back, if it is one of a newsletter."""
    _count(tx, "returned", content)


def count_complaint(tx: Tx, content: bytes) -> None:
    _count(tx, "complaints", content)


def _count(tx: Tx, column: str, content: bytes) -> None:
    tx.run(
        f"UPDATE newsletter SET {column}={column}+1 WHERE id=(SELECT newsletter_id FROM newsletter_edition WHERE content=?)",  # noqa: S608
        content,
    )
