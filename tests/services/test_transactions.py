"""One transaction at a time: only the outermost caller opens one, and what it needs from outside is fetched without one."""
# ruff: noqa: F811 - pytest hands fixtures to parameters of their names

import ast
import asyncio
from functools import partial
from pathlib import Path

import pytest

from mailcore.errors import Busy
from mailcore.store.engine import db as store
from mailcore.store.engine.db import WriteWithinWrite
from tests.services.test_writer import add, count, open_db, threads  # noqa: F401 - fixtures


@pytest.mark.parametrize("again", ["write", "post", "awrite"])
def test_a_write_within_a_write_is_refused_and_nothing_of_either_is_written(open_db, again: str):
    db = open_db()

    def outer(tx) -> None:
        add(tx)
        asked = getattr(db, again)(add)
        if again == "awrite":
            asked.send(None)

    with pytest.raises(WriteWithinWrite):
        db.write(outer)
    assert count(db) == 0
    db.write(add)
    assert count(db) == 1


def test_a_read_within_a_write_sees_what_that_write_did(open_db):
    db = open_db()
    assert db.write(lambda tx: (add(tx), count(db))[1]) == 1


def opens_a_write(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("write", "post", "awrite")
        and ast.unparse(node.value).endswith("db")
    )


def test_what_is_given_a_transaction_opens_none():
    """Only the outermost caller does: a view, a command, a job, a hook of a protocol, by the service that it calls."""
    found = [
        f"{path}: {function.name}"
        for folder in ("mailcore", "portal")
        for path in sorted(Path(folder).rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(argument.arg == "tx" for argument in (*function.args.args, *function.args.kwonlyargs))
        and any(map(opens_a_write, ast.walk(function)))
    ]
    assert found == []


def test_what_a_transaction_needs_from_outside_is_fetched_without_one(open_db):
    db, here, at_work = open_db(), set(), []

    def need(tx) -> int:
        if "it" not in here:
            add(tx)
            raise store.Outside(fetch)
        return add(tx)

    def look(tx) -> bool:
        if "it" not in here:
            raise store.Outside(fetch)
        return tx.rows("SELECT count(*) FROM t")[0][0] == 1

    def fetch() -> None:
        at_work.append(getattr(db._here, "tx", None))
        db.write(lambda tx: None)  # nobody is kept waiting meanwhile
        here.add("it")

    async def both() -> bool:
        await db.awrite(need)
        here.clear()
        return await db.aread(look)

    assert asyncio.run(both())
    here.clear()
    assert db.read(lambda tx: db.read(look))  # the outer one begins anew
    here.clear()
    db.write(need)
    assert count(db) == 2
    assert at_work == [None] * 4


def test_what_never_comes_is_told_in_the_end(open_db):
    def need(tx) -> None:
        raise store.Outside(lambda: None)

    db = open_db()
    with pytest.raises(Busy):
        db.read(need)
    with pytest.raises(Busy):
        db.write(need)


def test_an_attempt_that_fails_is_undone_alone_and_one_that_needs_something_is_none(open_db):
    db, here = open_db(), set()

    def fail(tx) -> None:
        add(tx)
        raise ValueError("no")

    def need(tx) -> None:
        if "it" not in here:
            raise store.Outside(lambda: here.add("it"))
        add(tx)

    def write(tx) -> tuple[str, Exception | None]:
        add(tx)
        problem = tx.attempt(partial(fail, tx))
        return str(problem), tx.attempt(partial(need, tx))

    assert db.write(write) == ("no", None)
    assert count(db) == 2
