"""Accounts whose search index is to be created or brought up to date, and what an index must know, as SQL."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def add_wish(tx: Tx, account: AccountId, now: int) -> None:
    """Ask for the account's index; an earlier wish stands."""
    tx.run("INSERT INTO search_wish (account_id,at) VALUES (?,?) ON CONFLICT (account_id) DO NOTHING", account, now)


def list_wishes(tx: Tx) -> list[tuple[AccountId, int]]:
    """Return the accounts, and when each was asked for."""
    return [(AccountId(row[0]), row[1]) for row in tx.rows("SELECT account_id, at FROM search_wish")]


def delete_wish(tx: Tx, account: AccountId, at: int) -> None:
    """Delete a wish that is fulfilled, unless it was made after `at`."""
    tx.run("DELETE FROM search_wish WHERE account_id=? AND at<=?", account, at)


def get_blob_sizes(tx: Tx, account: AccountId) -> dict[int, int]:
    """Return the blobs of the account's messages, and their octets."""
    sql = "SELECT m.blob, m.size FROM message m JOIN mailbox b ON b.id=m.mailbox WHERE b.account_id=?"
    return dict(tx.rows(sql, account))


def find_newest_change(tx: Tx, account: AccountId) -> int:
    """Return the newest entry of the change log for the account's mailboxes."""
    sql = "SELECT COALESCE(MAX(c.id),0) FROM mailbox b JOIN change c ON c.mailbox=b.id WHERE b.account_id=?"
    row = tx.row(sql, account)
    return row[0] if row else 0
