"""Every SQL text that any test runs is prepared on a real PostgreSQL at the end of the run.

Each process notes the distinct texts with the types of their parameters; the first process hears those of the others.
A small run is left alone, for the server takes a second.  Without a server, CI says so and fails.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import pytest

from mailcore.store.engine.dialect import spell_for_postgres
from mailcore.store.engine.sqlite import SqliteTx
from mailcore.store.migrations.fresh import list_schema_statements
from tests import postgres_server

ENOUGH = 150  # texts; a run with fewer prepares none
# by text and types, for a parameter that is sometimes NULL has no type then: the types, and the first place that ran it
Texts = dict[str, tuple[list[str], str]]
OTHERS = ("PRAGMA", "EXPLAIN", "CREATE", "ALTER", "DROP", "VACUUM", "ATTACH")


def type_of(value: object) -> str:
    """Name PostgreSQL's type of a parameter."""
    if value is None:
        return "unknown"
    return {int: "int8", bool: "int8", float: "float8"}.get(type(value)) or (
        "text" if isinstance(value, str) else "int8" if isinstance(value, int) else "bytea"
    )


def is_checked(text: str, place: str) -> bool:
    """Is it a text of the product's, other than of migrations, which speak to SQLite alone so far?"""
    return (
        f"{os.sep}mailcore{os.sep}" in place
        and "migrations" not in place
        and not text.lstrip().upper().startswith(OTHERS)
    )


def problems(texts: Texts) -> list[str]:
    """Prepare all texts on a server of our own; return a line for each that it refuses."""
    found: list[str] = []
    with postgres_server.serving() as url, psycopg.connect(url, autocommit=True) as connection:
        for statement in list_schema_statements():
            connection.execute(statement.encode())
        for number, (key, (types, place)) in enumerate(sorted(texts.items())):
            text = key.partition("\0")[0]
            said = f"({', '.join(types)})" if types else ""
            try:
                connection.execute(f"PREPARE p{number}{said} AS {spell_for_postgres(text)}".encode())
            except psycopg.Error as problem:
                found.append(f"{place}: {str(problem).splitlines()[0]}: {text}")
    return found


class SqlTexts:
    """The plugin: tests/conftest.py registers it."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self.found: list[str] = []
        real = {name: getattr(SqliteTx, name) for name in ("rows", "row", "run", "insert", "many")}
        note = self.note

        def noting(method: Any) -> Any:  # Any: five signatures
            def run(tx: SqliteTx, sql: str, *params: object) -> object:
                note(sql, params)
                return method(tx, sql, *params)

            return run

        def many(tx: SqliteTx, sql: str, params: Iterable[Sequence[object]]) -> None:
            rows = list(params)
            if rows:
                note(sql, rows[0])
            real["many"](tx, sql, rows)

        for name in ("rows", "row", "run", "insert"):
            setattr(SqliteTx, name, noting(real[name]))
        setattr(SqliteTx, "many", many)  # noqa: B010 - as the others

    def note(self, sql: str, params: Sequence[object]) -> None:
        types = list(map(type_of, params))
        key = f"{sql}\0{types}"
        if key not in self.texts:
            frame = sys._getframe(2)
            while frame.f_back and frame.f_code.co_filename.endswith("engine/tx.py"):  # `ask`, `run_later`
                frame = frame.f_back
            self.texts[key] = (types, f"{frame.f_code.co_filename}:{frame.f_lineno}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # Any: xdist's
        for text, (types, place) in getattr(node, "workeroutput", {}).get("texts", {}).items():
            self.texts.setdefault(text, (types, place))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["texts"] = {text: list(known) for text, known in self.texts.items()}
            return
        texts = {text: known for text, known in self.texts.items() if is_checked(text, known[1])}
        if len(texts) < ENOUGH:
            return
        if postgres_server.programs() is None:
            self.found = ["no PostgreSQL server is installed"] if os.environ.get("CI") == "true" else []
        else:
            self.found = problems(texts)
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("SQL texts that PostgreSQL refuses")
            for line in self.found:
                terminalreporter.write_line(line, red=True)
