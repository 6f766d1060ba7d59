"""Rows of every table from one database to another, in the words of both engines, and a sum that says if they are the same.

What one engine takes and the other does not (NUL and lone surrogates in a text, octets in a column of text) is brought to what
both take before it is counted, so that the sums of both sides are of the same values.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from peewee import AutoField, BlobField, CompositeKey, Model, TextField

from mailcore.store.engine.tx import Row, Tx
from mailcore.store.schema.tables import all_models

AT_ONCE = 1000  # rows
ROW = 200  # octets that a row counts for, beside those of a message
FEW = 50  # rows that may be of 128 KiB and more
# of the place where a database stands, not of the installation
OWN_TABLES = ("node", "slow_write")
OWN_SETTINGS = ("schema", "home", "moving", "moved")
_OCTETS_IN_TEXT = {("annotation", "value")}  # Latin-1 in older databases of SQLite
Value = int | str | bytes | None


@dataclass(frozen=True, slots=True)
class Table:
    """`kinds` are those of the columns; `is_numbered`: its ids are given by the database."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[type, ...]
    key: tuple[str, ...]
    is_numbered: bool

    @property
    def at_once(self) -> int:
        return FEW if self.name in ("blob_octets", "writing_piece", "ticket_file") else AT_ONCE


@dataclass(slots=True)
class Sum:
    """How many rows, and the sum of their hashes, whatever their order."""

    rows: int = 0
    hashes: int = 0

    def add(self, row: Row) -> None:
        self.rows += 1
        self.hashes = (
            self.hashes + int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest())
        ) % 2**128


@cache
def list_tables() -> tuple[Table, ...]:
    """Return every table of the installation."""
    tables = sorted(map(_describe, all_models()), key=lambda table: table.name)
    return tuple(table for table in tables if table.name not in OWN_TABLES)


def find_table(name: str) -> Table:
    return next(table for table in list_tables() if table.name == name)


def _describe(model: type[Model]) -> Table:
    meta = model._meta
    fields = meta.sorted_fields
    name, key = str(meta.table_name), meta.primary_key
    assert key  # noqa: S101 - each table has one
    names = (
        [meta.fields[one].column_name for one in key.field_names]
        if isinstance(key, CompositeKey)
        else [key.column_name]
    )
    kinds = [bytes if (name, one.column_name) in _OCTETS_IN_TEXT else _kind_of(one) for one in fields]
    return Table(name, tuple(one.column_name for one in fields), tuple(kinds), tuple(names), isinstance(key, AutoField))


def _kind_of(field: object) -> type:
    return bytes if isinstance(field, BlobField) else str if isinstance(field, TextField) else int


def read_rows(tx: Tx, table: Table, after: Sequence[Value] | None = None) -> list[Row]:
    """Return the next rows by key, at most `at_once`, as both engines take them."""
    columns, key = _list(table.columns), _list(table.key)
    marks = ",".join("?" * len(table.key))
    where = f" WHERE ({key})>({marks})" if after is not None else ""
    sql = f"SELECT {columns} FROM {table.name}{where} ORDER BY {key} LIMIT {table.at_once}"  # noqa: S608 - our own names
    return [tuple(map(_common, row, table.kinds)) for row in tx.rows(sql, *(after or ()))]


def read_row(tx: Tx, table: Table, key: int) -> Row | None:
    """Return one row of a table whose key is a number."""
    sql = f"SELECT {_list(table.columns)} FROM {table.name} WHERE {_list(table.key)}=?"  # noqa: S608 - our own names
    row = tx.row(sql, key)
    return tuple(map(_common, row, table.kinds)) if row else None


def each_batch(read: Callable[[Callable[[Tx], list[Row]]], list[Row]], table: Table) -> Iterator[list[Row]]:
    """Read the whole table; `read` runs a closure on a transaction."""
    after: Sequence[Value] | None = None
    places = [table.columns.index(name) for name in table.key]
    while rows := read(lambda tx, after=after: read_rows(tx, table, after)):  # type: ignore[misc]  # a default binds it
        yield [row for row in rows if not is_own(table, row)]
        after = [rows[-1][place] for place in places]


def is_own(table: Table, row: Row) -> bool:
    """Say if a row belongs to the place where the database stands."""
    return table.name == "setting" and row[table.columns.index("key")] in OWN_SETTINGS


def write_rows(tx: Tx, table: Table, rows: Sequence[Row]) -> None:
    marks = ",".join("?" * len(table.columns))
    tx.many(f"INSERT INTO {table.name} ({_list(table.columns)}) VALUES ({marks})", rows)  # noqa: S608 - our own names


def clear_table(tx: Tx, table: Table) -> None:
    """Delete all rows but those of the place."""
    if table.name == "setting":
        marks = ",".join("?" * len(OWN_SETTINGS))
        tx.run(f"DELETE FROM setting WHERE key NOT IN ({marks})", *OWN_SETTINGS)  # noqa: S608 - our own words
    else:
        tx.run(f"DELETE FROM {table.name}")  # noqa: S608 - our own names


def count_rows(tx: Tx, table: Table) -> int:
    row = tx.row(f"SELECT count(*) FROM {table.name}")  # noqa: S608 - our own names
    return int(row[0]) if row else 0


def measure(tx: Tx) -> int:
    """Return the octets of all messages, and ROW for each row."""
    sizes = tx.row("SELECT COALESCE(SUM(size),0) FROM blob")
    return int(sizes[0] if sizes else 0) + ROW * sum(count_rows(tx, table) for table in list_tables())


def has_accounts(tx: Tx) -> bool:
    return tx.row("SELECT 1 FROM account LIMIT 1") is not None


def number_on(tx: Tx) -> None:
    """Let ids be given above those that were copied; SQLite does so by itself."""
    if tx.columns("sqlite_master"):
        return
    for table in list_tables():
        if table.is_numbered:
            top = f"(SELECT MAX(id) FROM {table.name})"  # noqa: S608 - our own names
            tx.row(f"SELECT setval('{table.name}_id_seq', COALESCE({top},1), {top} IS NOT NULL)")


def _list(names: Sequence[str]) -> str:
    return ",".join(f'"{name}"' for name in names)


def _common(value: object, kind: type) -> Value:
    """Bring a value to what both engines have."""
    if value is None:
        return None
    if kind is int:
        return int(value)  # type: ignore[call-overload]  # bool, int, or a text that is one
    if kind is bytes:
        return value.encode("latin-1") if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
    text = bytes(value).decode("utf-8", "replace") if not isinstance(value, str) else value  # type: ignore[call-overload]
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return str(text)
