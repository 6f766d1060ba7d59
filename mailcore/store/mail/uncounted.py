"""Blobs that no quota counts: newsletters of the service, stored once for everybody (S18, N13).

A message counts by its blob alone, wherever it stands and however it came there: delivery, COPY, EXPUNGE and the check of the
quotas ask the same question, so that they agree.
"""

from mailcore.store.engine.db import Tx

# of a message, as an expression; `m.` may stand before it
IS_UNCOUNTED = "blob IN (SELECT blob FROM uncounted_blob)"


def mark_uncounted(tx: Tx, blob: int) -> None:
    """Let a blob count against no quota.  For one that no message names yet: what was counted would be given back never."""
    tx.run("INSERT INTO uncounted_blob (blob) VALUES (?) ON CONFLICT (blob) DO NOTHING", blob)
