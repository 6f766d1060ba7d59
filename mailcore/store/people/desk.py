"""Queries of the help desk, as SQL: people by words, when a password was used, who has no way in."""

from datetime import date, datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def search_accounts(tx: Tx, words: str) -> list[AccountId]:
    like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = tx.rows(
        "SELECT id FROM account WHERE lower(name) LIKE lower(?) ESCAPE '\\'"
        " OR lower(display_name) LIKE lower(?) ESCAPE '\\' OR lower(contact)=?"
        " OR person=? OR id IN (SELECT account_id FROM address WHERE localpart=?) ORDER BY name<>?, name LIMIT 50",
        like,
        like,
        words,
        words,
        words,
        words,
    )
    return [AccountId(row[0]) for row in rows]


# kinds of accounts that administrators list, as conditions on `account a`
_KINDS = {
    "held": "EXISTS (SELECT 1 FROM sending_hold h WHERE h.account_id=a.id)",
    "staff": "a.role<>''",
    "asleep": "a.asleep_at IS NOT NULL AND a.state='active'",
    "closed": "a.state='closed'",
    "erased": "a.state='erased'",
}


def list_accounts_of_kind(tx: Tx, kind: str, after: str, limit: int) -> list[AccountId]:
    """Return the accounts of a kind of `_KINDS`, by name from `after` on."""
    rows = tx.rows(
        f"SELECT a.id FROM account a WHERE {_KINDS[kind]} AND a.name>? ORDER BY a.name LIMIT ?",  # noqa: S608
        after,
        limit,
    )
    return [AccountId(row[0]) for row in rows]


def get_password_state(tx: Tx, account: AccountId) -> tuple[bool, datetime | None]:
    """Is there an alumni password, and when did a credential last open anything?"""
    row = tx.row(
        "SELECT count(CASE WHEN kind='password' THEN 1 END), MAX(last_used_at) FROM credential WHERE account_id=?",
        account,
    )
    count, last = row if row else (0, None)
    return bool(count), to_time(last) if last else None


# signs that somebody got into the account once: log-ins are kept for ninety days, what remains of them for good
_SIGNS = (
    "SELECT 1 FROM login_event WHERE account_id=?",  # the right password, even where the log-in was refused
    "SELECT 1 FROM web_session WHERE account_id=?",
    "SELECT 1 FROM second_factor WHERE account_id=? AND active<>0",
    "SELECT 1 FROM credential WHERE account_id=? AND (kind='password' OR last_used_at IS NOT NULL)",
    "SELECT 1 FROM presence p JOIN account a ON a.id=p.account_id WHERE p.account_id=? AND p.seen_at>a.created_at",
)


def was_opened(tx: Tx, account: AccountId) -> bool:
    """Did anybody ever get in, by whatever password, key or log-in elsewhere?"""
    return any(tx.row(f"{sign} LIMIT 1", account) is not None for sign in _SIGNS)


def was_noted(tx: Tx, account: AccountId, actor: str, event: str, since: int) -> bool:
    row = tx.row(
        "SELECT 1 FROM audit WHERE account_id=? AND at>? AND actor=? AND event=?", account, since, actor, event
    )
    return row is not None


def is_away(tx: Tx, account: AccountId, today: date) -> bool:
    row = tx.row("SELECT first_day, last_day FROM away WHERE account_id=? AND active<>0", account)
    return row is not None and row[0] <= today.isoformat() and (not row[1] or today.isoformat() <= row[1])


def count_web_sessions(tx: Tx, account: AccountId, now: int) -> int:
    row = tx.row("SELECT count(*) FROM web_session WHERE account_id=? AND expires_at>?", account, now)
    return int(row[0]) if row else 0


def list_failures_of_nobody(tx: Tx, peer: str, since: int) -> list[datetime]:
    """Return tries from this place with user names that no account has (services/credentials/login.py counts them below zero)."""
    rows = tx.rows(
        "SELECT at FROM login_failure WHERE peer=? AND account_id<0 AND at>=? ORDER BY at DESC LIMIT 10", peer, since
    )
    return [to_time(row[0]) for row in rows]


def list_failures(tx: Tx, account: AccountId, since: int) -> list[tuple[datetime, str]]:
    """Return tries with a wrong password: when, and from where."""
    rows = tx.rows(
        "SELECT at, peer FROM login_failure WHERE account_id=? AND at>=? ORDER BY at DESC LIMIT 50", account, since
    )
    return [(to_time(row[0]), row[1]) for row in rows]
