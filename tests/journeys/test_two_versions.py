"""Two versions of the program on one database while mail flows (N44): the schema expands, both go on, and then it contracts."""

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from mailcore.store.migrations.runner import known_names
from tests import postgres_server
from tests.journeys.nodes import Cluster, Node, Senders, clustering, subjects, went_out
from tests.machine import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]
ROOT = Path(__file__).parents[2]
MIGRATIONS = {
    "9001_labels": """\
PHASE = "expand"


def migrate(tx):
    tx.run("ALTER TABLE message ADD COLUMN label TEXT NOT NULL DEFAULT ''")
    tx.run("ALTER TABLE queue ADD COLUMN label TEXT NOT NULL DEFAULT ''")
    tx.run("CREATE TABLE label (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)")
    tx.run("CREATE INDEX queue_label ON queue (label, id)")
""",
    "9002_fewer_indexes": """\
PHASE = "contract"


def migrate(tx):
    tx.run("DROP INDEX queueitem_blob")
""",
}
NOT_BESIDE = "def migrate(tx):\n    tx.run('ALTER TABLE label RENAME TO tag')\n"


def make_version(folder: Path, version: str, migrations: dict[str, str]) -> dict[str, str]:
    """Lay out the program as another version with migrations of its own, and return the environment that starts it."""
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("mailcore", "portal", "sieve"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    told = folder / f"alumnimail-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: alumnimail\nVersion: {version}\n")
    for name, text in migrations.items():
        (folder / "mailcore/store/migrations" / f"{name}.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(folder)}


def ran(cluster: Cluster) -> set[str]:
    with psycopg.connect(cluster.url) as connection:
        return {str(row[0]) for row in connection.execute("SELECT name FROM migration")} - set(known_names())


def versions(cluster: Cluster) -> list[str]:
    with psycopg.connect(cluster.url) as connection:
        return [str(row[0]) for row in connection.execute("SELECT version FROM node ORDER BY name")]


def refusal(node: Node, *words: str) -> str:
    done = subprocess.run([*node.command(), *words], capture_output=True, text=True, timeout=120, env=node.environment)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_cluster_is_brought_to_a_new_version_node_by_node_while_mail_flows(tmp_path, sink):
    newer = make_version(tmp_path / "newer", "99.0", MIGRATIONS)
    newest = make_version(tmp_path / "newest", "99.1", MIGRATIONS | {"9003_tags": NOT_BESIDE})
    with clustering(tmp_path, sink, ("a", "b"), is_balanced=False) as cluster:
        first, second = cluster.nodes
        older = first.environment
        first.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
        senders = Senders([node.ports["smtp"] for node in cluster.nodes for _ in range(2)])
        try:
            senders.wait_for()
            senders.leave(second.ports["smtp"])
            second.stop()
            second.environment = newer
            second.start()  # while the older one takes mail and sends it on
            assert ran(cluster) == {"9001_labels"}
            senders.come_back()
            senders.wait_for()
            assert versions(cluster)[1] == "99.0"
            assert len(set(versions(cluster))) == 2

            # an older node starts anew beside the newer, and holds up what takes away
            senders.leave(first.ports["smtp"])
            first.stop()
            first.start()
            senders.come_back()
            senders.wait_for()
            assert "a (" in refusal(second, "migrate", "--contract")
            assert ran(cluster) == {"9001_labels"}

            # what is no addition does not run beside others
            second.environment = newest
            assert "9003_tags" in refusal(second, "migrate")
            second.environment = newer

            senders.leave(first.ports["smtp"])
            first.stop()
            first.environment = newer
            first.start()
            senders.come_back()
            senders.wait_for()
            second.run("migrate", "--contract")  # while both take mail
            assert ran(cluster) == {"9001_labels", "9002_fewer_indexes"}
            senders.wait_for()
        finally:
            senders.stop()

        assert senders.refused == []
        client = second.imap()
        there = subjects(client)
        client.logout()
        assert there - Counter(["Velkommen til Alumnimail"]) == Counter(senders.acknowledged)
        assert until(lambda: len(went_out(sink)) == len(senders.acknowledged))
        assert set(went_out(sink).values()) == {1}
        second.run("check")
        first.stop()
        first.environment = older
        assert "newer version" in refusal(first, "migrate")
