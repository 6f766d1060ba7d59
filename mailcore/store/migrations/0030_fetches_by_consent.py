"""Mail is fetched by consent at a provider, too: `provider` is its name, "" where there is a password."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "mail_fetch", "provider TEXT NOT NULL DEFAULT ''")
