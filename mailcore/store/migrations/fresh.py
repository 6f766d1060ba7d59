"""The newest schema for a database of PostgreSQL that is new, taken from the migrations themselves.

They run on a database of SQLite in memory; what they leave is spelled anew for PostgreSQL.  So one text makes a table for
both, with the defaults of its columns, and a migration of tomorrow runs on both as it stands.
"""

from playhouse.apsw_ext import APSWDatabase

from mailcore.store.engine.dialect import spell_for_postgres
from mailcore.store.migrations.runner import migrate

# A change of flags rewrites no index there, if none names flags or modseq: 17 ms for 10,000 messages, 152 with these.
# What they find is found by a walk of the primary key (docs/decisions/024).
SQLITE_ALONE = {"message_unseen", "message_unread", "message_flagged", "message_mailbox_modseq"}
ALTERED = (
    "ALTER TABLE message SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)",
    # any octets, which SQLite's column of text takes as they are
    "ALTER TABLE annotation ALTER COLUMN value TYPE bytea USING convert_to(value, 'LATIN1')",
)


def list_schema_statements() -> list[str]:
    """Return the statements that make all tables and indexes, as they are after all migrations."""
    migrated = APSWDatabase(":memory:")
    migrated.connect()
    try:
        migrate(migrated, 0)
        rows = migrated.connection().execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid"
        )
        return [*(spell_for_postgres(str(sql)) for name, sql in rows if name not in SQLITE_ALONE), *ALTERED]
    finally:
        migrated.close()
