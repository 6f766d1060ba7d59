"""An installation moved between SQLite with files and PostgreSQL with a real S3 server, there and back."""

import dataclasses
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import S3, Config
from mailcore.core import Core
from mailcore.errors import ConfigError, MoveProblem
from mailcore.process.data_lock import lock_data
from mailcore.services.accounts import accounts
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import backup, database_move, health
from mailcore.store.copies import tables
from mailcore.store.mail import annotations
from mailcore.store.objects.files import FileObjects
from mailcore.store.queue.items import enqueue_mail, list_items
from mailcore.store.schema.tables import all_models
from mailcore.store.site import nodes
from tests import postgres_server, s3_server
from tests.mailboxes import everything, put
from tests.s3_server import S3Server

pytestmark = [
    pytest.mark.sqlite,  # it is about both
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]
SMALL = b"From: a@b.example\r\nSubject: %d \xc3\xa5\r\n\r\nHello\r\n"
LARGE = b"From: a@b.example\r\nSubject: large %d\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server.serving() as running:
        yield running


@pytest.fixture(scope="module")
def databases() -> Iterator[str]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        yield url


@pytest.fixture
def far(server: S3Server, databases: str, tmp_path: Path) -> Iterator[Config]:
    """PostgreSQL and S3."""
    with psycopg.connect(databases, autocommit=True) as connection:
        connection.execute("CREATE DATABASE far")
    place = server.new_place()
    yield Config(
        data=str(tmp_path / "far"),
        database=databases.replace("@/postgres?", "@/far?"),
        blobs=f"s3://{place.name}/{place.prefix}",
        s3=S3(server.endpoint, access_key=s3_server.ACCESS, secret_key=s3_server.SECRET),
    )
    with psycopg.connect(databases, autocommit=True) as connection:
        connection.execute("DROP DATABASE far WITH (FORCE)")


@pytest.fixture
def near(tmp_path: Path) -> Config:
    """SQLite and files, with mail in it."""
    config = Config(data=str(tmp_path / "near"))
    core = cores.build(config)
    dkim_keys.ensure_keys(config)
    fill(core)
    cores.close(core)
    return config


def fill(core: Core) -> None:
    chance = random.Random(1)
    for name in ("ola", "kari"):
        account = accounts.add_account(core, name, password="correct horse battery", quota=0)
        for number in range(30):
            put(core, account, chance.choice(("INBOX", "Åre", "Sent")), SMALL % number, flags=("\\Seen", "$Label1"))
        for number in range(3):
            put(core, account, "INBOX", LARGE % number + chance.randbytes(100_000).hex().encode())
        core.db.write(
            lambda tx, account=account: annotations.save_entry(tx, account.id, 0, "/private/x", b"\xff\0\xe5")
        )
    ola = accounts_of(core)[0]
    core.db.write(
        lambda tx: core.mail.expunge(tx, core.mail.mailbox(tx, ola.id, "Sent").id, [(1, 3)], only_deleted=False)
    )
    core.db.write(
        lambda tx: enqueue_mail(
            tx,
            core.blobs,
            sender="ola@alumni.example",
            recipients=["x@y.example"],
            prepared=core.blobs.prepare(SMALL % 77),
            prefix=b"Received: x\r\n",
            account=None,
            origin="submission",
            now=1,
        )
    )


def accounts_of(core: Core) -> list:
    return [accounts.find_account(core, name) for name in ("ola", "kari")]


def contents(config: Config) -> list:
    core = cores.build(config)
    try:
        assert health.check_installation(core, repair=False) == []
        queue = core.db.read(lambda tx: [(item.sender, item.recipient) for item in list_items(tx)])
        notes = core.db.read(lambda tx: [annotations.list_entries(tx, one.id, 0) for one in accounts_of(core)])
        return [*(everything(core, account) for account in accounts_of(core)), queue, notes]
    finally:
        cores.close(core)


def move(old: Config, new: Config, **words) -> database_move.Moved:
    return database_move.move_installation(
        old, new, Clock(), progress=lambda octets: None, say=lambda line: None, **words
    )


def test_everything_moves_to_postgresql_and_s3_and_back(near, far, tmp_path):
    before = contents(near)
    moved = move(near, far)
    assert (moved.large, moved.missing, moved.messages) == (6, [], count_messages(before))
    with pytest.raises(ConfigError, match="has moved to postgresql"):
        cores.build(near)
    assert contents(far) == before
    assert (tmp_path / "far" / "dkim" / "rsa1.pem").exists()
    core = cores.build(far)
    put(core, accounts_of(core)[0], "INBOX", b"Subject: new there\r\n\r\nnumbers go on\r\n")
    health.sweep_orphans(core)
    cores.close(core)
    there = contents(far)
    back = Config(data=str(tmp_path / "back"))
    move(far, back)
    assert contents(back) == there
    with pytest.raises(ConfigError, match="has moved"):
        cores.build(far)
    with pytest.raises(MoveProblem, match="--replace"):
        move(back, far)
    move(back, far, replace=True)
    assert contents(far) == there


def count_messages(before: list) -> int:
    return sum(len(messages) for account in before[:2] for messages in account.values())


def test_every_table_and_every_column_is_copied():
    known = {table.name for table in tables.list_tables()} | set(tables.OWN_TABLES)
    core_tables = {model._meta.table_name for model in all_models()}
    assert known == core_tables
    for table in tables.list_tables():
        assert set(table.key) <= set(table.columns)


def test_the_service_is_stopped_for_the_rest_alone(near, far):
    said: list[str] = []

    with lock_data(near):  # it serves
        mover = subprocess.Popen([*command(near, far)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert mover.stderr is not None
        said = [mover.stderr.readline(), mover.stderr.readline()]
        core = cores.build(near)
        account = accounts_of(core)[0]
        put(core, account, "INBOX", SMALL % 1000)
        put(core, account, "INBOX", LARGE % 1000 + b"x" * 200_000)
        core.db.write(lambda tx: tx.run("DELETE FROM message WHERE uid=2"))
        cores.close(core)
        assert "stop the service now" in "".join(said)
    out, err = mover.communicate(timeout=120)
    assert (mover.returncode, err) == (0, "")
    assert "moved and compared" in out
    database_move.abandon(near, Clock())
    assert rows_of(near) == rows_of(far)


def test_other_nodes_that_serve_are_waited_for(near, far):
    move(near, far)
    core = cores.build(far)
    core.db.write(lambda tx: nodes.save_beat(tx, "b", "1", 0))
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        core.db.write(lambda tx: nodes.delete_node(tx, "b"))  # it has stopped

    back = Config(data=str(Path(far.data).parent / "back"))
    database_move.move_installation(far, back, Clock(), progress=lambda octets: None, say=hear)
    cores.close(core)
    assert said == ["these nodes serve still, or were killed just now: b; stop all of them"]


def rows_of(config: Config) -> list:
    core = cores.build(config)
    try:
        return [everything(core, account) for account in accounts_of(core)]
    finally:
        cores.close(core)


# the command, killed at the write whose number follows: before it, or after it is committed
KILLED = """
import os, signal, sys
from mailcore.cli import main
from mailcore.store.engine.db import Db
left, is_before, write = int(sys.argv.pop(1)), sys.argv.pop(1) == "before", Db.write
def counted(*given, **named):
    global left
    left -= 1
    if not left and is_before:
        os.kill(os.getpid(), signal.SIGKILL)
    result = write(*given, **named)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
Db.write = counted
main()
"""


def command(old: Config, new: Config, *killed: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        KILLED if killed else "from mailcore.cli import main; main()",
        *killed,
        "--config",
        written(old),
        "move-database",
        written(new),
    ]


def written(config: Config) -> str:
    file = Path(config.data).with_suffix(".toml")
    lines = [f'{key} = "{getattr(config, key)}"' for key in ("data", "database", "blobs") if getattr(config, key)]
    if config.bucket:
        lines += ["[s3]", *(f'{one.name} = "{getattr(config.s3, one.name)}"' for one in dataclasses.fields(config.s3))]
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_a_move_that_is_killed_goes_on_and_nobody_serves_half_of_it(near, far):
    before = contents(near)
    # a run writes more than sixty times: it opens, marks, copies octets, then each table
    for number, when in ((3, "before"), (6, "after"), (12, "before"), (25, "after"), (60, "before")):
        mover = subprocess.run(command(near, far, str(number), when))
        assert mover.returncode == -signal.SIGKILL
        with pytest.raises(ConfigError):
            cores.build(far)
    subprocess.run(command(near, far), check=True)
    assert contents(far) == before
    with pytest.raises(ConfigError):
        cores.build(near)


def test_what_is_half_filled_is_served_by_nobody_and_finished_by_the_next(near, far, monkeypatch):
    before = contents(near)
    with monkeypatch.context() as patch:
        patch.setattr(database_move._Move, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            move(near, far)
    with pytest.raises(ConfigError, match="not complete"):
        cores.build(far)
    move(near, far)
    assert contents(far) == before


def test_octets_that_rotted_are_told_and_nothing_is_served_from_there(near, far):
    core = cores.build(near)
    core.db.write(lambda tx: tx.run("UPDATE blob_octets SET octets=? WHERE blob=3", b"rotten"))
    cores.close(core)
    with pytest.raises(MoveProblem, match="blob 3 are not what their name says"):
        move(near, far)
    with pytest.raises(ConfigError, match="not complete"):
        cores.build(far)
    cores.close(cores.build(near))


def test_large_messages_that_are_gone_are_told_by_number(near, far):
    core = cores.build(near)
    path = next(iter(FileObjects(near.blobs_path).paths()))
    cores.close(core)
    path.write_bytes(b"rotten")
    assert len(move(near, far).missing) == 1


@pytest.mark.parametrize("there", ["near", "far"])
def test_a_backup_of_either_engine_is_restored_onto_either(near, far, tmp_path, there):
    before = contents(near)
    move(near, far)
    folder = tmp_path / "backup"
    first = backup.create_backup(far, folder, Clock())
    assert (first.blobs, first.missing) == (6, 0)
    again = backup.create_backup(far, folder, Clock())
    assert again.written < first.written / 2
    assert not list(folder.glob("database.*"))
    if there == "near":
        new = Config(data=str(tmp_path / "restored"))
    else:
        with pytest.raises(ConfigError, match="--replace"):
            backup.restore_backup(far, folder, Clock())
        new = far
    done = backup.restore_backup(new, folder, Clock(), replace=there == "far")
    assert (done.missing, done.held) == (0, 1)
    assert contents(new) == before


def test_a_backup_of_sqlite_is_restored_onto_postgresql_and_s3(near, far, tmp_path):
    before = contents(near)
    backup.create_backup(near, tmp_path / "backup", Clock())
    assert backup.restore_backup(far, tmp_path / "backup", Clock()).missing == 0
    assert contents(far) == before
    core = cores.build(far)
    put(core, accounts_of(core)[1], "INBOX", SMALL % 5000)
    cores.close(core)
