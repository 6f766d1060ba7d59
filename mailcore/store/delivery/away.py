"""Out-of-office replies as SQL."""

from datetime import date

from mailcore.domain import AccountId, Away
from mailcore.store.engine.db import Tx


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def get_away(tx: Tx, account: AccountId) -> Away:
    row = tx.row("SELECT active,first_day,last_day,subject,text FROM away WHERE account_id=?", account)
    return Away(bool(row[0]), _day(row[1]), _day(row[2]), row[3], row[4]) if row else Away()


def save_away(tx: Tx, account: AccountId, away: Away) -> None:
    days = [day.isoformat() if day else "" for day in (away.first_day, away.last_day)]
    tx.run(
        "INSERT INTO away (account_id,active,first_day,last_day,subject,text) VALUES (?,?,?,?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET active=excluded.active, first_day=excluded.first_day,"
        " last_day=excluded.last_day, subject=excluded.subject, text=excluded.text",
        account,
        away.active,
        *days,
        away.subject,
        away.text,
    )
