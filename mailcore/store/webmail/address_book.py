"""Address book of an account, which the webmail keeps and scripts ask, and identities, as SQL."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.engine.tx import Statement

_CONTACT = "address,name,note,collected,times"
_IDENTITY = "id,name,address,signature,reply_to,first"


@dataclass(frozen=True, slots=True)
class Contact:
    """`collected`: found in sent mail, not entered by hand; `times` it was written to."""

    address: str
    name: str
    note: str = ""
    collected: bool = False
    times: int = 0


@dataclass(frozen=True, slots=True)
class WriterName:
    """A name to write under: `address` is one of the account's, `first` the one that is taken unless chosen."""

    id: int
    name: str
    address: str
    signature: str = ""
    reply_to: str = ""
    first: bool = False


def list_contacts(tx: Tx, account: AccountId) -> list[Contact]:
    """Return the account's contacts, by name."""
    rows = tx.rows(
        f"SELECT {_CONTACT} FROM contact WHERE account_id=? ORDER BY lower(CASE name WHEN '' THEN address ELSE name END)",  # noqa: S608
        account,
    )
    return [Contact(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows]


def list_contact_addresses(tx: Tx, account: AccountId) -> list[str]:
    """Return the addresses of the account's contacts, by name."""
    rows = tx.rows("SELECT address FROM contact WHERE account_id=? ORDER BY lower(name), address", account)
    return [row[0] for row in rows]


def has_contact(tx: Tx, account: AccountId, address: str) -> bool:
    """Say if the address, in lower case, is in the book."""
    return tx.row("SELECT 1 FROM contact WHERE account_id=? AND address=?", account, address) is not None


def ask_for_knowing(accounts: Collection[AccountId], address: str) -> Statement:
    """Ask which of the accounts have the address, in lower case, in their books."""
    sql = "SELECT account_id FROM contact WHERE account_id IN (SELECT value FROM json_each(?)) AND address=?"
    return sql, (json.dumps([*accounts]), address)


def list_completions(tx: Tx, account: AccountId, words: str, most: int) -> list[Contact]:
    """Return contacts whose name or address has a word that begins so, most used first."""
    plain = words.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = tx.rows(
        f"SELECT {_CONTACT} FROM contact WHERE account_id=? AND key LIKE ? ESCAPE '\\'"  # noqa: S608
        f" ORDER BY times DESC, used_at DESC, address LIMIT {most:d}",
        account,
        f"% {plain}%",
    )
    return [Contact(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows]


def spell_key(name: str, address: str) -> str:
    """Spell a contact as `list_completions` looks for it: each word behind a space."""
    return f" {name.casefold()} {address}"


def count_contacts(tx: Tx, account: AccountId) -> int:
    row = tx.row("SELECT count(*) FROM contact WHERE account_id=?", account)
    return int(row[0]) if row else 0


def list_domains(tx: Tx, account: AccountId, most: int) -> list[str]:
    rows = tx.rows(
        "SELECT DISTINCT substr(address, instr(address,'@')+1) FROM contact WHERE account_id=? AND times>0"  # noqa: S608
        f" LIMIT {most:d}",
        account,
    )
    return [row[0] for row in rows]


def collect_contacts(tx: Tx, account: AccountId, found: Iterable[tuple[str, str]], now: int) -> None:
    """Add people who were written to, as (name, address); a name that is there already stays."""
    tx.many(
        "INSERT INTO contact (account_id,address,name,note,key,collected,times,used_at,added_at) VALUES (?,?,?,'',?,1,1,?,?)"
        " ON CONFLICT (account_id,address) DO UPDATE SET times=contact.times+1, used_at=excluded.used_at,"
        " key=CASE contact.name WHEN '' THEN excluded.key ELSE contact.key END,"
        " name=CASE contact.name WHEN '' THEN excluded.name ELSE contact.name END",
        [(account, address, name, spell_key(name, address), now, now) for name, address in found],
    )


def delete_contact(tx: Tx, account: AccountId, addresses: Iterable[str]) -> int:
    return sum(tx.run("DELETE FROM contact WHERE account_id=? AND address=?", account, one) for one in addresses)


def list_identities(tx: Tx, account: AccountId) -> list[WriterName]:
    rows = tx.rows(f"SELECT {_IDENTITY} FROM identity WHERE account_id=? ORDER BY first DESC, id", account)  # noqa: S608
    return [WriterName(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in rows]


def save_identity(tx: Tx, account: AccountId, wish: WriterName) -> None:
    """Save an identity; a new one if its id is 0."""
    if wish.first:
        tx.run("UPDATE identity SET first=0 WHERE account_id=?", account)
    values = (wish.name, wish.address, wish.signature, wish.reply_to, int(wish.first))
    if wish.id:
        tx.run(
            "UPDATE identity SET name=?,address=?,signature=?,reply_to=?,first=? WHERE account_id=? AND id=?",
            *values,
            account,
            wish.id,
        )
    else:
        tx.run(
            "INSERT INTO identity (account_id,name,address,signature,reply_to,first) VALUES (?,?,?,?,?,?)",
            account,
            *values,
        )


def move_identities(tx: Tx, account: AccountId, former: str, address: str) -> None:
    """Let identities with an address have another one."""
    tx.run("UPDATE identity SET address=? WHERE account_id=? AND lower(address)=?", address, account, former)


def rename_identities(tx: Tx, account: AccountId, former: str, name: str) -> None:
    """Let identities with a name have another one."""
    tx.run("UPDATE identity SET name=? WHERE account_id=? AND name=?", name, account, former)


def delete_identity(tx: Tx, account: AccountId, id_: int) -> None:
    tx.run("DELETE FROM identity WHERE account_id=? AND id=?", account, id_)
