"""People and groups of identity systems (SCIM), and the tokens of programs that ask us."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS provisioned (
  id TEXT NOT NULL PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, external TEXT NOT NULL, person TEXT NOT NULL,
  text TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS provisionedrow_type_name ON provisioned (type, name);
CREATE INDEX IF NOT EXISTS provisionedrow_type_external ON provisioned (type, external);
CREATE INDEX IF NOT EXISTS provisionedrow_person ON provisioned (person);
CREATE TABLE IF NOT EXISTS provisioned_member (
  group_id TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY (group_id, member));
CREATE INDEX IF NOT EXISTS provisionedmemberrow_member ON provisioned_member (member);
CREATE TABLE IF NOT EXISTS api_token (
  id INTEGER NOT NULL PRIMARY KEY, label TEXT NOT NULL, hash TEXT NOT NULL, scope TEXT NOT NULL,
  created_at INTEGER NOT NULL, last_used_at INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS apitokenrow_hash ON api_token (hash);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
