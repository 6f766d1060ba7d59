"""Open the database that the configuration names, with the schema of this program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import AccountId
from mailcore.errors import ConfigError
from mailcore.process.threads import Threads
from mailcore.store.engine.db import Db
from mailcore.store.engine.sqlite import SqliteDb
from mailcore.store.migrations.runner import migrate


def open_database(config: Config, threads: Threads, woken: Callable[[set[AccountId]], None], at: int) -> Db:
    """Open the database and bring it up to date; `at` is now, in seconds since 1970.

    Raises:
        ConfigError: it cannot be used as it is; the text says how that is mended.
        Busy: it cannot be opened, or a migration failed.
    """
    if config.is_on_postgresql:
        return _open_postgresql(config, threads, woken, at)
    db = SqliteDb(config.database_path, threads, woken)
    db.connection()
    migrate(db.peewee, at)
    return db


@contextmanager
def opened(config: Config, clock: Clock) -> Iterator[Db]:
    """Open a database for a command that serves nobody; raises as `open_database`."""
    threads = Threads(2, 1)
    config.data_path.mkdir(parents=True, exist_ok=True)
    try:
        db = open_database(config, threads, lambda accounts: None, clock.seconds())
        try:
            yield db
        finally:
            db.close()
    finally:
        threads.close()


def _open_postgresql(config: Config, threads: Threads, woken: Callable[[set[AccountId]], None], at: int) -> Db:
    try:
        from mailcore.store.engine.postgres import PgDb
        from mailcore.store.migrations.on_postgresql import prepare
    except ImportError as problem:
        raise ConfigError(
            f"database: PostgreSQL needs psycopg ({problem}); pip install 'alumnimail[postgresql]'"
        ) from None
    prepare(config, at)
    return PgDb(config.database, threads, woken)
