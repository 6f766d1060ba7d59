"""Shared by all tests: skips that CI does not accept, and a quick start.

A test that cannot run here is skipped by name; with CI=true such a skip is a failure.
"""

import gc
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
from hypothesis import settings
from werkzeug.routing import Rule

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.credentials import passwords, scram
from mailcore.store.engine import sqlite
from portal.spoken import SpokenEnvironment
from tests import writes_twice
from tests.engines import Databases, on_postgresql_server
from tests.sql_texts import SqlTexts

DATABASES = pytest.StashKey[Databases]()

# a busy machine takes its time for an example; with CI=true hypothesis waits anyway
settings.register_profile("patient", parent=settings(), deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=("sqlite", "postgresql"), default="sqlite", help="what the tests' databases are"
    )

    parser.addoption(
        "--writes-twice", action="store_true", help="run each write twice, the first time undone, as after a deadlock"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("engine") != "sqlite":
        items[:] = [item for item in items if item.get_closest_marker("sqlite") is None]
    if config.getoption("writes_twice"):
        items[:] = [item for item in items if item.get_closest_marker("once") is None]
    if hasattr(config, "workerinput"):
        begin_with_long_files(items)


def begin_with_long_files(items: list[pytest.Item]) -> None:
    """Order files by what they may take, longest first: one that is long and comes last has a processor for itself.

    xdist goes by the number of tests, and so began the journeys, of a few tests and a minute each, when all others were done.
    """
    may_take: Counter[Path] = Counter()
    for item in items:
        is_long = item.get_closest_marker("slow") or item.get_closest_marker("interop")
        may_take[item.path] += 50 if is_long else 1
    items.sort(key=lambda item: -may_take[item.path])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the collector of garbage pass over half a million objects of modules and tests, which stay to the end."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SqlTexts(), "sql texts")
    if config.getoption("writes_twice"):
        writes_twice.switch_on()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} may not be skipped in CI: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Collect garbage after a test, so that what it left is warned of within it, if it is allowed to, and in no later one."""
    result = yield
    if any("ResourceWarning" in str(mark.args) for mark in item.iter_markers("filterwarnings")):
        gc.collect()
    return result


@pytest.fixture(scope="session", autouse=True)
def _an_empty_database(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[None]:
    """A new database is a copy of one that was migrated once: three thousand tests start with one.

    The first of them made it as everybody does, and tests/services/test_upgrade.py goes the whole way.
    """
    template = Config(data=str(tmp_path_factory.mktemp("empty")))
    build = cores.build
    if request.config.getoption("engine") == "postgresql":
        with on_postgresql_server(build) as (cores.build, request.config.stash[DATABASES]):  # type: ignore[assignment]  # a default more or less
            yield
        cores.build = build
        return
    cores.close(build(template))

    def quick(config: Config, clock: Clock | None = None) -> Core:
        if not config.is_on_postgresql and not config.database_path.exists():
            config.database_path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(template.database_path, config.database_path)
        return build(config, clock)

    cores.build = quick
    yield
    cores.build = build


@pytest.fixture(autouse=True)
def _databases_are_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if (databases := request.config.stash.get(DATABASES, None)) is not None:
        databases.empty()


@pytest.fixture(scope="session", autouse=True)
def _pages_are_compiled_once() -> Iterator[None]:
    """Two thousand tests make a portal of their own: templates and rules of addresses are compiled for the first of them.

    Both depend on their text alone, the templates also on the language.
    """
    compile_template, compile_rule = SpokenEnvironment.compile, Rule.compile
    templates: dict[object, object] = {}
    rules: dict[object, dict[str, Any]] = {}

    def compiled(self: SpokenEnvironment, source: str, name: str, filename: str) -> object:
        key = (self.spoken, source, name, filename)
        if key not in templates:
            templates[key] = compile_template(self, source, name, filename)
        return templates[key]

    def compile_once(self: Rule) -> None:
        assert self.map is not None
        about = (self.map.host_matching, tuple(self.map.converters.items()), self.merge_slashes, repr(self.defaults))
        key = (self.rule, self.subdomain, self.host, about)
        if key not in rules:
            compile_rule(self)
            rules[key] = {name: getattr(self, name) for name in ("_parts", "_trace", "_converters", "arguments")}
            rules[key] |= {name: getattr(self, name).__func__ for name in ("_build", "_build_unknown")}
            return
        for name, value in rules[key].items():
            setattr(self, name, value.__get__(self, None) if name.startswith("_build") else value)

    SpokenEnvironment.compile, Rule.compile = compiled, compile_once  # type: ignore[method-assign,assignment]
    yield
    SpokenEnvironment.compile, Rule.compile = compile_template, compile_rule  # type: ignore[method-assign]


FSYNC, SYNCHRONOUS = os.fsync, sqlite._PRAGMAS["synchronous"]


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """No test loses its power: what a test's own process writes is not brought to the disk; `real_disk` does it.

    A commit waited milliseconds for the disk of a busy machine, a hundred thousand times a run.  Servers that tests start as
    processes of their own write as ever.
    """
    sqlite._PRAGMAS["synchronous"] = "off"
    os.fsync = lambda fd: None
    yield
    os.fsync, sqlite._PRAGMAS["synchronous"] = FSYNC, SYNCHRONOUS


@pytest.fixture
def real_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite._PRAGMAS, "synchronous", SYNCHRONOUS)
    monkeypatch.setattr(os, "fsync", FSYNC)


OURS, ITERATIONS = passwords._HASHER, scram.ITERATIONS


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Argon2id and SCRAM as ever, with parameters that cost a test nothing; `real_passwords` are ours.

    Clients accept 4,096 iterations and no fewer (RFC 7677 section 4).
    """
    scram.ITERATIONS = 4096
    passwords._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    passwords._HASHER, scram.ITERATIONS = OURS, ITERATIONS


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", OURS)
    monkeypatch.setattr(scram, "ITERATIONS", ITERATIONS)
