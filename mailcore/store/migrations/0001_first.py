"""The first tables: mail, its queue, people.

They have some columns that later steps add to older databases; those steps look first.
"""

from mailcore.store.engine.db import Tx

SQL = """
CREATE TABLE IF NOT EXISTS setting (
    key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS blob (
    id INTEGER NOT NULL PRIMARY KEY, name BLOB NOT NULL, size INTEGER NOT NULL, header BLOB NOT NULL,
    envelope BLOB NOT NULL, body BLOB NOT NULL, structure BLOB NOT NULL, stored_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS blob_name ON blob (name);
CREATE TABLE IF NOT EXISTS blob_octets (
    blob INTEGER NOT NULL PRIMARY KEY, octets BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS mailbox (
    id INTEGER NOT NULL PRIMARY KEY, account INTEGER NOT NULL, name TEXT NOT NULL, uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,
    octets INTEGER NOT NULL, special_use TEXT NOT NULL, subscribed INTEGER NOT NULL,
    purged INTEGER NOT NULL DEFAULT 0, keywords TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS mailbox_account_name ON mailbox (account, name);
CREATE TABLE IF NOT EXISTS message (
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, flags INTEGER NOT NULL, keywords TEXT NOT NULL,
    modseq INTEGER NOT NULL, internal_date INTEGER NOT NULL, size INTEGER NOT NULL, blob INTEGER NOT NULL,
    prefix BLOB NOT NULL, zone INTEGER NOT NULL, saved_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_blob ON message (blob);
CREATE INDEX IF NOT EXISTS message_mailbox_modseq ON message (mailbox, modseq);
CREATE TABLE IF NOT EXISTS change (
    id INTEGER NOT NULL PRIMARY KEY, account INTEGER NOT NULL, mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL,
    kind TEXT NOT NULL, uids TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER NOT NULL PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL, domain TEXT NOT NULL,
    blob INTEGER NOT NULL, prefix BLOB NOT NULL, account INTEGER, origin TEXT NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL, created_at INTEGER NOT NULL, next_at INTEGER NOT NULL, leased_until INTEGER NOT NULL,
    leased_by TEXT NOT NULL, last_reply TEXT NOT NULL, delay_told INTEGER NOT NULL, notify TEXT NOT NULL,
    ret TEXT NOT NULL, orcpt TEXT NOT NULL, envid TEXT NOT NULL, require_tls INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS queueitem_blob ON queue (blob);
CREATE INDEX IF NOT EXISTS queueitem_state_next_at ON queue (state, next_at);
CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER NOT NULL PRIMARY KEY, item INTEGER NOT NULL, at INTEGER NOT NULL, host TEXT NOT NULL,
    code INTEGER NOT NULL, reply TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS attempt_item ON attempt (item);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER NOT NULL PRIMARY KEY, account INTEGER NOT NULL, at INTEGER NOT NULL, sender TEXT NOT NULL,
    address TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, blob INTEGER NOT NULL,
    subject BLOB NOT NULL, author BLOB NOT NULL, message_id TEXT NOT NULL, content BLOB NOT NULL,
    size INTEGER NOT NULL, checks TEXT NOT NULL, rules TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_account ON delivery (account);
CREATE TABLE IF NOT EXISTS account (
    id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, display_name TEXT NOT NULL, person TEXT,
    quota INTEGER NOT NULL, used INTEGER NOT NULL, language TEXT NOT NULL, contact TEXT NOT NULL,
    state TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL, closed_at INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS accountrow_name ON account (name);
CREATE UNIQUE INDEX IF NOT EXISTS accountrow_person ON account (person);
CREATE TABLE IF NOT EXISTS address (
    id INTEGER NOT NULL PRIMARY KEY, localpart TEXT NOT NULL, domain TEXT NOT NULL, account_id INTEGER,
    created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS addressrow_account_id ON address (account_id);
CREATE UNIQUE INDEX IF NOT EXISTS addressrow_localpart_domain ON address (localpart, domain);
CREATE TABLE IF NOT EXISTS credential (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL,
    label TEXT NOT NULL, generation INTEGER NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER
);
CREATE INDEX IF NOT EXISTS credentialrow_account_id ON credential (account_id);
CREATE TABLE IF NOT EXISTS token (
    id INTEGER NOT NULL PRIMARY KEY, hash TEXT NOT NULL, account_id INTEGER NOT NULL, purpose TEXT NOT NULL,
    data TEXT NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER
);
CREATE INDEX IF NOT EXISTS tokenrow_account_id ON token (account_id);
CREATE UNIQUE INDEX IF NOT EXISTS tokenrow_hash ON token (hash);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER NOT NULL PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT NOT NULL,
    contact TEXT NOT NULL, affiliation TEXT NOT NULL, state TEXT NOT NULL, language TEXT NOT NULL,
    terms TEXT NOT NULL, created_at INTEGER NOT NULL, decided_at INTEGER, account_id INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS orderrow_key ON orders (key);
CREATE INDEX IF NOT EXISTS orderrow_state ON orders (state);
CREATE TABLE IF NOT EXISTS forwarding (
    account_id INTEGER NOT NULL PRIMARY KEY, target TEXT NOT NULL, state TEXT NOT NULL, copy INTEGER NOT NULL,
    failures INTEGER NOT NULL, last_reply TEXT NOT NULL, confirmed_at INTEGER, token TEXT NOT NULL,
    unsafe TEXT NOT NULL, digest INTEGER NOT NULL, rolling_days INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS script (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL,
    active INTEGER NOT NULL, origin TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS scriptrow_account_id_origin_name ON script (account_id, origin, name);
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER, at INTEGER NOT NULL, actor TEXT NOT NULL,
    event TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS auditrow_account_id ON audit (account_id);
CREATE TABLE IF NOT EXISTS login_failure (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER, peer TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS loginfailurerow_peer_at ON login_failure (peer, at);
CREATE TABLE IF NOT EXISTS web_session (
    id TEXT NOT NULL PRIMARY KEY, account_id INTEGER, data TEXT NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS websessionrow_account_id ON web_session (account_id);
CREATE INDEX IF NOT EXISTS websessionrow_expires_at ON web_session (expires_at);
CREATE TABLE IF NOT EXISTS vacation_memory (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, handle TEXT NOT NULL, sender TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS vacationmemoryrow_account_id_handle_sender
    ON vacation_memory (account_id, handle, sender);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
