"""Passwords, app passwords and failed log-ins as SQL.  The rules stand in services/credentials/login.py."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import Account, AccountId, Scope
from mailcore.store.engine.db import Row, Tx
from mailcore.store.people.accounts import ACCOUNT_COLUMNS, account_of
from mailcore.store.people.addresses import find_address_of_login

_COLUMNS = "id,account_id,kind,hash,generation,scopes,label,created_at,last_used_at,breached"


class CredentialKind(StrEnum):
    """Kind of a Credential: the account's own password, or one of its app passwords."""

    PASSWORD = "password"  # noqa: S105 - the kind, no password
    APP = "app"


@dataclass(frozen=True, slots=True)
class Credential:
    """`generation` changes whenever the hash does.  `breached`: it stands in a list of breaches."""

    id: int
    account: AccountId
    kind: CredentialKind
    hash: str
    generation: int
    scopes: frozenset[Scope]
    label: str
    created_at: datetime
    last_used_at: datetime | None
    breached: bool = False

    def __repr__(self) -> str:  # never let a hash reach a log
        return f"Credential({self.id}, {self.kind})"


@dataclass(frozen=True, slots=True)
class Holder:
    """An active account and all that may open it."""

    account: Account
    epoch: int
    password: Credential | None
    apps: tuple[Credential, ...]
    two_factor: bool


def _credential(row: Row) -> Credential:
    number, account, kind, hashed, generation, scopes, label, created, used, breached = row
    return Credential(
        number,
        AccountId(account),
        CredentialKind(kind),
        hashed,
        generation,
        frozenset(Scope(s) for s in scopes.split()),
        label,
        to_time(created),
        None if used is None else to_time(used),
        bool(breached),
    )


_HOLDER = (
    f"SELECT {ACCOUNT_COLUMNS}, epoch, EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id=account.id"  # noqa: S608
    " AND f.active<>0 AND f.kind<>'passkey') FROM account WHERE state='active' AND "
)


_CREDENTIALS = f"SELECT {_COLUMNS} FROM credential WHERE account_id=? ORDER BY id"  # noqa: S608
_CREDENTIALS_OF_NAME = (
    f"SELECT {_COLUMNS} FROM credential WHERE account_id=(SELECT id FROM account WHERE name=?) ORDER BY id"  # noqa: S608
)


def find_holder(tx: Tx, name: str) -> Holder | None:
    """Return the active account of a user name, or of another of its addresses (`login.to_local_name`), with its passwords."""
    rows, credentials = tx.ask([(f"{_HOLDER}name=?", (name,)), (_CREDENTIALS_OF_NAME, (name,))])
    if not rows:
        owner = find_address_of_login(tx, name)
        rows = tx.rows(f"{_HOLDER}id=?", owner) if owner is not None else []
        credentials = tx.rows(_CREDENTIALS, owner) if rows else []
    if not rows:
        return None
    [row] = rows
    account, found = account_of(row[:-2]), [_credential(one) for one in credentials]
    password = next((c for c in found if c.kind == CredentialKind.PASSWORD), None)
    return Holder(account, row[-2], password, tuple(c for c in found if c.kind == CredentialKind.APP), bool(row[-1]))


def list_credentials(tx: Tx, account: AccountId) -> list[Credential]:
    return [_credential(row) for row in tx.rows(_CREDENTIALS, account)]


def save_password(tx: Tx, account: AccountId, hashed: str, now: int, *, chosen: bool) -> None:
    """Save the account's password; `chosen`: by the person, not by staff or an import."""
    changed = tx.run(
        "UPDATE credential SET hash=?, generation=generation+1, chosen=?, last_used_at=NULL, created_at=?, breached=0"
        " WHERE account_id=? AND kind='password'",
        hashed,
        chosen,
        now,
        account,
    )
    if not changed:
        tx.run(
            "INSERT INTO credential (account_id,kind,hash,label,generation,created_at,chosen)"
            " VALUES (?,'password',?,'',1,?,?)",
            account,
            hashed,
            now,
            chosen,
        )


def replace_hash(tx: Tx, credential: Credential, hashed: str) -> None:
    """Save the same password hashed better; only if nobody changed it meanwhile."""
    tx.run(
        "UPDATE credential SET hash=?, generation=generation+1 WHERE id=? AND generation=?",
        hashed,
        credential.id,
        credential.generation,
    )


def is_breached(tx: Tx, account: AccountId) -> bool:
    """Say if the account's password stands in a list of breaches."""
    sql = "SELECT 1 FROM credential WHERE account_id=? AND kind='password' AND breached<>0"
    return tx.row(sql, account) is not None


def mark_breached(tx: Tx, credential: Credential) -> bool:
    """Mark a password as one of a list of breaches; True the first time."""
    return (
        tx.run(
            "UPDATE credential SET breached=1 WHERE id=? AND generation=? AND breached=0",
            credential.id,
            credential.generation,
        )
        > 0
    )


def add_app_password(tx: Tx, account: AccountId, hashed: str, label: str, scopes: frozenset[Scope], now: int) -> int:
    return tx.insert(
        "INSERT INTO credential (account_id,kind,hash,label,scopes,generation,created_at,chosen)"
        " VALUES (?,'app',?,?,?,1,?,0)",
        account,
        hashed,
        label,
        " ".join(sorted(scopes)),
        now,
    )


def delete_app_passwords(tx: Tx, account: AccountId, credential: int | None = None) -> int:
    """Delete one app password, or all; return how many there were."""
    return tx.run(
        "DELETE FROM credential WHERE account_id=? AND kind='app' AND (CAST(? AS INTEGER) IS NULL OR id=?)",
        account,
        credential,
        credential,
    )


def note_use(tx: Tx, credential: int, now: int) -> None:
    tx.run("UPDATE credential SET last_used_at=? WHERE id=?", now, credential)


def note_password_use(tx: Tx, account: AccountId, now: int) -> None:
    tx.run("UPDATE credential SET last_used_at=? WHERE account_id=? AND kind='password'", now, account)


def raise_epoch(tx: Tx, account: AccountId) -> int:
    """Invalidate all connections of the account from now on; return the new epoch."""
    tx.run("UPDATE account SET epoch=epoch+1 WHERE id=?", account)
    return get_epoch(tx, account) or 0


def get_epoch(tx: Tx, account: AccountId) -> int | None:
    """Return the account's epoch; None if the account is not active."""
    row = tx.row("SELECT epoch FROM account WHERE id=? AND state='active'", account)
    return int(row[0]) if row else None


def has_credential(tx: Tx, credential: int) -> bool:
    return tx.row("SELECT 1 FROM credential WHERE id=?", credential) is not None


# Failed log-ins


@dataclass(frozen=True, slots=True)
class Failures:
    """Within the last hour.  `known`: this peer logged in to this account lately."""

    here: int
    account: int
    peer: int
    known: bool


_IS_KNOWN_PLACE = "SELECT 1 FROM login_event WHERE account_id=? AND place=? AND outcome='ok' AND last_at>? LIMIT 1"


def count_failures(tx: Tx, account: AccountId, peer: str, since: int, known_since: int) -> Failures:
    """Count failed log-ins; `here` is of this account from this peer.  A name that is nobody's has a number below nought."""
    here, whole, all_here, known = tx.ask(
        [
            ("SELECT count(*) FROM login_failure WHERE peer=? AND at>? AND account_id=?", (peer, since, account)),
            ("SELECT count(*) FROM login_failure WHERE account_id=? AND at>?", (account, since)),
            ("SELECT count(*) FROM login_failure WHERE peer=? AND at>?", (peer, since)),
            (_IS_KNOWN_PLACE, (account, peer, known_since)),
        ]
    )
    return Failures(here[0][0], whole[0][0], all_here[0][0], bool(known))


def count_failures_here(tx: Tx, account: AccountId, peer: str, since: int) -> int:
    row = tx.row("SELECT count(*) FROM login_failure WHERE peer=? AND at>? AND account_id=?", peer, since, account)
    return int(row[0]) if row else 0


def is_known_place(tx: Tx, account: AccountId, place: str, since: int) -> bool:
    """Was there a log-in from that place?"""
    return tx.row(_IS_KNOWN_PLACE, account, place, since) is not None


def add_failure(tx: Tx, account: AccountId, peer: str, at: int, tag: str, since: int) -> bool:
    """Count a failed log-in; return False if the same wrong password was counted since then: a phone has an old one."""
    tx.run("DELETE FROM login_failure WHERE at<?", at - 86_400)
    if tag and tx.row(
        "SELECT 1 FROM login_failure WHERE peer=? AND account_id=? AND tag=? AND at>?", peer, account, tag, since
    ):
        return False
    tx.run("INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,?,?,?)", account, peer, at, tag)
    return True
