"""A database of the first version is brought up to date when it is opened, and nothing in it is lost."""

import threading
from pathlib import Path

import apsw
import pytest
from playhouse.apsw_ext import APSWDatabase

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId, Scope
from mailcore.mail.criteria import Field, Summed
from mailcore.mail.text import fold
from mailcore.services import accounts, health, login
from mailcore.store import query, tables

SCHEMA = Path(__file__).with_name("first_schema.sql")
OLA = AccountId(1)


@pytest.fixture
def old(tmp_path: Path):
    database = apsw.Connection(str(tmp_path / "alumnimail.db"))
    for _ in database.execute(SCHEMA.read_text()):
        pass
    database.close()
    core = cores.build(Config(data=str(tmp_path)))
    yield core
    cores.close(core)


def test_its_mail_is_there_and_can_be_searched(old: Core):
    box = old.db.read(lambda tx: old.mail.mailbox(tx, OLA, "INBOX"))
    assert (box.messages, box.keywords) == (2, {"$x"})
    plan = query.plan(Field(Summed.SUBJECT, fold("hei")))
    assert [row[query.UID] for row in old.db.read(lambda tx: plan.narrow(tx, box.id))] == [2]
    assert old.db.read(lambda tx: old.mail.octets(tx, box.id, 2)).endswith(b"\r\n\r\nhei\r\n")


def test_its_password_opens_the_account(old: Core):
    assert login.authenticate(old, "ola", "en lang hemmelighet", peer="127.0.0.1", scope=Scope.IMAP).account.id == OLA


def test_all_is_well(old: Core):
    assert health.check(old, repair=False) == []


def test_a_second_opening_changes_nothing(old: Core, tmp_path: Path):
    again = cores.build(Config(data=str(tmp_path)))
    try:
        assert accounts.get(again, "ola") == accounts.get(old, "ola")
    finally:
        cores.close(again)


def test_programs_that_begin_in_the_same_moment_take_each_step_once(tmp_path: Path, monkeypatch):
    """Each has looked before the other began."""
    steps: list[int] = []
    monkeypatch.setattr(tables, "MIGRATIONS", [lambda db, n=n: steps.append(n) for n in range(3)])
    both = threading.Barrier(2)
    look = tables._version

    def looked(db) -> int:
        found = look(db)
        if not db.in_transaction():
            both.wait(60)
        return found

    monkeypatch.setattr(tables, "_version", looked)

    def begin() -> None:
        database = APSWDatabase(str(tmp_path / "new.db"), timeout=60)
        database.connect()
        tables.migrate(database)
        database.close()

    programs = [threading.Thread(target=begin) for _ in range(2)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert steps == [0, 1, 2]
