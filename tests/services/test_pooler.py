"""pgbouncer in transaction mode before PostgreSQL: each transaction may have another connection to the server."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import ConfigError
from mailcore.services.accounts import accounts
from mailcore.store.engine import postgres_connection
from mailcore.store.mail import integrity
from tests import postgres_server
from tests.machine import free_port, listens, program, running, until

pytestmark = pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
SERVER_CONNECTIONS = 3
MESSAGE = b"From: a@b.example\r\nSubject: %d\r\n\r\nhei\r\n"
Pool = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        yield url


@pytest.fixture
def direct(server: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE mail")
    yield server.replace("@/postgres?", "@/mail?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE mail WITH (FORCE)")


@pytest.fixture
def pool(direct: str, tmp_path: Path) -> Pool:
    """Starts a pooler with settings of its own, and gives the URL of the database behind it."""

    @contextmanager
    def start(settings: str) -> Iterator[str]:
        pgbouncer, port = program("pgbouncer"), free_port()
        file = tmp_path / "pgbouncer.ini"
        folder = direct.partition("host=")[2]
        file.write_text(
            f"[databases]\nmail = host={folder} dbname=mail user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n{settings}\n"
        )
        as_user = ["-u", "postgres"] if os.geteuid() == 0 else []  # it refuses to run as root
        command = [pgbouncer, *as_user, str(file)]
        with running(command, tmp_path, lambda: listens(port)):
            yield f"postgresql://postgres@127.0.0.1:{port}/mail"

    return start


def refusal(config: Config) -> str:
    with pytest.raises(ConfigError) as caught:
        cores.build(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def allow_settings(direct: str, said: str) -> None:
    """Do what the error says."""
    with psycopg.connect(direct, autocommit=True) as connection:
        for statement in said.partition("ALTER")[2].split("; ALTER"):
            connection.execute(f"ALTER{statement}".encode())


def test_a_pooler_that_refuses_our_settings_is_told_in_a_line(pool, direct, tmp_path):
    with pool("") as url:
        assert "ignore_startup_parameters = options" in refusal(Config(data=str(tmp_path / "var"), database=url))


def test_a_pooler_that_drops_our_settings_is_told_in_a_line_and_nothing_is_written(pool, direct, tmp_path):
    with pool("ignore_startup_parameters = options") as url:
        said = refusal(Config(data=str(tmp_path / "var"), database=url))
    assert "ALTER DATABASE mail SET lock_timeout='30s';" in said
    with psycopg.connect(direct) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname='public'").fetchone() == (0,)


@pytest.fixture
def two(pool: Pool, direct: str, tmp_path: Path) -> Iterator[tuple[Core, Core]]:
    with pool("ignore_startup_parameters = options") as url:
        config = Config(data=str(tmp_path / "var"), database=url, database_listen=direct)
        allow_settings(direct, refusal(config))
    with pool("ignore_startup_parameters = options") as url:
        config = Config(data=str(tmp_path / "var"), database=url, database_listen=direct)
        made = cores.build(config), cores.build(config)
        yield made
        for core in made:
            cores.close(core)


def test_many_read_and_write_by_few_connections_and_lose_nothing(two):
    """Each statement is run often, so that it would be prepared."""
    people = [accounts.add_account(two[0], f"ola{number}").id for number in range(3)]

    def work(core: Core, account: AccountId, first: int) -> None:
        for number in range(first, first + 12):
            prepared = core.blobs.prepare(MESSAGE % number)

            def append(tx, prepared=prepared) -> None:
                inbox = core.mail.mailbox(tx, account, "INBOX")
                uid = core.mail.append(tx, account, inbox.id, prepared, frozenset(), core.clock.now())
                core.mail.set_flags(tx, inbox.id, [(uid, uid)], "add", frozenset({"\\Flagged"}))

            core.db.write(append, of=[account])
            assert core.db.read(lambda tx: core.mail.mailbox(tx, account, "INBOX").messages)

    threads = [
        Thread(target=work, args=(core, account, 100 * number))
        for number, core in enumerate(two)
        for account in people
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for account in people:
        inbox = two[1].db.read(lambda tx, account=account: two[1].mail.mailbox(tx, account, "INBOX"))
        assert (inbox.messages, inbox.uidnext) == (1 + 48, 1 + 1 + 48)
    assert two[0].db.read(integrity.list_wrong_mailboxes) == two[0].db.read(integrity.list_wrong_quotas) == []


def test_hints_come_by_the_way_of_their_own(two):
    first, second = two
    ola = accounts.add_account(first, "ola").id
    heard: set[int] = set()
    wires = [core.db.exchange_news(heard.update if core is second else lambda accounts: None) for core in two]
    try:
        names = ["Old", "Archive"]

        def is_heard() -> bool:
            first.db.write(lambda tx: first.mail.rename(tx, ola, names[1], names[0]), of=[ola])
            names.reverse()
            return ola in heard

        assert until(is_heard)
    finally:
        for wire in wires:
            wire.close()


def test_a_pooler_is_seen(two, direct):
    for url, is_pooled in ((two[0].config.database, True), (direct, False)):
        with postgres_connection.connect(url) as connection:
            assert postgres_connection.is_pooled(connection) is is_pooled
            assert (connection.prepare_threshold is None) is is_pooled
