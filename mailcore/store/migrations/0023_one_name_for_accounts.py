"""A column that refers to an account has one name in all tables: `account_id`; indexes are called by their columns."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import rename_column

TABLES = (
    "annotation",
    "change",
    "delivery",
    "identity",
    "lost_subscription",
    "mail_setting",
    "mailbox",
    "queue",
    "search_wish",
    "sending_hold",
    "thread_id",
    "writing",
)
INDEXES = """
DROP INDEX IF EXISTS delivery_account;
CREATE INDEX IF NOT EXISTS delivery_account_id ON delivery (account_id);
DROP INDEX IF EXISTS identityrow_account;
CREATE INDEX IF NOT EXISTS identityrow_account_id ON identity (account_id);
DROP INDEX IF EXISTS mailbox_account_name;
CREATE UNIQUE INDEX IF NOT EXISTS mailbox_account_id_name ON mailbox (account_id, name);
DROP INDEX IF EXISTS threadid_account_thread;
CREATE INDEX IF NOT EXISTS threadid_account_id_thread ON thread_id (account_id, thread);
DROP INDEX IF EXISTS writing_account;
CREATE INDEX IF NOT EXISTS writing_account_id ON writing (account_id);
"""


def migrate(tx: Tx) -> None:
    for table in TABLES:
        rename_column(tx, table, "account", "account_id")
    tx.run(INDEXES)
