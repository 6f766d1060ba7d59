"""A job of a large installation reads what is due, and not its tables (docs/scale.md)."""

from collections.abc import Iterator

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.operations import health, jobs
from mailcore.store.engine import portions
from mailcore.store.engine.portions import find_portion, save_portion
from mailcore.store.mail import blob_sweep
from tests import many_accounts, postgres_server
from tests.job_reads import count_reads

ACCOUNTS = 1500
SMALL = ACCOUNTS // 2  # rows; a smaller table may be read whole
MOST = 0.25  # of a table's rows that a turn may read
# what a job has to do with every row, and how often: once in its life, or once a day
ALLOWED = {
    ("marks of texts", "blob"), ("marks of texts", "blob_octets"),
    ("yearly word on take-outs", "account"),
    ("accounts that nobody uses", "account"), ("accounts that nobody uses", "credential"),
    ("accounts that nobody uses", "presence"),
}  # fmt: skip


needs_postgres = pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")


@pytest.fixture
def large(tmp_path, monkeypatch) -> Iterator[Config]:
    monkeypatch.setattr(many_accounts, "PER_ACCOUNT", 6)
    with postgres_server.serving(settings=("fsync=on",)) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE large")
        database = url.replace("@/postgres?", "@/large?")
        config = parse_config(f'domain = "alumni.example"\ndata = "{tmp_path}"\ndatabase = "{database}"\n')
        core = cores.build(config)
        account = accounts.add_account(core, "user1", password="correct horse battery")
        octets = [f"Subject: {number}\r\n\r\ntext".encode() for number in range(many_accounts.TEMPLATES)]
        many_accounts.save_templates(core, account.id, octets)
        cores.close(core)
        with psycopg.connect(database, autocommit=True) as connection:
            many_accounts.fill(connection, ACCOUNTS)
        yield config


@needs_postgres
def test_no_job_reads_a_whole_table(large, monkeypatch):
    monkeypatch.setattr(portions, "LEAST", 50)
    monkeypatch.setattr(blob_sweep, "LEAST", 50)
    monkeypatch.setattr(health, "LOOK", 50)
    core = cores.build(large)
    every = [job for job in jobs.list_jobs(core) if not job.waits]
    cores.close(core)
    nothing = count_reads(large, lambda core: None)
    whole = [
        f"{job.name!r} reads {read - nothing[table][1]} of {rows} rows of {table}"
        for job in every
        for table, (rows, read) in count_reads(large, job.run).items()
        if rows > SMALL and read - nothing[table][1] > rows * MOST and (job.name, table) not in ALLOWED
    ]
    assert len(every) > 30
    assert whole == []


def test_a_walk_in_portions_meets_every_row_and_begins_anew(core: Core, monkeypatch):
    monkeypatch.setattr(portions, "LEAST", 3)
    ids = [accounts.add_account(core, f"user{number}").id for number in range(8)]

    def walk(tx) -> tuple[list[int], bool]:
        portion = find_portion(tx, "account", "trial")
        save_portion(tx, portion)
        rows = tx.rows("SELECT id FROM account WHERE id>? AND id<=? ORDER BY id", portion.after, portion.until)
        return [row[0] for row in rows], portion.is_last

    met: list[int] = []
    is_last = False
    while not is_last:
        some, is_last = core.db.write(walk)
        assert len(some) <= 3
        met += some
    assert met[-len(ids) :] == ids
    assert core.db.write(walk)[0] == met[:3]


def test_a_small_table_is_one_portion_whose_place_is_not_written(core: Core):
    assert core.db.read(lambda tx: find_portion(tx, "account", "trial")).is_whole
