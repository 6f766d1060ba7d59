"""A transaction of PostgreSQL."""

from collections.abc import Collection, Iterable, Sequence

import psycopg
from psycopg import errors

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Statement, Tx
from mailcore.store.engine.dialect import spell_for_postgres
from mailcore.store.engine.tx import Horizon

# the server or the way to it, not this write: the whole group must hear of it
WHOLE_GROUP = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)
_BEGIN_PART = "SAVEPOINT one"


class PgTx(Tx):
    """SQL inside a transaction; what nobody waits for goes along with what is waited for, in one round trip (pipeline)."""

    __slots__ = ("_connection", "_cursor", "_later")
    whole_group = WHOLE_GROUP

    def __init__(
        self, connection: psycopg.Connection[Row], locked: Collection[AccountId] | None = (), *, begin: str = ""
    ) -> None:
        """Args: begin: runs with the first statement, if there is any."""
        super().__init__(locked)
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._later: list[Statement] = [(begin, ())] if begin else []

    def _execute(self, sql: str, params: Sequence[object]) -> None:
        if not self._later:
            self._cursor.execute(sql, params)
            return
        with self._connection.pipeline():
            self._send_later()
            self._cursor.execute(sql, params)

    def _send_later(self) -> None:
        statements, self._later = self._later, []
        cursor = self._connection.cursor(binary=True)
        for sql, params in statements:
            cursor.execute(spell_for_postgres(sql), params)

    def ask(self, statements: Sequence[Statement]) -> list[list[Row]]:
        cursors = [self._connection.cursor(binary=True) for _ in statements]
        with self._connection.pipeline():
            self._send_later()
            for cursor, (sql, params) in zip(cursors, statements, strict=True):
                cursor.execute(spell_for_postgres(sql), params)
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    def run_later(self, sql: str, *params: object) -> None:
        self._later.append((sql, params))

    def run_many_later(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        self._later += [(sql, row) for row in params]

    def finish(self) -> None:
        if len(self._later) == 1:
            self._send_later()
        elif self._later:
            with self._connection.pipeline():
                self._send_later()

    def _forget_later(self) -> None:
        self._later = []

    def begin_part(self) -> None:
        self.run_later(_BEGIN_PART)

    def undo_part(self) -> None:
        has_begun = (_BEGIN_PART, ()) not in self._later
        self._forget_later()
        if has_begun:
            super().undo_part()

    def commit(self) -> None:
        """Commit.

        Raises:
            InFailedSqlTransaction: the server had undone everything before, which COMMIT itself calls no error.
        """
        cursor = self._connection.cursor()
        if self._later:
            with self._connection.pipeline():
                self._send_later()
                cursor.execute("COMMIT")
        else:
            cursor.execute("COMMIT")
        if cursor.statusmessage != "COMMIT":
            raise errors.InFailedSqlTransaction("an error was not told, and the server has undone the transaction")

    def rows(self, sql: str, *params: object) -> list[Row]:
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.fetchall()

    def row(self, sql: str, *params: object) -> Row | None:
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.fetchone()

    def run(self, sql: str, *params: object) -> int:
        if not params and ";" in sql:  # several statements, of a migration
            self.finish()
            self._connection.execute(spell_for_postgres(sql).encode())
            return 0
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.rowcount

    def insert(self, sql: str, *params: object) -> int:
        self._execute(spell_for_postgres(sql + " RETURNING id"), params)
        made = self._cursor.fetchone()
        return int(made[0]) if made else 0

    def many(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        rows = list(params)
        if rows:
            self.finish()
            self._cursor.executemany(spell_for_postgres(sql), rows)

    def _command(self, sql: str) -> None:
        self.run_later(sql)
        self.finish()

    def horizon(self) -> Horizon:
        """A transaction has its number before it numbers rows, for it locks the row of an account first."""
        row = self.row(
            "SELECT CAST(CAST(pg_snapshot_xmin(s) AS TEXT) AS BIGINT), CAST(CAST(pg_snapshot_xmax(s) AS TEXT) AS BIGINT)"
            " FROM pg_current_snapshot() AS s"
        )
        return (row[0], row[1]) if row else (0, 0)

    def server_time(self) -> float:
        row = self.row("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
        return float(row[0]) if row else 0.0

    def columns(self, table: str) -> set[str]:
        rows = self.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid=to_regclass(?) AND attnum>0 AND NOT attisdropped", table
        )
        return {row[0] for row in rows}

    def damage(self) -> list[str]:
        return []  # the server's own tools look: pg_amcheck, checksums
