"""The death of blobs, in two steps, so that no sweep meets somebody who is about to name one.

A blob that nothing names is marked (`blob.dead_at`); whoever saves the same octets takes the mark away.  A day later its row
goes, if still nothing names it; octets outside of the database become an *orphan*, and have a day more, as a backup may be
about to read them.  Then they are *doomed*, which commits before anything is removed: who saves them from now on stores them
anew, as its own look at them may have been too early.  The removal holds the orphan's row, so that such a one waits; and the
row stays for another day, for those who stored before and have not saved yet.

Octets that never had a row, as their message was refused or a process was killed, are found by listing, and become orphans.
"""

from collections.abc import Sequence

from mailcore.store.engine.db import Tx
from mailcore.store.engine.values import get_value, save_value
from mailcore.store.objects.contract import TURNS, Objects

DAY = 86_400
LEAST = 100_000  # rows at which each turn looks, if there are so many
_CURSOR = "blob_sweep"
RETURN_SECONDS = 5 * DAY  # for so long other servers try (RFC 5321 section 4.5.4.1)
_NAMED = (
    "(EXISTS (SELECT 1 FROM message m WHERE m.blob=blob.id) OR EXISTS (SELECT 1 FROM queue q WHERE q.blob=blob.id)"
    " OR EXISTS (SELECT 1 FROM newsletter_edition e WHERE e.blob=blob.id)"
    # a report may still return what was forwarded without a copy
    " OR EXISTS (SELECT 1 FROM srs_return r WHERE r.content=blob.name AND r.at>?))"
)


def read_cursor(tx: Tx) -> tuple[int, int]:
    """Return the id after which the next turn looks for unnamed blobs, and how many it looks at."""
    top = tx.row("SELECT MAX(id) FROM blob")
    return int(get_value(tx, _CURSOR) or 0), max(LEAST, (top[0] if top and top[0] else 0) // TURNS + 1)


def save_cursor(tx: Tx, after: int) -> None:
    save_value(tx, _CURSOR, str(after))


def list_unnamed(tx: Tx, after: int, most: int, now: int) -> tuple[list[int], int]:
    """Look at `most` blobs with ids above `after`; return those that nothing names, and the last id, 0 at the end.

    The row of octets comes with what names it, in one transaction, so there is nothing to wait for.
    """
    last = tx.row("SELECT id FROM blob WHERE id>? ORDER BY id LIMIT 1 OFFSET ?", after, most - 1)
    until = int(last[0]) if last else None
    rows = tx.rows(
        f"SELECT id FROM blob WHERE id>? AND id<=? AND dead_at IS NULL AND NOT {_NAMED}",  # noqa: S608 - our own words
        after,
        2**62 if until is None else until,
        now - RETURN_SECONDS,
    )
    return [row[0] for row in rows], until or 0


def mark_dead(tx: Tx, blobs: Sequence[int], now: int) -> None:
    """Begin the day after which they go, unless somebody names them."""
    for blob in blobs:
        tx.run("UPDATE blob SET dead_at=? WHERE id=? AND dead_at IS NULL", now, blob)


def delete_dead(tx: Tx, now: int, most: int) -> tuple[int, int]:
    """Delete rows that were dead for a day; return how many, and how many were looked at."""
    dead = tx.rows("SELECT id, name FROM blob WHERE dead_at<=? ORDER BY dead_at LIMIT ?", now - DAY, most)
    deleted = 0
    for blob, name in dead:
        # decided by the row itself: who saves these octets changes it first
        if not tx.run(
            f"DELETE FROM blob WHERE id=? AND dead_at<=? AND NOT {_NAMED}",  # noqa: S608 - our own words
            blob,
            now - DAY,
            now - RETURN_SECONDS,
        ):
            tx.run("UPDATE blob SET dead_at=NULL WHERE id=?", blob)
            continue
        deleted += 1
        tx.run("DELETE FROM summary WHERE blob=?", blob)
        tx.run("DELETE FROM text_mark WHERE blob=?", blob)
        tx.run("DELETE FROM uncounted_blob WHERE blob=?", blob)
        if not tx.run("DELETE FROM blob_octets WHERE blob=?", blob):
            add_orphans(tx, [name], now)
    return deleted, len(dead)


def list_strays(tx: Tx, names: Sequence[bytes]) -> list[bytes]:
    """Return those of the octets that have no row."""
    return [name for name in names if tx.row("SELECT 1 FROM blob WHERE name=?", name) is None]


def add_orphans(tx: Tx, names: Sequence[bytes], now: int) -> None:
    """Give octets their last day; one that is an orphan already stays what it is."""
    for name in names:
        tx.run("INSERT INTO orphan (name,free_at) VALUES (?,?) ON CONFLICT (name) DO NOTHING", name, now + DAY)


def doom_orphans(tx: Tx, now: int) -> None:
    """Announce the removal of those whose day is over: after this commit nobody relies on their octets."""
    is_named = "EXISTS (SELECT 1 FROM blob b WHERE b.name=orphan.name)"
    tx.run(f"DELETE FROM orphan WHERE free_at<=? AND doomed_at IS NULL AND {is_named}", now)  # noqa: S608 - our own words
    tx.run(f"UPDATE orphan SET doomed_at=? WHERE free_at<=? AND doomed_at IS NULL AND NOT {is_named}", now, now)  # noqa: S608


def list_doomed(tx: Tx, most: int) -> list[bytes]:
    """Return octets that are to be removed."""
    rows = tx.rows("SELECT name FROM orphan WHERE doomed_at IS NOT NULL AND removed_at IS NULL LIMIT ?", most)
    return [bytes(row[0]) for row in rows]


def remove_doomed(tx: Tx, objects: Objects, names: Sequence[bytes], now: int) -> int:
    """Remove the octets of doomed ones, whose rows are held meanwhile; return their number.

    Raises:
        Busy: the store does not do it; all stays as it is, and they are removed by the next turn.
    """
    held = [
        name
        for name in names
        if tx.run(
            "UPDATE orphan SET removed_at=? WHERE name=? AND doomed_at IS NOT NULL AND removed_at IS NULL", now, name
        )
    ]
    objects.remove(held)
    return len(held)


def forget_removed(tx: Tx, now: int) -> None:
    """Forget what was removed a day ago: nobody has stored before and not saved yet."""
    tx.run("DELETE FROM orphan WHERE removed_at<=?", now - DAY)


def take_orphan(tx: Tx, name: bytes) -> bool:
    """End the orphanhood of octets that have a row from now on; say if they may be gone and are to be stored anew."""
    row = tx.row("DELETE FROM orphan WHERE name=? RETURNING doomed_at", name)
    return row is not None and row[0] is not None
