"""Nodes of a cluster and the files that they share, as SQL.  Times are the database's own."""

from dataclasses import dataclass

from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Node:
    """`seen_at`: when it was heard of last; `silent_seconds`: for how long it was not."""

    name: str
    version: str
    started_at: int
    seen_at: int
    silent_seconds: int


def save_beat(tx: Tx, name: str, version: str, started_at: int) -> None:
    """Save that the node is alive."""
    tx.run(
        "INSERT INTO node (name,version,started_at,seen_at) VALUES (?,?,?,?) ON CONFLICT (name) DO UPDATE SET"
        " version=excluded.version, started_at=excluded.started_at, seen_at=excluded.seen_at",
        name,
        version,
        started_at,
        int(tx.server_time()),
    )


def list_nodes(tx: Tx) -> list[Node]:
    now = int(tx.server_time())
    rows = tx.rows("SELECT name, version, started_at, seen_at FROM node ORDER BY name")
    return [Node(row[0], row[1], row[2], row[3], max(0, now - row[3])) for row in rows]


def find_silence(tx: Tx, name: str) -> int | None:
    """Return for how many seconds the node was not heard of, None if it is no member."""
    row = tx.row("SELECT seen_at FROM node WHERE name=?", name)
    return None if row is None else max(0, int(tx.server_time()) - row[0])


def delete_node(tx: Tx, name: str) -> None:
    """Delete a node that has ended in order: nobody waits for its silence."""
    tx.run("DELETE FROM node WHERE name=?", name)


def release_leases_of_dead(tx: Tx, node: str, seen_at: int) -> int:
    """Give back what a node has leased that was not heard of since; return their number, 0 if it lives after all.

    Its row is held meanwhile: a beat of it waits, and tells it how late it is.
    """
    if not tx.run("UPDATE node SET seen_at=seen_at WHERE name=? AND seen_at=?", node, seen_at):
        return 0
    return release_leases(tx, node)


def release_leases(tx: Tx, node: str) -> int:
    """Give back what a node has leased: items of the queue and turns of jobs.  Return their number."""
    freed = 0
    for (lessee,) in tx.rows("SELECT DISTINCT leased_by FROM queue WHERE leased_until>0"):
        if lessee.partition("/")[0] == node:
            freed += tx.run("UPDATE queue SET leased_until=0 WHERE leased_by=? AND leased_until>0", lessee)
    return freed + tx.run("UPDATE job SET leased_until=0, leased_by='' WHERE leased_by=? AND leased_until>0", node)


def list_shared_files(tx: Tx) -> dict[str, str]:
    """Return what nodes share, sealed, by name."""
    return dict(tx.rows("SELECT name, sealed FROM shared_file"))


def add_shared_file(tx: Tx, name: str, sealed: str) -> None:
    """Save a file, unless another node was first."""
    tx.run("INSERT INTO shared_file (name,sealed) VALUES (?,?) ON CONFLICT (name) DO NOTHING", name, sealed)


def save_shared_file(tx: Tx, name: str, sealed: str) -> None:
    tx.run(
        "INSERT INTO shared_file (name,sealed) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET sealed=excluded.sealed",
        name,
        sealed,
    )


def delete_shared_file(tx: Tx, name: str) -> None:
    tx.run("DELETE FROM shared_file WHERE name=?", name)
