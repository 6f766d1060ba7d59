"""Several nodes on one PostgreSQL (N44): refusals at the start, what they share, who is dead, and who has what was leased."""

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from mailcore import core as cores
from mailcore.cli.serve import prepare
from mailcore.config import Cluster, Config
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.errors import Busy, ConfigError
from mailcore.process import feed
from mailcore.services.accounts import accounts
from mailcore.services.limits import keys
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import health, shared_files
from mailcore.services.operations.nodes import Membership
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import claim_items, holds_lease
from mailcore.store.site import jobs, nodes
from portal import create_app
from tests import postgres_server, queueing
from tests.machine import until

pytestmark = pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
Named = Callable[[str], Config]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server.serving(settings=("fsync=on",)) as url:
        yield url


@pytest.fixture
def named(server: str, tmp_path: Path) -> Iterator[Named]:
    """Settings of a node, by its name."""
    (tmp_path / "key").write_bytes(os.urandom(32))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE cluster")

    def make(name: str) -> Config:
        return Config(
            data=str(tmp_path / name),
            database=server.replace("@/postgres?", "@/cluster?"),
            blobs=f"file://{tmp_path}/blobs",
            cluster=Cluster(str(tmp_path / "key"), name, 6),
        )

    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE cluster WITH (FORCE)")


@pytest.fixture
def two(named: Named) -> Iterator[tuple[Core, Core]]:
    made = cores.build(named("a")), cores.build(named("b"))
    yield made
    for core in made:
        cores.close(core)


def tables(config: Config) -> int:
    with psycopg.connect(config.database) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname='public'").fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[cluster]\nkey = "k"', "PostgreSQL"),
        ('database = "postgresql://x/y"\n[cluster]\nkey = "k"', "blobs"),
        ('database = "postgresql://x/y"\nblobs = "file:///b"\n[cluster]\nkey = "k"\nnode = "a/b"', "slash"),
        ('database = "postgresql://x/y"\nblobs = "file:///b"\n[cluster]\nkey = "k"\nsilent_seconds = 1', "from 6"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(text, said):
    with pytest.raises(ConfigError, match=said):
        parse_config(text)


def test_a_key_that_is_missing_or_none_is_told_in_a_line_and_nothing_is_written(named, tmp_path):
    config = named("a")
    for octets, said in ((None, "cannot be read"), (b"short", "5 octets, not 32")):
        (tmp_path / "key").unlink(missing_ok=True)
        if octets is not None:
            (tmp_path / "key").write_bytes(octets)
        with pytest.raises(ConfigError, match=said) as caught:
            cores.build(config)
        assert "\n" not in str(caught.value)
        assert tables(config) == 0


def test_the_key_of_another_cluster_is_refused(named, tmp_path):
    cores.close(cores.build(named("a")))
    other = named("b")
    (tmp_path / "other").write_bytes(os.urandom(32))
    wrong = dataclasses.replace(other, cluster=dataclasses.replace(other.cluster, key=str(tmp_path / "other")))
    alone = dataclasses.replace(other, cluster=Cluster())
    for config, said in ((wrong, "is not the key of the cluster"), (alone, "belongs to a cluster")):
        with postgres_server.left_as_it_is(config.database), pytest.raises(ConfigError, match=said) as caught:
            cores.build(config)
        assert "\n" not in str(caught.value)
    cores.close(cores.build(other))


@pytest.mark.parametrize("off", [-3, 3])
def test_a_clock_that_is_off_is_refused_and_nothing_is_written(named, monkeypatch, off):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + off)
    config = named("a")
    with pytest.raises(ConfigError, match="clock differs") as caught:
        cores.build(config)
    assert "\n" not in str(caught.value)
    assert tables(config) == 0


def test_nodes_have_the_same_keys_certificates_and_dkim(named):
    first, second = named("a"), named("b")
    prepare(first)
    prepare(second)
    for name in ("tries", "scram", "device"):
        assert keys.load_key(first, name) == keys.load_key(second, name)
    assert dkim_keys.dns_records(first) == dkim_keys.dns_records(second)
    assert dkim_keys.list_signers(first)
    for file in (first.data_path / "tls").iterdir():
        assert (second.data_path / "tls" / file.name).read_bytes() == file.read_bytes()
    with psycopg.connect(first.database) as connection:
        rows = connection.execute("SELECT name, sealed FROM shared_file").fetchall()
    assert not [name for name, sealed in rows if b"PRIVATE".hex() in sealed]


def test_keys_from_before_the_cluster_come_to_all_nodes(named):
    first, second = named("a"), named("b")
    (first.data_path / "keys").mkdir(parents=True)
    (first.data_path / "keys" / "scram").write_bytes(b"k" * 32)
    prepare(first)
    prepare(second)
    assert keys.load_key(second, "scram") == b"k" * 32
    third = named("c")
    (third.data_path / "keys").mkdir(parents=True)
    (third.data_path / "keys" / "scram").write_bytes(b"o" * 32)
    with pytest.raises(ConfigError, match="move it away"):
        prepare(third)
    assert (third.data_path / "keys" / "scram").read_bytes() == b"o" * 32


def test_a_rotation_on_one_node_is_one_on_all(named):
    configs = named("a"), named("b")
    for config in configs:
        prepare(config)
    first, second = (cores.build(config) for config in configs)
    try:
        with shared_files.changing(first, replace=True):
            assert dkim_keys.rotate(first, force=True, actor="cli").made == 2
        shared_files.fetch_files(second)
        assert dkim_keys.generations(second.config) == [1, 2]
        with shared_files.changing(second, replace=True):
            assert dkim_keys.rotate(second, force=True, actor="cli").signs == 2
        shared_files.fetch_files(first)
        assert dkim_keys.current(first.config)[0] == 2
        assert dkim_keys.list_signers(first.config) == dkim_keys.list_signers(second.config)
    finally:
        cores.close(first)
        cores.close(second)


def queue_one(core: Core, tx: Tx) -> int:
    [item] = queueing.enqueue_within(core, tx, "b@outside.example", origin="notice")
    return item


def test_what_a_dead_node_had_is_free_and_what_a_live_one_has_is_not(two):
    first, second = two
    item = first.db.write(lambda tx: queue_one(first, tx))
    now = first.clock.seconds()
    assert first.db.write(lambda tx: jobs.claim_job(tx, "sweep", now, 3600, 900, "a"))
    assert first.db.write(lambda tx: claim_items(tx, now, 9, 900, by="a/1/1"), of=())
    members = [member_at_rest(first), Membership(second)]  # the first was killed: no beat, and no word at the end
    silence(first, "a", -3600)  # alive, however long this machine takes
    try:
        members[1]._beat()
        assert not second.db.write(lambda tx: claim_items(tx, now, 9, 900, by="b/1/1"), of=())
        silence(first, "a", 3600 + 7)
        assert until(lambda: not first.db.read(lambda tx: holds_lease(tx, item, "a/1/1")))
        assert [one.id for one in second.db.write(lambda tx: claim_items(tx, now, 9, 900, by="b/1/1"), of=())] == [item]
        assert second.db.write(lambda tx: jobs.claim_job(tx, "sweep", now, 3600, 900, "b"))
        assert not second.db.write(lambda tx: jobs.claim_job(tx, "sweep", now, 3600, 900, "b"))
    finally:
        members[0]._thread = None
        for member in members:
            member.close()


def member_at_rest(core: Core) -> Membership:
    """A member whose beats are the test's own."""
    member = Membership(core)
    member._over.set()
    member._thread.join()
    return member


def silence(core: Core, name: str, seconds: int) -> int:
    """Let a node be silent, and return when it was heard of last."""
    core.db.run_apart(lambda tx: tx.run("UPDATE node SET seen_at=seen_at-? WHERE name=?", seconds, name))
    return next(node.seen_at for node in core.db.read(nodes.list_nodes) if node.name == name)


def test_a_node_that_is_heard_again_before_its_leases_are_freed_keeps_them(two):
    first, second = two
    members = [member_at_rest(core) for core in two]
    item = first.db.write(lambda tx: queue_one(first, tx))
    first.db.write(lambda tx: claim_items(tx, first.clock.seconds(), 9, 900, by="a/1/1"), of=())
    seen_at = silence(second, "a", 7)
    with ThreadPoolExecutor() as pool:

        def beat_slowly(tx: Tx) -> Future[int]:
            nodes.save_beat(tx, "a", "1", 1)
            freeing = pool.submit(second.db.run_apart, lambda tx: nodes.release_leases_of_dead(tx, "a", seen_at))
            with pytest.raises(TimeoutError):  # it waits until the beat is saved
                freeing.result(0.5)
            return freeing

        assert first.db.run_apart(beat_slowly).result(20) == 0
    assert first.db.read(lambda tx: holds_lease(tx, item, "a/1/1"))
    for member in members:
        member.close()


def test_a_dead_node_is_freed_until_nothing_is_left_and_again_when_it_dies_again(two, monkeypatch):
    first, second = two
    members = [member_at_rest(core) for core in two]
    runs: list[object] = []
    real = second.db.run_apart
    monkeypatch.setattr(second.db, "run_apart", lambda fn: (runs.append(fn), real(fn))[1])

    def beat() -> int:
        runs.clear()
        members[1]._beat()
        return len(runs)

    def lease() -> None:
        first.db.write(lambda tx: queue_one(first, tx))
        first.db.write(lambda tx: claim_items(tx, first.clock.seconds(), 9, 900, by="a/1/1"), of=())

    lease()
    silence(first, "a", 7)
    assert [beat() for _ in range(4)] == [2, 2, 1, 1]
    members[0]._beat()
    lease()
    silence(first, "a", 300)  # another moment than before, however long this took
    assert [beat() for _ in range(4)] == [2, 2, 1, 1]
    assert not first.db.read(lambda tx: tx.rows("SELECT id FROM queue WHERE leased_until>0"))
    for member in members:
        member.close()


def test_a_balancer_hears_that_a_node_is_fenced(two):
    first, _ = two
    browser = create_app(first).test_client()

    def ask() -> int:
        return browser.get("/ready").status_code

    assert ask() == 200  # no process of this node runs the queue
    member = member_at_rest(first)
    assert ask() == 200
    silence(first, "a", 5)  # the others wait for one second more
    assert ask() == 503
    member._beat()
    assert ask() == 200
    member.close()


def test_octets_are_removed_while_others_write(two, monkeypatch):
    first, second = two
    name = os.urandom(32)
    first.db.write(lambda tx: tx.run("INSERT INTO orphan (name,free_at,doomed_at) VALUES (?,1,1)", name))
    remove, removed = first.blobs.objects.remove, []

    def remove_slowly(names: list[bytes]) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(second.db.write, lambda tx: tx.row("SELECT 1")).result(5)
        removed.extend(names)
        remove(names)

    monkeypatch.setattr(first.blobs.objects, "remove", remove_slowly)
    health.sweep_orphans(first)
    assert removed == [name]


def test_a_removal_that_takes_long_holds_its_rows(two):
    """The server ended it after ten seconds, and a message with the same octets was saved in between."""
    first, _ = two

    def pause(tx: Tx) -> str:
        row = tx.row("SHOW idle_in_transaction_session_timeout")
        return row[0] if row else ""

    assert first.db.run_apart(pause) == "10s"
    assert first.db.run_apart(pause, pause_seconds=health.REMOVAL_SECONDS) == "2min"


def test_a_node_that_ends_in_order_is_not_waited_for(two):
    first, second = two
    members = [Membership(core) for core in two]
    assert [node.name for node in second.db.read(nodes.list_nodes)] == ["a", "b"]
    members[0].close()
    assert [node.name for node in second.db.read(nodes.list_nodes)] == ["b"]
    members[1].close()


def test_a_node_that_is_not_heard_fences_itself_and_has_lost_what_it_leased(two, monkeypatch):
    first, _ = two
    real = first.db.run_apart
    member = Membership(first)
    try:
        leased_at = time.monotonic()
        assert not member.has_lapsed(leased_at)

        def away(fn) -> None:
            raise Busy("away")

        monkeypatch.setattr(first.db, "run_apart", away)
        assert until(lambda: member.is_fenced)
        assert member.has_lapsed(time.monotonic())
        monkeypatch.setattr(first.db, "run_apart", real)
        assert until(lambda: not member.is_fenced)
        assert member.has_lapsed(leased_at)
        assert not member.has_lapsed(time.monotonic())
    finally:
        member.close()


def test_a_change_on_one_node_is_heard_on_another_by_a_hint(two):
    first, second = two
    heard: list[int] = []
    wires = [core.db.exchange_news(lambda accounts: heard.extend(accounts)) for core in two]
    try:
        made: list[int] = []

        def add_and_look() -> bool:  # the other may not listen yet
            made.append(accounts.add_account(first, f"ola{len(made)}").id)
            return not set(heard).isdisjoint(made)

        assert until(add_and_look)
    finally:
        for wire in wires:
            wire.close()
    assert second.read_news(0)[0] > 0


def test_a_hint_of_another_node_wakes_who_watches_an_account(two, monkeypatch):
    for name in ("POLL_SECONDS", "FAR_SECONDS"):
        monkeypatch.setattr(feed, name, 3600)  # after the look at the start nothing but a hint wakes
    first, second = two
    ola = accounts.add_account(first, "ola", password="correct horse battery")
    box = first.db.read(lambda tx: first.mail.mailbox(tx, ola.id, "INBOX").id)
    octets = first.blobs.prepare(b"Subject: x\r\n\r\n")

    def save() -> None:
        first.db.write(lambda tx: first.mail.append(tx, ola.id, box, octets, frozenset(), first.clock.now()))

    async def play() -> None:
        woken = asyncio.Event()
        unwatch = second.feed.watch(ola.id, woken.set)
        second.start_feed()
        wire, times = first.db.exchange_news(lambda accounts: None), 0
        try:
            async with asyncio.timeout(60):
                while times < 3:  # it may not listen yet
                    woken.clear()
                    await asyncio.to_thread(save)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await woken.wait()
                    times += woken.is_set()
        finally:
            unwatch()
            wire.close()
            second.feed.stop()

    asyncio.run(play())


def test_two_nodes_claim_each_item_once(two):
    first, _ = two
    items = [first.db.write(lambda tx: queue_one(first, tx)) for _ in range(40)]
    now = first.clock.seconds()
    claimed = [
        item.id
        for turn in range(20)
        for core in two
        for item in core.db.write(lambda tx, core=core: claim_items(tx, now, 3, 900, by=core.config.node_name), of=())
    ]
    assert sorted(claimed) == items
