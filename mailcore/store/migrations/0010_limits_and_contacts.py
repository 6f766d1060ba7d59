"""Rates and greylisting, bounces of forwarded mail, the forwarding digest, contacts, transfers, contact addresses."""

from mailcore.store.engine.db import Tx

SQL = """
CREATE TABLE IF NOT EXISTS rate (
    key TEXT NOT NULL PRIMARY KEY, started_at INTEGER NOT NULL, count INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS raterow_started_at ON rate (started_at);
CREATE TABLE IF NOT EXISTS grey (
    key TEXT NOT NULL PRIMARY KEY, first_at INTEGER NOT NULL, passed_at INTEGER NOT NULL, seen_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS greyrow_seen_at ON grey (seen_at);
CREATE TABLE IF NOT EXISTS srs_return (
    token TEXT NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, sender TEXT NOT NULL, target TEXT NOT NULL,
    content BLOB NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS returnrow_at ON srs_return (at);
CREATE INDEX IF NOT EXISTS returnrow_content ON srs_return (content);
CREATE TABLE IF NOT EXISTS forwarding_question (
    account_id INTEGER NOT NULL PRIMARY KEY, hash TEXT NOT NULL, target TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS forwardingquestionrow_hash ON forwarding_question (hash);
CREATE TABLE IF NOT EXISTS held_back (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
    subject TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS heldbackrow_account_id ON held_back (account_id);
CREATE TABLE IF NOT EXISTS kept_copy (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, mailbox INTEGER NOT NULL, uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS keptcopyrow_account_id_at ON kept_copy (account_id, at);
CREATE TABLE IF NOT EXISTS search_wish (
    account INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS contact (
    account_id INTEGER NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL, added_at INTEGER NOT NULL,
    note TEXT NOT NULL, key TEXT NOT NULL, collected INTEGER NOT NULL, times INTEGER NOT NULL,
    used_at INTEGER NOT NULL, PRIMARY KEY (account_id, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocked_sender (
    account_id INTEGER NOT NULL, address TEXT NOT NULL, added_at INTEGER NOT NULL, PRIMARY KEY (account_id, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learn (
    id INTEGER NOT NULL PRIMARY KEY, blob INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS learnrow_at ON learn (at);
CREATE UNIQUE INDEX IF NOT EXISTS learnrow_blob ON learn (blob);
CREATE TABLE IF NOT EXISTS transfer (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, report TEXT NOT NULL,
    started_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS transferrow_account_id ON transfer (account_id);
CREATE TABLE IF NOT EXISTS sending_hold (
    account INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS reach (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, address TEXT NOT NULL,
    verified_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS reachrow_account_id_address ON reach (account_id, address);
CREATE TABLE IF NOT EXISTS recovery (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, agent TEXT NOT NULL, proof TEXT NOT NULL,
    send_to TEXT NOT NULL, ticket INTEGER, state TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS recoveryrow_account_id ON recovery (account_id);
CREATE TABLE IF NOT EXISTS tried (
    id INTEGER NOT NULL PRIMARY KEY, what TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS tryrow_at ON tried (at);
CREATE INDEX IF NOT EXISTS tryrow_what_at ON tried (what, at);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
