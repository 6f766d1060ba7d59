"""SCRAM, second factors, the log of log-ins, passwords for one use; warnings of full mailboxes."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS scram (
    credential_id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, generation INTEGER NOT NULL,
    iterations INTEGER NOT NULL, sealed TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS scramrow_account_id ON scram (account_id);
CREATE TABLE IF NOT EXISTS quota_extra (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL, octets INTEGER NOT NULL,
    at INTEGER NOT NULL, until INTEGER NOT NULL, ended_at INTEGER
);
CREATE INDEX IF NOT EXISTS quotaextrarow_account_id ON quota_extra (account_id);
CREATE TABLE IF NOT EXISTS quota_state (
    account_id INTEGER NOT NULL PRIMARY KEY, level INTEGER NOT NULL, refused_percent INTEGER
);
CREATE TABLE IF NOT EXISTS login_event (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, scope TEXT NOT NULL, source TEXT NOT NULL,
    credential INTEGER NOT NULL, place TEXT NOT NULL, agent TEXT NOT NULL, outcome TEXT NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, times INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS logineventrow_account_id_scope_source_credential_place_a_c1d96d0
    ON login_event (account_id, scope, source, credential, place, agent, outcome);
CREATE INDEX IF NOT EXISTS logineventrow_last_at ON login_event (last_at);
CREATE TABLE IF NOT EXISTS second_factor (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,
    handle TEXT NOT NULL, secret TEXT NOT NULL, counter INTEGER NOT NULL, active INTEGER NOT NULL,
    created_at INTEGER NOT NULL, last_used_at INTEGER
);
CREATE INDEX IF NOT EXISTS secondfactorrow_account_id ON second_factor (account_id);
CREATE INDEX IF NOT EXISTS secondfactorrow_handle ON second_factor (handle);
CREATE TABLE IF NOT EXISTS recovery_code (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, hash TEXT NOT NULL, used_at INTEGER
);
CREATE INDEX IF NOT EXISTS recoverycoderow_account_id ON recovery_code (account_id);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    add_column(tx, "credential", "scopes TEXT NOT NULL DEFAULT ''")
    add_column(tx, "credential", "chosen INTEGER NOT NULL DEFAULT 0")
    add_column(tx, "account", "epoch INTEGER NOT NULL DEFAULT 0")
    add_column(tx, "login_failure", "tag TEXT NOT NULL DEFAULT ''")
