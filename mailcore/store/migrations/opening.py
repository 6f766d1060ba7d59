"""Open the database that the configuration names, with the schema of this program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import AccountId
from mailcore.errors import ConfigError
from mailcore.process.threads import Threads
from mailcore.store.engine.db import Db, Tx
from mailcore.store.engine.sqlite import SqliteDb, SqliteTx
from mailcore.store.migrations.runner import migrate, refuse_old


def open_database(
    config: Config,
    threads: Threads,
    woken: Callable[[set[AccountId]], None],
    at: int,
    refuse: Callable[[Tx], None] = lambda tx: None,
) -> Db:
    """Open the database and bring it up to date.

    Args:
        woken: called after a commit with the accounts that changed.
        at: now, in seconds since 1970.
        refuse: called before anything is written, of a database that is not new; what it raises is raised.

    Raises:
        ConfigError: it cannot be used as it is; the text says how that is mended.
        Busy: it cannot be opened, or a migration failed.
    """
    if config.is_on_postgresql:
        return _open_postgresql(config, threads, woken, at, refuse)
    db = SqliteDb(config.database_path, threads, woken)
    try:
        refuse_old(SqliteTx(db.connection()), refuse)
        migrate(db.peewee, at)
    except BaseException:
        db.close()
        raise
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


def _open_postgresql(
    config: Config,
    threads: Threads,
    woken: Callable[[set[AccountId]], None],
    at: int,
    refuse: Callable[[Tx], None],
) -> Db:
    try:
        from mailcore.store.engine.postgres import PgDb
        from mailcore.store.migrations.on_postgresql import prepare
    except ImportError as problem:
        raise ConfigError(
            f"database: PostgreSQL needs psycopg ({problem}); pip install 'alumnimail[postgresql]'"
        ) from None
    prepare(config, at, refuse)
    return PgDb(config.database, threads, woken, listen_url=config.database_listen)
