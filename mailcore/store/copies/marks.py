"""Marks on a database that is not to be served: it is being filled, or what it held has moved."""

from mailcore.errors import ConfigError
from mailcore.store.engine.tx import Tx
from mailcore.store.engine.values import get_value, save_value

FILLING, MOVED = "moving", "moved"  # keys of `setting`


def set_mark(tx: Tx, key: str, value: str) -> None:
    """Set a mark; an empty value takes it away."""
    if value:
        save_value(tx, key, value)
    else:
        tx.run("DELETE FROM setting WHERE key=?", key)


def end_filling(tx: Tx) -> None:
    """Let the database be served; where its earlier content had moved is nobody's business any more."""
    for key in (FILLING, MOVED):
        set_mark(tx, key, "")


def refuse_marked(tx: Tx) -> None:
    """Raise ConfigError if the database is not to be served."""
    if get_value(tx, FILLING):
        raise ConfigError(
            "database: it is not complete; run move-database or restore again, which goes on where it was"
        )
    if where := get_value(tx, MOVED):
        raise ConfigError(
            f"database: this installation has moved to {where}; serve that one, or run move-database --abandon"
        )
