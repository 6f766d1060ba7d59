"""Counts how often a transaction waits for the database, on either engine: each is a round trip where there is a way to go."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mailcore.store.engine import db
from mailcore.store.engine.postgres_tx import PgTx
from mailcore.store.engine.sqlite import SqliteTx

WAITING = ("rows", "row", "run", "insert", "many", "ask")


@contextmanager
def counted() -> Iterator[list[str]]:
    """Give a list that grows by the text of each statement that is waited for; of those asked at once, by the first."""
    waited: list[str] = []
    within = [False]

    def noting(method: Callable[..., object], *, waits: bool) -> Callable[..., object]:
        @functools.wraps(method)
        def run(tx: object, *params: object) -> object:
            if within[0]:
                return method(tx, *params)
            if waits:
                waited.append(str(params[0]))
            within[0] = True
            try:
                return method(tx, *params)
            finally:
                within[0] = False

        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "SLOW_SECONDS", float("inf"))  # a slow write is saved with a statement more
        for kind in (SqliteTx, PgTx):
            for name in (*WAITING, "run_later", "run_many_later"):
                patch.setattr(kind, name, noting(getattr(kind, name), waits=name in WAITING))
        yield waited
