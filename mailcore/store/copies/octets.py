"""Octets of small blobs from one database to another, while the first is still at work; they never change.

The rows of their blobs go with them, so that it can be told later which of them are still what they were: SQLite gives the id of
a blob that was swept to another.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.store.copies.tables import FEW, find_table, read_row, write_rows
from mailcore.store.engine.tx import Row, Tx

RANGE = 2000  # ids that are compared at once


class NotTheSame(Exception):  # noqa: N818 - a finding
    """Octets that are not what their name says; the text names the blob."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of `blob` and of `blob_octets`."""

    blobs: list[Row]
    octets: list[Row]

    @property
    def ids(self) -> list[int]:
        return [row[0] for row in self.octets]

    @property
    def size(self) -> int:
        return sum(len(row[1]) for row in self.octets)


def find_last(tx: Tx) -> int:
    """Return the highest id whose octets are there."""
    row = tx.row("SELECT MAX(blob) FROM blob_octets")
    return int(row[0]) if row and row[0] is not None else 0


def list_next(tx: Tx, after: int) -> list[int]:
    """Return the next ids above `after` whose octets are there."""
    return [row[0] for row in tx.rows("SELECT blob FROM blob_octets WHERE blob>? ORDER BY blob LIMIT ?", after, FEW)]


def read_batch(tx: Tx, blobs: Sequence[int]) -> Batch:
    """Read these blobs, those that are gone left out."""
    rows = [(read_row(tx, find_table("blob"), blob), read_row(tx, find_table("blob_octets"), blob)) for blob in blobs]
    whole = [(blob, octets) for blob, octets in rows if blob is not None and octets is not None]
    return Batch([blob for blob, _ in whole], [octets for _, octets in whole])


def write_batch(tx: Tx, batch: Batch) -> None:
    """Write a batch in place of what was there under these ids and names."""
    name = find_table("blob").columns.index("name")
    for blob in batch.blobs:
        tx.run("DELETE FROM blob WHERE id=? OR name=?", blob[0], blob[name])
        tx.run("DELETE FROM blob_octets WHERE blob=?", blob[0])
    write_rows(tx, find_table("blob"), batch.blobs)
    write_rows(tx, find_table("blob_octets"), batch.octets)


def check_octets(tx: Tx, blobs: Sequence[int]) -> None:
    """Read octets back and compare them with their names.  Raises NotTheSame."""
    for blob in blobs:
        row = tx.row("SELECT b.name, o.octets FROM blob b JOIN blob_octets o ON o.blob=b.id WHERE b.id=?", blob)
        if row is None or hashlib.sha256(row[1]).digest() != bytes(row[0]):
            raise NotTheSame(f"the octets of blob {blob} are not what their name says")


def list_names(tx: Tx, after: int) -> dict[int, bytes]:
    """Return the names of blobs that stand in the database, of the RANGE ids above `after`."""
    rows = tx.rows(
        "SELECT b.id, b.name FROM blob_octets o JOIN blob b ON b.id=o.blob WHERE o.blob>? AND o.blob<=?",
        after,
        after + RANGE,
    )
    return {blob: bytes(name) for blob, name in rows}


def delete_octets(tx: Tx, blobs: Sequence[int]) -> None:
    for blob in blobs:
        tx.run("DELETE FROM blob_octets WHERE blob=?", blob)
