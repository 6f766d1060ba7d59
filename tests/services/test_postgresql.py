"""PostgreSQL where it differs from SQLite, on a real server: refusals at the start, turns, texts, writes broken off."""

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.errors import Busy, ConfigError
from mailcore.services.accounts import accounts
from mailcore.store import migrations
from mailcore.store.engine import postgres_connection
from mailcore.store.migrations import on_postgresql
from mailcore.store.people.accounts import get_account
from tests import postgres_server
from tests.machine import until

PROGRAM = Path(sys.executable).with_name("alumnimail")

pytestmark = pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        yield url


@pytest.fixture
def config(server: str, tmp_path) -> Iterator[Config]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE one")
    yield Config(data=str(tmp_path / "var"), database=server.replace("@/postgres?", "@/one?"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE one WITH (FORCE)")


@pytest.fixture
def core(config: Config) -> Iterator[Core]:
    made = cores.build(config)
    yield made
    cores.close(made)


def refusal(url: str, folder) -> str:
    with pytest.raises((ConfigError, Busy)) as caught:
        cores.build(Config(data=str(folder), database=url))
    return str(caught.value)


def test_of_several_hosts_the_one_line_says_what_each_answered(server, tmp_path):
    """While nobody has promoted the standby, its refusal alone would hide that the first is away."""
    folder = server.rpartition("host=")[2]
    gone = tmp_path / "gone"
    said = refusal(f"postgresql://postgres@/none?host={folder},{gone}&target_session_attrs=read-write", tmp_path)
    assert "\n" not in said
    assert 'database "none" does not exist' in said
    assert f"'{gone}'" in said


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        ("ENCODING 'LATIN1'", "encoding LATIN1"),
        ("ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'", "collation of ICU"),
    ],
)
def test_a_database_of_another_collation_or_encoding_is_refused(server, tmp_path, made, wrong):
    url = server.replace("@/postgres?", "@/other?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS other")
        try:
            connection.execute(f"CREATE DATABASE other TEMPLATE template0 {made}".encode())
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this server was built without ICU")
    said = refusal(url, tmp_path)
    assert wrong in said
    assert "CREATE DATABASE" in said
    assert "\n" not in said
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname='public'").fetchone() == (0,)


@pytest.mark.parametrize("setting", ["synchronous_commit=off", "fsync=off"])
def test_a_server_that_loses_mail_in_a_crash_is_refused(tmp_path, setting, monkeypatch):
    monkeypatch.setattr(postgres_connection, "MAY_LOSE_ALL", False)
    with postgres_server.serving(settings=(setting,)) as url:
        assert setting.partition("=")[0] in refusal(url, tmp_path)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname='public'").fetchone() == (0,)


def test_an_older_server_is_refused(config, monkeypatch, tmp_path):
    monkeypatch.setattr(postgres_connection, "OLDEST", 990000)
    assert "too old" in refusal(config.database, tmp_path)


def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path):
    said = refusal(f"postgresql://postgres@/x?host={tmp_path}", tmp_path)
    assert "the database cannot be opened" in said
    assert "\n" not in said


def test_a_newer_schema_is_left_alone(config, tmp_path):
    cores.close(cores.build(config))
    with psycopg.connect(config.database) as connection:
        connection.execute("INSERT INTO migration (name, at) VALUES ('9999_of_tomorrow', 1)")
    with postgres_server.left_as_it_is(config.database):
        said = refusal(config.database, config.data)
    assert "newer version" in said
    assert "\n" not in said


def test_a_change_of_a_table_waits_for_who_reads_it_and_holds_up_nobody_else(config, tmp_path, monkeypatch):
    cores.close(cores.build(config))
    monkeypatch.setattr(on_postgresql, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(migrations, "__path__", [*migrations.__path__, str(tmp_path)])
    (tmp_path / "9000_labels.py").write_text(
        "PHASE = 'expand'\ndef migrate(tx):\n    tx.run(\"ALTER TABLE message ADD COLUMN label TEXT\")\n"
    )
    with psycopg.connect(config.database) as backup, psycopg.connect(config.database, autocommit=True) as other:
        backup.execute("SELECT count(*) FROM message")
        upgrade = threading.Thread(target=lambda: cores.close(cores.build(config)))
        upgrade.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation='message'::regclass"
        for _ in range(2):
            assert until(lambda: other.execute(waiting).fetchone() == (1,))
            other.execute("SET lock_timeout='20s'")
            assert other.execute("SELECT count(*) FROM message").fetchone() == (0,)
        backup.rollback()
        upgrade.join()
        assert other.execute("SELECT count(label) FROM message").fetchone() == (0,)
    sys.modules.pop(f"{migrations.__name__}.9000_labels")


def test_what_is_not_to_be_served_is_not_migrated(config):
    cores.close(cores.build(config))
    with psycopg.connect(config.database) as connection:
        connection.execute("INSERT INTO setting (key,value) VALUES ('moved','sqlite')")
        connection.execute("DELETE FROM migration")
    with pytest.raises(ConfigError, match="has moved to sqlite"):
        cores.build(config)
    with psycopg.connect(config.database) as connection:
        assert connection.execute("SELECT count(*) FROM migration").fetchone() == (0,)


def test_a_database_has_one_folder_of_data(config, tmp_path):
    cores.close(cores.build(config))
    with postgres_server.left_as_it_is(config.database):
        said = refusal(config.database, tmp_path / "other")
    assert "several nodes" in said
    assert "\n" not in said
    cores.close(cores.build(config))


@pytest.mark.once
@pytest.mark.parametrize("options", [[], ["--write"]])
def test_the_database_is_shown_by_psql_and_changed_with_write_alone(config, core, tmp_path, options):
    accounts.add_account(core, "ola")
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{config.data}"\ndatabase = "{config.database}"\n')
    said = "UPDATE account SET display_name='Kari'; SELECT name, display_name FROM account;"
    command = [PROGRAM, "--config", file, "shell", "--sql", *options]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=180)
    changed = bool(options)
    assert re.search(rf"ola +\| {'Kari' if changed else '$'}", done.stdout, re.M)
    assert ("read-only transaction" in done.stderr) != changed


def test_what_psql_is_given_holds_no_password_in_its_arguments():
    url = "postgresql://ann:se%20cret@db.example:5433/mail?sslmode=verify-full&options=-c%20a%3Db"
    assert postgres_connection.list_environment(url, write=True) == {
        "PGUSER": "ann",
        "PGPASSWORD": "se cret",
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGDATABASE": "mail",
        "PGSSLMODE": "verify-full",
        "PGOPTIONS": "-c a=b",
    }
    reading = postgres_connection.list_environment(url, write=False)
    assert reading["PGOPTIONS"] == "-c a=b -c default_transaction_read_only=on"


def test_what_is_not_offered_there_says_so(config):
    with pytest.raises(ConfigError, match="SQLite alone"):
        _ = config.database_path


def test_nul_and_lone_surrogates_reach_no_text(core):
    ola = accounts.add_account(core, "ola").id
    core.db.write(lambda tx: tx.run("UPDATE account SET display_name=? WHERE id=?", "a\0b\ud800c", ola))
    assert core.db.read(lambda tx: get_account(tx, ola)).display_name == "a\ufffdb\ufffdc"


@pytest.mark.once
def test_a_write_that_the_server_breaks_off_is_run_again(core):
    tries: list[int] = []

    def write(tx) -> int:
        tries.append(1)
        tx.run("UPDATE setting SET value='1' WHERE key='schema'")
        if len(tries) < 3:
            raise errors.SerializationFailure("another was first")
        return len(tries)

    assert core.db.write(write) == 3


def test_what_the_server_undoes_at_the_end_is_not_said_to_be_saved(core):
    """After an error that nobody tells of, COMMIT undoes everything and calls that no error."""

    def write(tx) -> None:
        tx.run("INSERT INTO setting (key,value) VALUES ('a','1')")
        with contextlib.suppress(psycopg.IntegrityError):
            tx.run("INSERT INTO setting (key,value) VALUES ('a','2')")

    with pytest.raises(Busy):
        core.db.write(write)
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='a'")) is None
    core.db.write(lambda tx: tx.run("INSERT INTO setting (key,value) VALUES ('a','3')"))
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='a'")) == ("3",)


def test_a_server_that_was_started_anew_costs_no_write(core, config):
    core.db.write(lambda tx: tx.run("INSERT INTO setting (key,value) VALUES ('a','1')"))
    with psycopg.connect(config.database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='one' AND pid<>pg_backend_pid()"
        )
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='a'")) == ("1",)
    core.db.write(lambda tx: tx.run("UPDATE setting SET value='2' WHERE key='a'"))
    assert core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='a'")) == ("2",)


def test_writers_of_several_processes_take_turns_and_lose_nothing(config):
    """Read, then write, as much of the store does: right only for one writer at a time."""
    made = [cores.build(config) for _ in range(3)]
    made[0].db.write(lambda tx: tx.run("INSERT INTO setting (key,value) VALUES ('n','0')"))

    def add(tx) -> None:
        [[value]] = tx.rows("SELECT value FROM setting WHERE key='n'")
        tx.run("UPDATE setting SET value=? WHERE key='n'", str(int(value) + 1))

    threads = [
        threading.Thread(target=lambda c=c: [c.db.write(add) for _ in range(20)]) for c in made for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert made[0].db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='n'")) == ("240",)
    finally:
        for one in made:
            cores.close(one)


def test_a_change_that_commits_late_is_heard(core, config):
    """Another transaction numbers its change first, and commits after a later one has been seen."""
    ola, kari = (accounts.add_account(core, name).id for name in ("ola", "kari"))
    core.read_news(-1)
    with psycopg.connect(config.database) as late:
        late.execute("SELECT 1 FROM account WHERE id=%s FOR NO KEY UPDATE", (ola,))
        late.execute("INSERT INTO change (account_id,mailbox,modseq,kind,uids) VALUES (%s,1,9,'add','')", (ola,))
        core.db.write(lambda tx: core.mail.create(tx, kari, "New"), of=[kari])
        newest, woken = core.read_news(0)
        assert woken == {kari}
        assert core.read_news(newest) == (newest, set())
    assert core.read_news(newest) == (newest, {ola})
    assert core.read_news(newest) == (newest, set())


def test_writes_of_other_accounts_do_not_wait_for_each_other(config):
    first, second = (cores.build(config) for _ in range(2))
    try:
        ola, kari = (accounts.add_account(first, name).id for name in ("ola", "kari"))
        within, done = threading.Event(), threading.Event()

        def wait(tx) -> None:
            first.mail.rename(tx, ola, "Archive", "New")
            within.set()
            done.wait(30)

        waiting = threading.Thread(target=first.db.write, args=(wait, [ola]))
        waiting.start()
        assert within.wait(30)
        second.db.write(lambda tx: second.mail.rename(tx, kari, "Archive", "New"), of=[kari])  # while the other waits
        done.set()
        waiting.join()
        second.db.write(lambda tx: second.mail.rename(tx, ola, "New", "Old"), of=[ola])
    finally:
        for one in (first, second):
            cores.close(one)
