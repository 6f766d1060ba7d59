"""How the schema is made: each migration runs once, whatever ran before, whole or not at all, and its name is recorded."""

import ast
import contextlib
import importlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from peewee import SqliteDatabase
from playhouse.apsw_ext import APSWDatabase

from mailcore.errors import Busy, ConfigError
from mailcore.store import migrations
from mailcore.store.engine.sqlite import SqliteTx
from mailcore.store.migrations import numbered, runner
from mailcore.store.schema import erasure, tables

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
Write = Callable[..., None]  # name, body, phase


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the body of a migration as the module of that name, beside those of the program."""
    folder = tmp_path / "more"
    folder.mkdir()
    monkeypatch.setattr(migrations, "__path__", [*migrations.__path__, str(folder)])
    written: set[str] = set()

    def put(name: str, body: str, phase: str = "") -> None:
        (folder / f"{name}.py").write_text(f"PHASE = {phase!r}\ndef migrate(tx):\n    {body}\n")
        importlib.invalidate_caches()
        sys.modules.pop(f"{migrations.__name__}.{name}", None)
        written.add(name)

    yield put
    for name in written:
        sys.modules.pop(f"{migrations.__name__}.{name}", None)
        if hasattr(migrations, name):
            delattr(migrations, name)


def opened(dump: str = "", path: str = ":memory:") -> SqliteDatabase:
    database = APSWDatabase(path, timeout=60)
    database.connect()
    if dump:
        for _ in database.connection().execute((HERE / dump).read_text()):
            pass
    return database


def migrated(dump: str = "") -> SqliteDatabase:
    database = opened(dump)
    runner.migrate(database, 1)
    return database


@pytest.fixture(scope="module")
def new() -> SqliteDatabase:
    """Return a new database, whose schema all others must reach; tests only read it."""
    return migrated()


def rows(database: SqliteDatabase, sql: str, *params: object) -> list:
    return SqliteTx(database.connection()).rows(sql, *params)


def names_ran(database: SqliteDatabase) -> list[str]:
    return [row[0] for row in rows(database, "SELECT name FROM migration ORDER BY name")]


def as_text(database: SqliteDatabase) -> dict[str, str]:
    """Return the SQL of each table and index, with spellings that mean the same made equal."""
    found = {}
    for name, sql in rows(database, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        found[name] = re.sub(r"\s*([(),])\s*", r"\1", re.sub(r"\s+", " ", sql.replace('"', "")))
    return found


def as_meant(database: SqliteDatabase) -> dict[str, object]:
    """Columns of each table in any order, and indexes.

    A column that came later has a default and stands last; one that came with its table may have none and stand before.
    """
    found: dict[str, object] = {}
    for name, sql in as_text(database).items():
        if sql.startswith("CREATE TABLE"):
            columns = {row[1:4] + row[5:6] for row in rows(database, f"PRAGMA table_info({name})")}
            found[name] = (columns, sql.endswith("WITHOUT ROWID"))
        else:
            found[name] = sql
    return found


def test_the_release_becomes_what_a_new_database_is(new: SqliteDatabase):
    assert as_text(migrated("release_0_1_0.sql")) == as_text(new)


def test_the_first_database_becomes_what_a_new_database_is(new: SqliteDatabase):
    assert as_meant(migrated("first_schema.sql")) == as_meant(new)


def test_the_models_are_what_the_migrations_made(new: SqliteDatabase):
    """Columns and indexes; migrations have a few indexes that peewee cannot say."""
    declared = opened()
    with declared.bind_ctx(tables.all_models(), bind_refs=False, bind_backrefs=False):
        declared.create_tables(tables.all_models())
    made, models = as_meant(new), as_meant(declared)
    missing = {
        name: what if isinstance(what, str) else what[0] - made[name][0] if name in made else what
        for name, what in models.items()
        if made.get(name) != what
    }
    missing = {name: what for name, what in missing.items() if what}
    assert missing == {}, (
        "migrations must make these: indexes by this SQL, columns as (name, type, not null, primary key)"
    )
    assert {name for name, what in made.items() if isinstance(what, tuple)} - set(models) == {"migration"}


def test_each_table_that_refers_to_an_account_says_what_erasing_it_does():
    """A column of another name or kind would be a reference that nobody counts; others than `account_id` are roles."""
    silent, unnamed = [], []
    for model in tables.all_models():
        columns = erasure.account_columns(model)
        names = [field.column_name for field in model._meta.sorted_fields]
        if columns and not isinstance(getattr(model, "ERASE", None), erasure.Erase):
            silent.append(model.__name__)
        if ("account_id" in columns) != bool(columns) or {"account", "account_id"} & {*names} - {*columns}:
            unnamed.append(model.__name__)
    assert silent == [], "a model with an AccountField says ERASE (mailcore/store/schema/erasure.py)"
    assert unnamed == [], "whose row it is stands in `account_id = AccountField()`"


def test_each_column_of_the_database_is_in_its_model(new: SqliteDatabase):
    """Else one could refer to an account and nobody would ask what erasing does to it."""
    for model in tables.all_models():
        name = model._meta.table_name
        made = {row[1] for row in rows(new, f"PRAGMA table_info({name})")}
        said = {field.column_name for field in model._meta.sorted_fields}
        assert made ^ said == set(), f"say the same of `{name}` in a migration and in its model (mailcore/store/schema)"


def statements(file: Path) -> Iterator[str]:
    """Yield what a module of the store runs, as far as it is known before it runs."""
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(
            ("tx.row", "tx.run", "tx.insert", "tx.many")
        ):
            with contextlib.suppress(NameError, AttributeError):  # made of what only the call knows
                yield eval(compile(ast.Expression(node.args[0]), str(file), "eval"), {**vars(module), "marks": "?"})


def test_statements_of_the_store_name_tables_and_columns_that_there_are(new: SqliteDatabase):
    """A column that was renamed, say, in a statement that no other test runs."""
    wrong, count = [], 0
    for file in sorted((ROOT / "mailcore/store").rglob("*.py")):
        if file.parent.name in ("migrations", "engine"):
            continue
        for sql in statements(file):
            count += 1
            try:
                rows(new, f"EXPLAIN {sql}", *[None] * sql.count("?"))
            except apsw.Error as problem:
                wrong.append(f"{file.name}: {problem}: {sql}")
    assert wrong == []
    assert count > 300


def test_each_module_of_the_package_is_a_migration_or_known():
    others = {"__init__", "runner", "steps", "numbered", "fresh", "opening", "on_postgresql"}
    files = {file.stem for file in Path(migrations.__path__[0]).glob("*.py")}
    assert files - others == set(runner.known_names())
    for name in runner.known_names():
        module = importlib.import_module(f"{migrations.__name__}.{name}")
        assert module.__doc__, name
        assert callable(module.migrate), name


def test_each_runs_once_and_its_name_and_time_are_recorded():
    database = opened()
    runner.migrate(database, 1)
    runner.migrate(database, 2)
    assert names_ran(database) == runner.known_names()
    assert rows(database, "SELECT DISTINCT at FROM migration") == [(1,)]


def test_numbers_name_the_oldest_migrations_in_their_order():
    assert list(numbered.LAST_NUMBERS) == runner.known_names()[: len(numbered.LAST_NUMBERS)]
    assert list(numbered.LAST_NUMBERS.values()) == sorted(set(numbered.LAST_NUMBERS.values()))


# all that numbers tell apart: the last one of each migration, and one below it, where a part had run
NUMBERS = sorted({number - below for number in numbered.LAST_NUMBERS.values() for below in (0, 1)} - {0})


@pytest.mark.parametrize("number", NUMBERS)
def test_a_database_of_any_number_runs_what_it_has_not_had(number: int, new: SqliteDatabase):
    database = opened("first_schema.sql")
    tx = SqliteTx(database.connection())
    had = numbered.names_up_to(number)
    for name in had:
        importlib.import_module(f"{migrations.__name__}.{name}").migrate(tx)
    tx.run("UPDATE setting SET value=? WHERE key='schema'", str(number))
    runner.migrate(database, 7)
    assert names_ran(database) == runner.known_names()
    assert as_meant(database) == as_meant(new)
    assert rows(database, "SELECT count(*), max(saved_at) FROM message") == [(2, 0)]
    assert rows(database, "SELECT count(*) FROM summary") == [(2,)]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_migration_of_which_a_part_ran_may_run_again(number: int):
    """In the furthest case all of it had run, and all that came after it while migrations had numbers."""
    once = migrated("first_schema.sql")
    before = as_text(once), rows(once, "SELECT * FROM summary"), rows(once, "SELECT * FROM message")
    database = opened("first_schema.sql")
    tx = SqliteTx(database.connection())
    for name in numbered.LAST_NUMBERS:
        importlib.import_module(f"{migrations.__name__}.{name}").migrate(tx)
    tx.run("UPDATE setting SET value=? WHERE key='schema'", str(number))
    runner.migrate(database, 7)
    assert before == (
        as_text(database),
        rows(database, "SELECT * FROM summary"),
        rows(database, "SELECT * FROM message"),
    )


def test_a_database_that_ran_0025_before_it_had_its_index_gets_it():
    """The index was put into a migration that databases had had by then."""
    database = migrated()
    tx = SqliteTx(database.connection())
    whole = as_text(database)
    tx.run("DROP INDEX contact_without_card")
    tx.run("DELETE FROM migration WHERE name>='0032'")
    runner.migrate(database, 7)
    assert as_text(database) == whole


def test_programs_that_count_migrations_take_it_for_newer(new: SqliteDatabase):
    assert int(rows(new, "SELECT value FROM setting WHERE key='schema'")[0][0]) > numbered.HIGHEST


def test_a_number_that_is_not_known_is_refused_and_nothing_is_written():
    database = opened("first_schema.sql")
    SqliteTx(database.connection()).run("UPDATE setting SET value=? WHERE key='schema'", str(numbered.HIGHEST + 1))
    before = as_text(database)
    with pytest.raises(ConfigError, match=r"^the database is of a newer version of Alumnimail.*number 100\)$"):
        runner.migrate(database, 1)
    assert (as_text(database), rows(database, "SELECT value FROM setting WHERE key='schema'")) == (before, [("100",)])


def test_names_that_are_not_known_are_refused_before_anything_runs(write: Write):
    database = migrated()
    tx = SqliteTx(database.connection())
    for number in range(5):
        tx.run("INSERT INTO migration (name, at) VALUES (?, 1)", f"9{number}00_later")
    write("8000_ours", "tx.run('CREATE TABLE ours (id)')")
    with pytest.raises(
        ConfigError, match=r"^the database is of a newer .*\(9000_later, 9100_later, 9200_later, \.\.\.\)$"
    ):
        runner.migrate(database, 1)
    assert "ours" not in as_text(database)


@pytest.mark.parametrize("first", ["9000_mine", "9000_yours", "8999_theirs"])
def test_migrations_of_two_branches_both_run_whichever_came_first(write: Write, first: str):
    bodies = {name: f"tx.run('CREATE TABLE {name[5:]} (id)')" for name in ("9000_mine", "9000_yours", "8999_theirs")}
    database = migrated()
    write(first, bodies[first])
    runner.migrate(database, 1)
    assert set(bodies) & set(names_ran(database)) == {first}
    for name, body in bodies.items():
        write(name, body)
    runner.migrate(database, 2)
    assert {"mine", "yours", "theirs"} <= set(as_text(database))
    assert dict(rows(database, "SELECT name, at FROM migration WHERE name>='8999'")) == {
        n: 2 - (n == first) for n in bodies
    }


@pytest.mark.parametrize(
    "problem", ["tx.run('INSERT INTO nowhere VALUES (1)')", "{}['nothing']", "import no_such_module"]
)
def test_a_migration_that_fails_names_itself_and_leaves_nothing(write: Write, problem: str):
    database = opened()
    write("9000_good", "tx.run('CREATE TABLE good (id)')")
    write("9001_half", f"tx.run('CREATE TABLE half (id)'); tx.run('DELETE FROM setting'); {problem}")
    write("9002_after", "tx.run('CREATE TABLE after (id)')")
    with pytest.raises(Busy, match="cannot be brought up to date: 9001_half: "):
        runner.migrate(database, 1)
    assert {"good", "half", "after"} & set(as_text(database)) == {"good"}
    assert names_ran(database)[-1] == "9000_good"
    assert rows(database, "SELECT value FROM setting WHERE key='schema'")
    write("9001_half", "tx.run('CREATE TABLE half (id)')")
    runner.migrate(database, 2)
    assert {"good", "half", "after"} <= set(as_text(database))


def test_programs_that_begin_in_the_same_moment_run_each_migration_once(tmp_path: Path, write: Write, monkeypatch):
    """Each has looked before the other began, at the table and at the names in it."""
    for number in range(3):
        write(f"900{number}_step", f"tx.run('CREATE TABLE step{number} (id)')")  # a second time it would fail
    both = threading.Barrier(2)

    def meet(look: Callable) -> Callable:
        def looked(tx: SqliteTx, *more: str) -> object:
            found = look(tx, *more)
            if not tx._connection.in_transaction:
                both.wait(60)
            return found

        return looked

    for look in ("_has_table", "names_ran"):
        monkeypatch.setattr(runner, look, meet(getattr(runner, look)))
    failures: list[BaseException] = []

    def begin() -> None:
        database = opened(path=str(tmp_path / "new.db"))
        try:
            runner.migrate(database, 1)
        except BaseException as problem:  # noqa: BLE001 - told below
            failures.append(problem)
        finally:
            database.close()

    programs = [threading.Thread(target=begin) for _ in range(2)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert failures == []
    assert names_ran(opened(path=str(tmp_path / "new.db"))) == runner.known_names()


@pytest.mark.parametrize(("phase", "goes_on"), [("expand", True), ("", False), ("contract", False)])
def test_an_older_program_goes_on_beside_what_expands_alone(write: Write, tmp_path: Path, phase: str, goes_on: bool):
    database = migrated()
    write("9000_later", "tx.run('CREATE TABLE later (id)')", phase)
    runner.migrate(database, 2)
    tx = SqliteTx(database.connection())
    if phase == "contract":
        assert (runner.list_contracts(runner.names_ran(tx)), "later" in as_text(database)) == (["9000_later"], False)
        runner.run_migration(tx, "9000_later", 3)
    assert names_ran(database)[-1] == "9000_later"
    assert "later" in as_text(database)
    (tmp_path / "more/9000_later.py").unlink()  # the program of before
    importlib.invalidate_caches()
    with contextlib.nullcontext() if goes_on else pytest.raises(ConfigError, match=r"newer version.*\(9000_later\)"):
        runner.migrate(database, 4)


def test_a_new_database_is_contracted_at_once(write: Write):
    write("9000_later", "tx.run('CREATE TABLE later (id)')", "contract")
    assert "later" in as_text(migrated())
