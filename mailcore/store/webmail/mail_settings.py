"""A person's settings of the webmail, as the JSON of services/webmail/mail_settings.py."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def get_settings(tx: Tx, account: AccountId) -> str:
    row = tx.row("SELECT data FROM mail_setting WHERE account_id=?", account)
    return str(row[0]) if row else ""


def save_settings(tx: Tx, account: AccountId, data: str) -> None:
    tx.run(
        "INSERT INTO mail_setting (account_id,data) VALUES (?,?) ON CONFLICT (account_id) DO UPDATE SET data=excluded.data",
        account,
        data,
    )
