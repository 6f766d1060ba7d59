"""Help cases, and the simple filters of the portal."""

from mailcore.store.engine.db import Tx

SQL = """
CREATE TABLE IF NOT EXISTS ticket (
    id INTEGER NOT NULL PRIMARY KEY, token TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    state TEXT NOT NULL, language TEXT NOT NULL, reply_to TEXT NOT NULL, account_id INTEGER, assignee_id INTEGER,
    merged_into INTEGER, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS ticketrow_account_id ON ticket (account_id);
CREATE INDEX IF NOT EXISTS ticketrow_changed_at ON ticket (changed_at);
CREATE INDEX IF NOT EXISTS ticketrow_state ON ticket (state);
CREATE UNIQUE INDEX IF NOT EXISTS ticketrow_token ON ticket (token);
CREATE TABLE IF NOT EXISTS ticket_message (
    id INTEGER NOT NULL PRIMARY KEY, ticket_id INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
    name TEXT NOT NULL, text TEXT NOT NULL, message_id TEXT NOT NULL, header TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ticketmessagerow_message_id ON ticket_message (message_id);
CREATE INDEX IF NOT EXISTS ticketmessagerow_ticket_id ON ticket_message (ticket_id);
CREATE TABLE IF NOT EXISTS ticket_file (
    id INTEGER NOT NULL PRIMARY KEY, message_id INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    size INTEGER NOT NULL, octets BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS ticketfilerow_message_id ON ticket_file (message_id);
CREATE TABLE IF NOT EXISTS ticket_source (
    id INTEGER NOT NULL PRIMARY KEY, source TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS ticketsourcerow_at ON ticket_source (at);
CREATE INDEX IF NOT EXISTS ticketsourcerow_source ON ticket_source (source);
CREATE TABLE IF NOT EXISTS filter_rule (
    account_id INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, conditions TEXT NOT NULL,
    actions TEXT NOT NULL, every INTEGER NOT NULL, enabled INTEGER NOT NULL, PRIMARY KEY (account_id, position)
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
