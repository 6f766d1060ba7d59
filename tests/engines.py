"""Tests with a database of PostgreSQL in place of SQLite's: `pytest --engine postgresql`, one server for the run.

Each folder of data has a database of its own; what a test used is emptied after it and serves the next.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from mailcore.store.engine import postgres_connection
from mailcore.store.migrations import on_postgresql
from tests import postgres_server

Build = Callable[[Config, Clock | None], Core]


class Databases:
    """Databases of one server, given out by folder of data."""

    def __init__(self, url: str) -> None:
        self._url, self._made = url, 0
        self._free: list[str] = []
        self._used: dict[str, str] = {}
        self.open: list[str] = []  # folders of data, once for each core
        self._empty = ""

    def named_for(self, folder: str) -> str:
        """Return the URL of the folder's database."""
        if folder not in self._used:
            self._used[folder] = self._free.pop() if self._free else self._make()
        return self._used[folder]

    def _make(self) -> str:
        self._made += 1
        name = f"test{self._made}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            template = "made" if self._made > 1 else "template0"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        url = self._url.replace("@/postgres?", f"@/{name}?")
        if self._made == 1:
            with postgres_connection.connect(url) as connection:
                on_postgresql.make_schema(connection, 0)
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE made TEMPLATE {name}".encode())
        return url

    def empty(self) -> None:
        """Take back what no core has open any more, without its rows."""
        done = {folder: url for folder, url in self._used.items() if folder not in self.open}
        for folder, url in done.items():
            del self._used[folder]
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname=current_database() AND pid<>pg_backend_pid()"
                )
                connection.execute(self._emptying(connection).encode())
            self._free.append(url)

    def _emptying(self, connection: "psycopg.Connection[tuple[str, ...]]") -> str:
        if not self._empty:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'").fetchall()
            numbers = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname='public'").fetchall()
            names = {str(row[0]) for row in tables} - {"migration", "setting"}
            self._empty = ";".join(
                ["DELETE FROM setting WHERE key<>'schema'"]
                + [f"DELETE FROM {name}" for name in sorted(names)]
                + [f"ALTER SEQUENCE {row[0]} RESTART" for row in numbers]
            )
        return self._empty


@contextmanager
def on_postgresql_server(build: Build) -> Iterator[tuple[Build, Databases]]:
    """Give a `cores.build` for a server of our own."""
    with postgres_server.serving() as url:
        databases = Databases(url)

        def build_there(config: Config, clock: Clock | None = None) -> Core:
            if not config.database and not config.database_path.exists():  # what a backup is opened as stays SQLite's
                config = dataclasses.replace(config, database=databases.named_for(config.data))
            made = build(config, clock)
            databases.open.append(config.data)
            return made

        def close_there(core: Core) -> None:
            close(core)
            with contextlib.suppress(ValueError):
                databases.open.remove(core.config.data)

        close, cores.close = cores.close, close_there
        postgres_connection.MAY_LOSE_ALL = True
        try:
            yield build_there, databases
        finally:
            cores.close = close
            postgres_connection.MAY_LOSE_ALL = False
