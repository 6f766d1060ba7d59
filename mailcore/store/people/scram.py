"""SCRAM verifiers as SQL; they are saved sealed (services/credentials/scram.py)."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.people.credentials import Credential


def list_verifiers(tx: Tx, account: AccountId) -> dict[int, tuple[int, str]]:
    """Return iterations and the sealed keys of the account's present passwords, by credential."""
    rows = tx.rows(
        "SELECT c.id, s.iterations, s.sealed FROM scram s"
        " JOIN credential c ON c.id=s.credential_id AND c.generation=s.generation WHERE s.account_id=?",
        account,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def has_verifier(tx: Tx, credential: Credential) -> bool:
    return (
        tx.row("SELECT 1 FROM scram WHERE credential_id=? AND generation=?", credential.id, credential.generation)
        is not None
    )


def save_verifier(tx: Tx, credential: Credential, iterations: int, sealed: str) -> None:
    tx.run(
        "INSERT INTO scram (credential_id,account_id,generation,iterations,sealed) VALUES (?,?,?,?,?)"
        " ON CONFLICT (credential_id) DO UPDATE SET account_id=excluded.account_id,"
        " generation=excluded.generation, iterations=excluded.iterations, sealed=excluded.sealed",
        credential.id,
        credential.account,
        credential.generation,
        iterations,
        sealed,
    )


def is_one_missing(tx: Tx) -> bool:
    """Is there an active account with a password that SCRAM cannot check?"""
    return (
        tx.row(
            "SELECT 1 FROM credential c JOIN account a ON a.id=c.account_id AND a.state='active' WHERE NOT EXISTS"
            " (SELECT 1 FROM scram s WHERE s.credential_id=c.id AND s.generation=c.generation) LIMIT 1"
        )
        is not None
    )
