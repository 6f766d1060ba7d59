"""SCRAM verifiers as SQL."""

from mailcore.domain import AccountId
from mailcore.store.db import Tx
from mailcore.store.people import Credential
from mailcore.wire.sasl import Verifier


def of(tx: Tx, account: AccountId) -> list[Verifier]:
    """Those of the account's present passwords."""
    rows = tx.rows(
        "SELECT s.salt, s.iterations, s.stored_key, s.server_key FROM scram s"
        " JOIN credential c ON c.id=s.credential_id AND c.generation=s.generation WHERE s.account_id=? ORDER BY c.id",
        account,
    )
    return [Verifier(bytes(row[0]), row[1], bytes(row[2]), bytes(row[3])) for row in rows]


def salt_of(tx: Tx, account: AccountId) -> tuple[bytes, int] | None:
    """The salt and iterations that the account's verifiers share, also those that are out of date."""
    row = tx.row("SELECT salt, iterations FROM scram WHERE account_id=? ORDER BY credential_id LIMIT 1", account)
    return (bytes(row[0]), row[1]) if row else None


def has(tx: Tx, credential: Credential) -> bool:
    return (
        tx.row("SELECT 1 FROM scram WHERE credential_id=? AND generation=?", credential.id, credential.generation)
        is not None
    )


def save(tx: Tx, credential: Credential, verifier: Verifier) -> None:
    tx.run(
        "INSERT OR REPLACE INTO scram (credential_id,account_id,generation,salt,iterations,stored_key,server_key)"
        " VALUES (?,?,?,?,?,?,?)",
        credential.id, credential.account, credential.generation, verifier.salt, verifier.iterations,
        verifier.stored_key, verifier.server_key,
    )  # fmt: skip


def somebody_lacks_one(tx: Tx) -> bool:
    """Is there an active account with a password that SCRAM cannot check?"""
    return (
        tx.row(
            "SELECT 1 FROM credential c JOIN account a ON a.id=c.account_id AND a.state='active' WHERE NOT EXISTS"
            " (SELECT 1 FROM scram s WHERE s.credential_id=c.id AND s.generation=c.generation) LIMIT 1"
        )
        is not None
    )
