"""Blobs that were stored by an earlier reader of mail, read anew behind what answers people.

The row `reread` of `setting` says how far that is: the last blob that was read anew, and the last that must be.
"""

from mailcore.mail.asking.derived import Derived
from mailcore.store.engine.db import Tx
from mailcore.store.mail import summaries


def begin_rereading(tx: Tx) -> None:
    """Start the rereading, for migrations: data derived from messages is derived differently from now on."""
    tx.run("DELETE FROM setting WHERE key='reread'")
    tx.run("INSERT INTO setting (key,value) SELECT 'reread', '0/' || MAX(id) FROM blob HAVING MAX(id)>0")


def is_begun(tx: Tx) -> bool:
    """Return True until `finish_rereading`, also when no blob is left to be read."""
    return tx.row("SELECT 1 FROM setting WHERE key='reread'") is not None


def list_pending(tx: Tx, most: int, octets: int) -> list[int]:
    """Return the next blobs to be read anew, at most so many and of so many octets, but at least one."""
    row = tx.row("SELECT value FROM setting WHERE key='reread'")
    if row is None:
        return []
    done, _, last = str(row[0]).partition("/")
    found: list[int] = []
    for blob, size in tx.rows(
        "SELECT id, size FROM blob WHERE id>? AND id<=? AND length(structure)>0 ORDER BY id LIMIT ?",
        int(done),
        int(last),
        most,
    ):
        octets -= size
        if found and octets < 0:
            break
        found.append(blob)
    return found


def save_reread(tx: Tx, read: list[tuple[int, Derived | None]]) -> None:
    """Save what was derived anew; None for a blob that could not be read, which stays as it is."""
    for blob, derived in read:
        if derived is None:
            continue
        tx.run(
            "UPDATE blob SET envelope=?, body=?, structure=? WHERE id=?",
            derived.envelope,
            derived.body,
            derived.structure,
            blob,
        )
        tx.run("DELETE FROM summary WHERE blob=?", blob)
        summaries.save_summary(tx, blob, derived.summary)
    row = tx.row("SELECT value FROM setting WHERE key='reread'")
    if row and read:
        tx.run("UPDATE setting SET value=? WHERE key='reread'", f"{read[-1][0]}/{str(row[0]).partition('/')[2]}")


def finish_rereading(tx: Tx) -> bool:
    """End the rereading; return True if there was one: lists are built anew then, as their keys come from summaries."""
    if not is_begun(tx):
        return False
    for sql in (
        "DELETE FROM line",
        "DELETE FROM thread",
        "DELETE FROM line_state",
        "DELETE FROM setting WHERE key='reread'",
    ):
        tx.run(sql)
    return True
