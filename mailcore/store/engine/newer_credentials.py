"""Credentials taken into a restored database from the one that it replaces.

A password is often changed because others know it, an app password removed because a phone was stolen.  A backup from
before that day would let them in again, so where the replaced database can still be read, its credentials stay.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import apsw

_TABLES = ("credential", "scram", "second_factor", "recovery_code")
_CHANGED = (
    "SELECT restored.id FROM main.account restored JOIN replaced.account newer"
    " ON newer.id=restored.id AND newer.name=restored.name AND newer.created_at=restored.created_at"
    " WHERE newer.epoch>restored.epoch"
)


def keep_newer_credentials(restored: Path, replaced: Path) -> int | None:
    """Replace the credentials of accounts whose own were changed after the backup.

    Args:
        restored: the database of the backup, which nobody serves yet.
        replaced: the database that stood there; it is only read, but for its log of a crash.

    Returns:
        The number of accounts; None if there is no replaced database, or it cannot be read.
    """
    if not replaced.exists():
        return None
    connection = apsw.Connection(str(restored), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    try:
        connection.execute("ATTACH ? AS replaced", (f"file:{quote(str(replaced))}?mode=rw",))
        with connection:
            _copy_credentials(connection)
        return int(str(connection.execute("SELECT count(*) FROM changed").fetchall()[0][0]))
    except apsw.Error:  # it is damaged, or of a version without these columns
        return None
    finally:
        connection.close()


def _copy_credentials(connection: apsw.Connection) -> None:
    connection.execute("CREATE TEMP TABLE changed (id INTEGER PRIMARY KEY)")
    connection.execute(f"INSERT INTO changed {_CHANGED}")  # noqa: S608 - our own words
    for table in _TABLES:
        connection.execute(f"DELETE FROM main.{table} WHERE account_id IN (SELECT id FROM changed)")  # noqa: S608
    for table in _TABLES:
        columns = ",".join(_common_columns(connection, table))
        connection.execute(
            f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM replaced.{table}"  # noqa: S608
            " WHERE account_id IN (SELECT id FROM changed)"
        )
    connection.execute(
        "UPDATE main.account SET epoch=(SELECT epoch FROM replaced.account newer WHERE newer.id=main.account.id)"
        " WHERE id IN (SELECT id FROM changed)"
    )


def _common_columns(connection: apsw.Connection, table: str) -> Iterator[str]:
    """Yield the columns that a table has in both, as the databases may be of two versions."""
    ours, theirs = (
        [str(name) for (name,) in connection.execute("SELECT name FROM pragma_table_info(?,?)", (table, schema))]
        for schema in ("main", "replaced")
    )
    return (name for name in ours if name in theirs)
