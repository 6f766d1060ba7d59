"""The order of messages, and the input of threading, from the summaries of their blobs."""

from collections.abc import Sequence
from enum import Enum

from mailcore.domain import MailboxId
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import uidset

_SENT = "COALESCE(s.sent_at, m.internal_date)"
_FROM = "FROM message m LEFT JOIN summary s ON s.blob=m.blob WHERE m.mailbox=?"
FEW = 50  # ranges of UIDs that are asked for as such; otherwise the whole mailbox is read and picked from


class SortKey(Enum):
    """RFC 5256 section 3, RFC 5957 section 3."""

    ARRIVAL = "m.internal_date"
    CC = "s.cc_key"
    DATE = _SENT
    DISPLAYFROM = "s.from_name"
    DISPLAYTO = "s.to_name"
    FROM = "s.from_key"
    SIZE = "m.size"
    SUBJECT = "s.base"
    TO = "s.to_key"


def sort_uids(tx: Tx, mailbox: MailboxId, keys: Sequence[tuple[SortKey, bool]], found: Sequence[int]) -> list[int]:
    """Return the UIDs of `found` (ascending) in the order of the keys, each with whether it is reversed; ties by UID."""
    by = ",".join(f"{key.value} {'DESC NULLS LAST' if reverse else 'NULLS FIRST'}" for key, reverse in keys)
    sql = f"SELECT m.uid {_FROM} %s ORDER BY {by},m.uid"  # noqa: S608 - names of our own columns
    return [row[0] for row in _picked(tx, mailbox, sql, found)]


def list_letters(tx: Tx, mailbox: MailboxId, found: Sequence[int]) -> list[Row]:
    """Return for each of `found`, by UID: uid, time sent in seconds, base subject, is it an answer, id, references."""
    sql = f"SELECT m.uid,{_SENT},s.base,s.is_answer,s.message_id,s.refs {_FROM} %s ORDER BY m.uid"  # noqa: S608
    return _picked(tx, mailbox, sql, found)


def _picked(tx: Tx, mailbox: MailboxId, sql: str, found: Sequence[int]) -> list[Row]:
    ranges = uidset.ranges_of(found)
    if len(ranges) <= FEW:
        where = "AND (" + " OR ".join("m.uid BETWEEN ? AND ?" for _ in ranges) + ")" if ranges else "AND FALSE"
        return tx.rows(sql % where, mailbox, *(end for pair in ranges for end in pair))
    wanted = frozenset(found)
    return [row for row in tx.rows(sql % "", mailbox) if row[0] in wanted]
