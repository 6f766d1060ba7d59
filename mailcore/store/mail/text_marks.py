"""Marks of texts (mail/showing/text_marks.py) as SQL.  Derived: a blob without a mark is looked at by its octets."""

import json
from collections.abc import Iterable, Sequence

from mailcore.mail.showing import text_marks
from mailcore.store.engine.db import Tx
from mailcore.store.engine.values import get_value, save_value
from mailcore.store.mail import search

VERSION = search.VERSION * 1000 + text_marks.VERSION
_CURSOR = "text_marks"


def list_unmarked(tx: Tx, most: int) -> list[tuple[int, int]]:
    """List blobs behind the last that has a mark, with their octets; after a new version all are."""
    version, _, after = get_value(tx, _CURSOR).partition(":")
    start = int(after) if version == str(VERSION) else 0
    return [
        (row[0], row[1]) for row in tx.rows("SELECT id, size FROM blob WHERE id>? ORDER BY id LIMIT ?", start, most)
    ]


def save_marks(tx: Tx, marks: Sequence[tuple[int, bytes]]) -> None:
    """Save marks of blobs in the order of their ids."""
    tx.many(
        "INSERT INTO text_mark (blob,version,mark) VALUES (?,?,?)"
        " ON CONFLICT (blob) DO UPDATE SET version=excluded.version, mark=excluded.mark",
        [(blob, VERSION, mark) for blob, mark in marks],
    )
    save_value(tx, _CURSOR, f"{VERSION}:{marks[-1][0]}")


def get_marks(tx: Tx, blobs: Iterable[int]) -> list[tuple[int, bytes]]:
    """Return blobs that have a mark, with it."""
    return tx.rows(
        "SELECT t.blob, t.mark FROM (SELECT value AS blob FROM json_each(?)) c"
        " CROSS JOIN text_mark t ON t.blob=c.blob WHERE t.version=?",
        json.dumps(list(blobs)),
        VERSION,
    )
