"""Bring a database of PostgreSQL to the schema of this program: all at once when it is new, else by what it has not had."""

import secrets
import time
from collections.abc import Callable

import psycopg
from psycopg import errors

from mailcore.config import Config
from mailcore.errors import Busy, ConfigError
from mailcore.process.cluster_key import load_cluster_key
from mailcore.process.sealing import seal, unseal
from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.postgres import TURN
from mailcore.store.engine.postgres_connection import check_server, connect, describe
from mailcore.store.engine.postgres_tx import PgTx
from mailcore.store.migrations import numbered
from mailcore.store.migrations.fresh import list_schema_statements
from mailcore.store.migrations.runner import (
    find_expanded,
    known_names,
    list_alone,
    names_ran,
    note_expanded,
    refuse_old,
    run_migrations,
)
from mailcore.store.site import nodes

HOME = "postgresql-home"  # a file in the data folder
PROOF = "cluster"  # names no file
LOCK_SECONDS, LOCKS_SECONDS = 2.0, 60.0  # for the lock of a table, at once and in all
CLOCK_SECONDS = 2.0  # by which clocks of nodes may differ; leases are long beside it


def prepare(config: Config, at: int, refuse: Callable[[Tx], None]) -> None:
    """Check the server, and make or migrate the schema; `refuse` is as in `open_database`.

    Raises:
        ConfigError: the server or the database is not fit, or belongs to another data folder.
        Busy: it cannot be reached, or a migration failed.
    """
    try:
        with connect(config.database) as connection:
            check_server(connection)
            if config.is_in_cluster:
                _check_cluster(config, PgTx(connection))
            refuse_old(PgTx(connection), refuse)
            if config.is_in_cluster:
                _refuse_beside_others(config, PgTx(connection))
            try:
                _migrate(connection, at)
            except (errors.UniqueViolation, errors.DuplicateTable):  # another process made it in the same moment
                _migrate(connection, at)
            with connection.transaction():
                connection.execute(TURN)
                if config.is_in_cluster:
                    _save_proof(config, PgTx(connection))
                    _check_cluster(config, PgTx(connection))  # of two that begin together with two keys
                else:
                    _claim_home(config, PgTx(connection))
    except psycopg.Error as problem:
        raise Busy(f"the database cannot be opened: {describe(problem)}") from problem


def _migrate(connection: psycopg.Connection[Row], at: int) -> None:
    tx = PgTx(connection)
    if not tx.columns("migration"):
        make_schema(connection, at)
        return

    def write(fn: Callable[[Tx], None]) -> None:
        until = time.monotonic() + LOCKS_SECONDS
        while True:
            try:
                _write_alone(connection, fn)
                return
            except errors.LockNotAvailable:
                if time.monotonic() > until:
                    raise
            time.sleep(LOCK_SECONDS)  # whoever waited behind it goes first

    run_migrations(write, names_ran(tx), find_expanded(tx), at)


def _write_alone(connection: psycopg.Connection[Row], fn: Callable[[Tx], None]) -> None:
    """Run what changes tables.

    That waits for those who read one (a backup), while everybody else who wants to waits behind it: so never for long.
    """
    with connection.transaction():
        connection.execute(TURN)
        connection.execute(f"SET LOCAL lock_timeout='{LOCK_SECONDS * 1000:.0f}ms'".encode())
        fn(tx := PgTx(connection))
        tx.finish()


def make_schema(connection: psycopg.Connection[Row], at: int) -> None:
    """Make the newest schema in one transaction."""
    with connection.transaction():
        for statement in list_schema_statements():
            connection.execute(statement.encode())
        _note_all(PgTx(connection), at)


def _note_all(tx: PgTx, at: int) -> None:
    tx.many("INSERT INTO migration (name, at) VALUES (?, ?)", [(name, at) for name in known_names()])
    tx.run("INSERT INTO setting (key, value) VALUES ('schema', ?)", str(numbered.NAMED))
    note_expanded(tx, known_names())


def _refuse_beside_others(config: Config, tx: Tx) -> None:
    """Refuse a change of the schema beside which the nodes that run could not go on.  Nothing is written.

    Raises:
        ConfigError: with their names.
    """
    if not tx.columns("node") or not (alone := list_alone(names_ran(tx))):
        return
    alive = [node for node in nodes.list_nodes(tx) if node.silent_seconds <= config.cluster.silent_seconds]
    if alive:
        named = ", ".join(f"{node.name} ({node.version})" for node in alive)
        raise ConfigError(
            f"database: {alone[0]} changes it in a way that older nodes do not know, and these run: {named}; stop all"
            " nodes, then start this version"
        )


def _check_cluster(config: Config, tx: Tx) -> None:
    """Refuse a node that would take itself or others for dead, or cannot read what they share.  Nothing is written.

    Raises:
        ConfigError: with what is wrong and how it is mended.
    """
    before = time.time()
    off = tx.server_time() - (before + time.time()) / 2
    if abs(off) > CLOCK_SECONDS:
        raise ConfigError(
            f"cluster: this machine's clock differs from the database's by {off:+.1f} s; more than {CLOCK_SECONDS} s are"
            " too many: let chrony or ntpd set both"
        )
    key = load_cluster_key(config.cluster.key)
    if not tx.columns("shared_file"):
        return
    row = tx.row("SELECT sealed FROM shared_file WHERE name=?", PROOF)
    if row is not None and unseal(key, row[0], PROOF) is None:
        raise ConfigError(f"cluster.key: {config.cluster.key} is not the key of the cluster on this database")


def _save_proof(config: Config, tx: Tx) -> None:
    """Save what tells other keys apart from this one."""
    sealed = seal(load_cluster_key(config.cluster.key), b"", PROOF)
    tx.run("INSERT INTO shared_file (name,sealed) VALUES (?,?) ON CONFLICT (name) DO NOTHING", PROOF, sealed)


def _claim_home(config: Config, tx: Tx) -> None:
    """Refuse a database whose large messages, keys and uploads stand in another folder, where nodes share nothing."""
    if tx.row("SELECT 1 FROM shared_file WHERE name=?", PROOF) is not None:
        raise ConfigError("database: it belongs to a cluster; its nodes have a cluster.key (docs/scale.md)")
    path = config.data_path / HOME
    config.data_path.mkdir(parents=True, exist_ok=True)
    row = tx.row("SELECT value FROM setting WHERE key='home'")
    if row is None:
        home = secrets.token_hex(8)
        tx.run("INSERT INTO setting (key, value) VALUES ('home', ?)", home)
        path.write_text(home + "\n", encoding="ascii")
    elif not path.exists() or path.read_text(encoding="ascii").strip() != row[0]:
        raise ConfigError(
            f"database: it belongs to another data folder than {config.data_path}; several nodes on one database have a"
            f" cluster.key (docs/scale.md), and what was moved brings its file {HOME} with it"
        )
