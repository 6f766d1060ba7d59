"""Ready texts of an account as SQL."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class ReadyText:
    """A text to begin a message with, by its name."""

    name: str
    text: str


def list_texts(tx: Tx, account: AccountId) -> list[ReadyText]:
    rows = tx.rows("SELECT name, text FROM ready_text WHERE account_id=? ORDER BY name", account)
    return [ReadyText(*row) for row in rows]


def save_text(tx: Tx, account: AccountId, text: ReadyText) -> None:
    tx.run(
        "INSERT INTO ready_text (account_id,name,text) VALUES (?,?,?)"
        " ON CONFLICT (account_id,name) DO UPDATE SET text=excluded.text",
        account,
        text.name,
        text.text,
    )


def delete_text(tx: Tx, account: AccountId, name: str) -> None:
    tx.run("DELETE FROM ready_text WHERE account_id=? AND name=?", account, name)
