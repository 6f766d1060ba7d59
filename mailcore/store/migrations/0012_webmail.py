"""The webmail: its lists, names to write under, drafts; contacts found in sent mail; summaries of all messages.

Summaries are derived: our reader of mail makes them as it reads today, but for the columns that the table has here.
"""

from mailcore.mail.asking.summary import summarise
from mailcore.mail.reading.fields import Header
from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS line (
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, who TEXT NOT NULL, subject TEXT NOT NULL, size INTEGER NOT NULL,
    thread INTEGER NOT NULL, PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS line_mailbox_size_uid ON line (mailbox, size, uid);
CREATE INDEX IF NOT EXISTS line_mailbox_subject_uid ON line (mailbox, subject, uid);
CREATE INDEX IF NOT EXISTS line_mailbox_thread_uid ON line (mailbox, thread, uid);
CREATE INDEX IF NOT EXISTS line_mailbox_who_uid ON line (mailbox, who, uid);
CREATE INDEX IF NOT EXISTS line_thread ON line (thread);
CREATE TABLE IF NOT EXISTS thread (
    mailbox INTEGER NOT NULL, thread INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (mailbox, thread)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS thread_mailbox_at_thread ON thread (mailbox, at, thread);
CREATE INDEX IF NOT EXISTS thread_thread ON thread (thread);
CREATE TABLE IF NOT EXISTS thread_id (
    account INTEGER NOT NULL, id BLOB NOT NULL, thread INTEGER NOT NULL, PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS threadid_account_thread ON thread_id (account, thread);
CREATE TABLE IF NOT EXISTS line_state (
    mailbox INTEGER NOT NULL PRIMARY KEY, uidvalidity INTEGER NOT NULL, modseq INTEGER NOT NULL,
    uid INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS mail_setting (
    account INTEGER NOT NULL PRIMARY KEY, data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS identity (
    id INTEGER NOT NULL PRIMARY KEY, account INTEGER NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL,
    signature TEXT NOT NULL, reply_to TEXT NOT NULL, first INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS identityrow_account ON identity (account);
CREATE TABLE IF NOT EXISTS writing (
    id INTEGER NOT NULL PRIMARY KEY, account INTEGER NOT NULL, data TEXT NOT NULL, draft INTEGER NOT NULL,
    state TEXT NOT NULL, send_at INTEGER NOT NULL, problem TEXT NOT NULL, changed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS writing_account ON writing (account);
CREATE INDEX IF NOT EXISTS writing_state_send_at ON writing (state, send_at);
CREATE TABLE IF NOT EXISTS writing_file (
    id INTEGER NOT NULL PRIMARY KEY, writing INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS writingfile_writing ON writing_file (writing);
CREATE TABLE IF NOT EXISTS writing_piece (
    file INTEGER NOT NULL, number INTEGER NOT NULL, octets BLOB NOT NULL, PRIMARY KEY (file, number)
);
"""

# columns of `summary`, and the names of what they hold in mail/asking/summary.py
COLUMNS = {
    "sent_at": "sent_at", "sent_day": "sent_day", "is_answer": "is_answer", "base": "base", "from_key": "from_key",
    "to_key": "to_key", "cc_key": "cc_key", "from_name": "from_name", "to_name": "to_name", "message_id": "message_id",
    "refs": "references", "subject": "subject", "sender": "sender", "recipient": "recipient", "cc": "cc", "bcc": "bcc",
    "usual": "usual",
}  # fmt: skip
INSERT = f"INSERT INTO summary (blob,{','.join(COLUMNS)}) VALUES (?{',?' * len(COLUMNS)})"  # noqa: S608 - our own columns


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    tx.run("CREATE INDEX IF NOT EXISTS message_by_date ON message (mailbox, internal_date, uid)")
    # unread and flagged messages are few, and so are their entries
    tx.run("CREATE INDEX IF NOT EXISTS message_unread ON message (mailbox, internal_date, uid) WHERE flags&1=0")
    tx.run("CREATE INDEX IF NOT EXISTS message_flagged ON message (mailbox, internal_date, uid) WHERE flags&4<>0")
    for name in ("note", "key"):
        add_column(tx, "contact", f"{name} TEXT NOT NULL DEFAULT ''")
    for name in ("collected", "times", "used_at"):
        add_column(tx, "contact", f"{name} INTEGER NOT NULL DEFAULT 0")
    _summarise_all(tx)


def _summarise_all(tx: Tx) -> None:
    """Write all summaries anew, but of those that only the queue names: the usual fields have their marks in front now."""
    tx.run("DELETE FROM summary")
    for (blob,) in tx.rows("SELECT id FROM blob WHERE length(structure)>0"):
        row = tx.row("SELECT header FROM blob WHERE id=?", blob)
        summary = summarise(Header(bytes(row[0]) if row else b""))
        tx.run(INSERT, blob, *(_sql_value(getattr(summary, name)) for name in COLUMNS.values()))


def _sql_value(value: object) -> object:
    """Lone surrogates, from octets that are no text, cannot be saved as UTF-8; NUL would end the text for SQL."""
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd") if isinstance(value, str) else value
