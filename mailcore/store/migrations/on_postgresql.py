"""Bring a database of PostgreSQL to the schema of this program: all at once when it is new, else by what it has not had."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from mailcore.config import Config
from mailcore.errors import Busy, ConfigError
from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.postgres import TURN, PgTx, check_server, connect
from mailcore.store.migrations import numbered
from mailcore.store.migrations.fresh import list_schema_statements
from mailcore.store.migrations.runner import known_names, names_ran, run_migrations

HOME = "postgresql-home"  # a file in the data folder


def prepare(config: Config, at: int) -> None:
    """Check the server, and make or migrate the schema.

    Raises:
        ConfigError: the server or the database is not fit, or belongs to another data folder.
        Busy: it cannot be reached, or a migration failed.
    """
    try:
        with connect(config.database) as connection:
            check_server(connection)
            try:
                _migrate(connection, at)
            except (errors.UniqueViolation, errors.DuplicateTable):  # another process made it in the same moment
                _migrate(connection, at)
            with connection.transaction():
                connection.execute(TURN)
                _claim_home(config, PgTx(connection))
    except psycopg.Error as problem:
        raise Busy(f"the database cannot be opened: {str(problem).splitlines()[0]}") from problem


def _migrate(connection: psycopg.Connection[Row], at: int) -> None:
    tx = PgTx(connection)
    if not tx.columns("migration"):
        make_schema(connection, at)
        return

    @contextmanager
    def begin() -> Iterator[Tx]:
        with connection.transaction():
            connection.execute(TURN)
            yield PgTx(connection)

    run_migrations(begin, names_ran(tx), at)


def make_schema(connection: psycopg.Connection[Row], at: int) -> None:
    """Make the newest schema in one transaction."""
    with connection.transaction():
        for statement in list_schema_statements():
            connection.execute(statement.encode())
        _note_all(PgTx(connection), at)


def _note_all(tx: PgTx, at: int) -> None:
    tx.many("INSERT INTO migration (name, at) VALUES (?, ?)", [(name, at) for name in known_names()])
    tx.run("INSERT INTO setting (key, value) VALUES ('schema', ?)", str(numbered.NAMED))


def _claim_home(config: Config, tx: Tx) -> None:
    """Refuse a database whose large messages, keys and uploads stand in another folder: several nodes are not there yet."""
    path = config.data_path / HOME
    config.data_path.mkdir(parents=True, exist_ok=True)
    row = tx.row("SELECT value FROM setting WHERE key='home'")
    if row is None:
        home = secrets.token_hex(8)
        tx.run("INSERT INTO setting (key, value) VALUES ('home', ?)", home)
        path.write_text(home + "\n", encoding="ascii")
    elif not path.exists() or path.read_text(encoding="ascii").strip() != row[0]:
        raise ConfigError(
            f"database: it belongs to another data folder than {config.data_path}; several nodes on one database are not"
            f" offered yet, and what was moved brings its file {HOME} with it"
        )
