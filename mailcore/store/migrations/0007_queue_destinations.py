"""Trial messages to forwardings; servers elsewhere: their policies, failures and reports; the queue by domain."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS probe (
    id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, target TEXT NOT NULL, code TEXT NOT NULL,
    item INTEGER NOT NULL, at INTEGER NOT NULL, found TEXT NOT NULL, told_at INTEGER
);
CREATE INDEX IF NOT EXISTS proberow_account_id ON probe (account_id);
CREATE TABLE IF NOT EXISTS destination (
    domain TEXT NOT NULL PRIMARY KEY, failures INTEGER NOT NULL, until INTEGER NOT NULL, reply TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sts_policy (
    domain TEXT NOT NULL PRIMARY KEY, policy_id TEXT NOT NULL, mode TEXT NOT NULL, hosts TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS tls_result (
    id INTEGER NOT NULL PRIMARY KEY, day TEXT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL,
    host TEXT NOT NULL, result TEXT NOT NULL, count INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS tlsresultrow_day_domain_policy_host_result
    ON tls_result (day, domain, policy, host, result);
CREATE TABLE IF NOT EXISTS dmarc_result (
    id INTEGER NOT NULL PRIMARY KEY, day TEXT NOT NULL, domain TEXT NOT NULL, ip TEXT NOT NULL,
    author TEXT NOT NULL, envelope TEXT NOT NULL, disposition TEXT NOT NULL, spf_aligned INTEGER NOT NULL,
    dkim_aligned INTEGER NOT NULL, spf TEXT NOT NULL, dkim TEXT NOT NULL, count INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS dmarcresultrow_day_domain_ip_author_envelope_disposition_512c839
    ON dmarc_result (day, domain, ip, author, envelope, disposition, spf_aligned, dkim_aligned, spf, dkim);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    for name in ("domain", "leased_by"):
        add_column(tx, "queue", f"{name} TEXT NOT NULL DEFAULT ''")
    tx.run("UPDATE queue SET domain=lower(substr(recipient, instr(recipient, '@') + 1)) WHERE domain=''")
