"""How many rows of each table some work reads on PostgreSQL, by the server's own counts."""

from collections.abc import Callable

import psycopg

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from tests.machine import until

# rows that an index alone has told of count too
_COUNTS = (
    "SELECT t.relname, t.n_live_tup, COALESCE(t.seq_tup_read,0) +"
    " COALESCE((SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid=t.relid),0)"
    " FROM pg_stat_user_tables AS t"
)
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname=current_database() AND pid<>pg_backend_pid() AND backend_type='client backend'"
)


def count_reads(config: Config, work: Callable[[Core], object]) -> dict[str, tuple[int, int]]:
    """Return each table's rows, and how many of them were read while a process opened the database and did the work."""
    before = _counts(config)
    core = cores.build(config)
    try:
        work(core)
    finally:
        cores.close(core)
    return {table: (rows, read - before[table][1]) for table, (rows, read) in _counts(config).items()}


def _counts(config: Config) -> dict[str, tuple[int, int]]:
    """Read the server's counts when nobody else is connected any more: who leaves tells what he has read."""
    with psycopg.connect(config.database, autocommit=True) as connection:
        assert until(lambda: connection.execute(_OTHERS).fetchone() == (0,))
        return {str(row[0]): (int(row[1]), int(row[2])) for row in connection.execute(_COUNTS)}
