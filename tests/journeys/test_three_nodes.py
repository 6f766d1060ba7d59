"""Three nodes on one PostgreSQL (N44): each hears of the others' mail.

One that dies, sleeps or cannot reach the database costs no message and doubles none.
"""

import contextlib
import re
import smtplib
import ssl
import statistics
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from imapclient import IMAPClient

from tests import postgres_server
from tests.journeys.conftest import PASSWORD, Sink
from tests.journeys.nodes import SILENT, Cluster, Node, Senders, clustering, letter, subjects, went_out
from tests.machine import free_port, listens, program, running, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]


@pytest.fixture
def cluster(tmp_path: Path, sink: Sink) -> Iterator[Cluster]:
    with clustering(tmp_path, sink, ("a", "b", "c"), is_balanced=False) as three:
        yield three


def leases(cluster: Cluster) -> Counter[str]:
    with psycopg.connect(cluster.url) as connection:
        rows = connection.execute("SELECT leased_by FROM queue WHERE leased_until>0").fetchall()
    return Counter(str(row[0]).partition("/")[0] for row in rows)


def queued(cluster: Cluster) -> int:
    """Count the items that were tried."""
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute("SELECT count(*) FROM queue WHERE tries>0 AND leased_until=0").fetchone()
    return int(row[0]) if row else 0


def retry(cluster: Cluster) -> None:
    """Let all be due now."""
    with psycopg.connect(cluster.url) as connection:
        connection.execute("UPDATE queue SET next_at=0")
        connection.execute("DELETE FROM destination")


def test_idle_on_one_node_hears_a_delivery_on_another(cluster):
    first, _, third = cluster.nodes
    client = third.imap()
    client.select_folder("INBOX")
    client.idle()
    took = []
    for number in range(20):
        first.send(f"news {number}")
        answered = time.monotonic()
        heard: list[object] = []
        while not any(b"EXISTS" in answer for answer in heard if isinstance(answer, tuple)):
            heard += client.idle_check(timeout=10)
            assert heard, "nothing was heard"
        took.append(time.monotonic() - answered)
    client.idle_done()
    client.logout()
    # no bound of time, which a loaded machine would miss; that nodes give each other hints stands in tests/services/test_nodes.py
    print(f"IDLE on another node: median {statistics.median(took):.3f} s, longest {max(took):.3f} s")


def test_every_250_of_a_node_that_is_killed_is_there_once_and_others_send_what_it_had(cluster, sink):
    first, second, third = cluster.nodes
    first.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
    acknowledged: list[str] = []
    stop = threading.Event()

    def deliver(node: Node, session: int) -> None:
        number = 0
        with (
            contextlib.suppress(OSError, smtplib.SMTPException),
            smtplib.SMTP("127.0.0.1", node.ports["smtp"], timeout=60) as client,
        ):
            while not stop.is_set():
                number += 1
                subject = f"{session}-{number}"
                octets = 150_000 if number % 5 == 0 else 3000
                client.sendmail("a@b.example", ["ola@alumni.example"], letter(subject, octets))
                acknowledged.append(subject)

    sessions = [
        threading.Thread(target=deliver, args=(node, 10 * place + number))
        for place, node in enumerate((first, second))
        for number in range(3)
    ]
    for session in sessions:
        session.start()
    assert until(lambda: len(acknowledged) > 40 and len(sink.mail) > 10)
    first.kill()
    assert until(lambda: len(acknowledged) > 80)
    stop.set()
    for session in sessions:
        session.join()

    client = third.imap()
    there = subjects(client)
    client.logout()
    assert [subject for subject in acknowledged if there[subject] != 1] == []
    assert [subject for subject, times in there.items() if times > 1] == []
    # what was in the dead node's hands goes out by the others
    assert until(lambda: not set(acknowledged) - set(went_out(sink)), 60 + 5 * SILENT), set(acknowledged) - set(
        went_out(sink)
    )
    twice = [subject for subject, times in went_out(sink).items() if times > 1]
    assert len(twice) <= 20, "only answers that were lost in the kill"
    third.run("check")  # ends with 1 where anything is wrong


def test_a_node_that_slept_sends_nothing_that_others_took_over(cluster, sink):
    first, second, third = cluster.nodes
    first.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
    sink.answer = "451 4.3.0 later"
    for node in (second, third):
        node.freeze()  # so that the first has all of the queue
    for number in range(30):
        first.send(f"sleeper {number}")
    assert until(lambda: queued(cluster) == 30)
    sink.is_thinking = True
    retry(cluster)
    assert until(lambda: leases(cluster)["a"] > 0 and len(sink.sessions) > 0)
    first.freeze()
    sink.drop()  # what the sleeper had sent and nobody had answered is not said to have come
    sink.answer, sink.is_thinking = "250 OK", False
    for node in (second, third):
        node.thaw()
    retry(cluster)
    assert until(lambda: len(went_out(sink)) == 30, 120), went_out(sink)
    first.thaw()
    assert until(lambda: first.takes("awake"))
    assert until(lambda: went_out(sink)["awake"] == 1)
    assert [subject for subject, times in went_out(sink).items() if times > 1] == []


def test_the_database_goes_away_and_comes_back(cluster):
    first, second, third = cluster.nodes
    client = third.imap()
    client.select_folder("INBOX")
    cluster.server.stop()
    began = time.monotonic()
    codes = set()
    while time.monotonic() - began < 8:
        try:
            first.send("while it is away")
        except smtplib.SMTPRecipientsRefused as problem:
            codes |= {code for code, _ in problem.recipients.values()}
        except smtplib.SMTPResponseException as problem:
            codes.add(problem.smtp_code)
    assert codes, "nothing was refused"
    assert all(400 <= code < 500 for code in codes), codes
    cluster.server.start()

    assert until(lambda: second.takes("back"))
    client.noop()
    assert subjects(client)["back"] == 1
    client.logout()
    for node in cluster.nodes:
        assert node.process is not None
        assert node.process.poll() is None


def write_balancer(cluster: Cluster, file: Path) -> dict[str, int]:
    """Write the settings of the balancer that we ship for these nodes, and return its ports by listener."""
    text = (Path(__file__).parents[2] / "deploy/container/haproxy.cfg").read_text()
    ports = {"smtp": free_port(), "imaps": free_port(), "http": free_port()}
    for name, port in (("smtp", 25), ("imaps", 993), ("http", 8080)):
        text = text.replace(f"bind :{port}\n", f"bind 127.0.0.1:{ports[name]}\n")
        for node, place in zip(cluster.nodes, "ab", strict=True):
            server = f"node-{place}:{port}"
            assert server in text
            text = re.sub(rf"{server}\b(.*)", rf"127.0.0.1:{node.ports[name]}\1 port {node.ports['http']}", text)
    for name in ("submissions", "submission", "managesieve"):  # which these nodes have not
        text = re.sub(rf"listen {name}\n(    .*\n)+", "", text)
    assert "server a node-" not in text
    file.write_text(text)
    return ports


def test_nodes_are_restarted_one_after_another_behind_a_balancer_and_nobody_is_refused(tmp_path, sink):
    haproxy = program("haproxy")
    with clustering(tmp_path, sink, ("a", "b"), is_balanced=True) as cluster:
        ports = write_balancer(cluster, tmp_path / "haproxy.cfg")
        command = [haproxy, "-db", "-f", str(tmp_path / "haproxy.cfg")]
        with running(command, tmp_path, lambda: listens(ports["smtp"])):
            senders = Senders([ports["smtp"]] * 4)
            try:
                for node in cluster.nodes:
                    senders.wait_for()
                    node.stop()
                    senders.wait_for()
                    node.start()
                senders.wait_for()
            finally:
                senders.stop()
            context = ssl._create_unverified_context()
            client = IMAPClient("127.0.0.1", ports["imaps"], ssl_context=context, timeout=60)
            client.login("ola@alumni.example", PASSWORD)
            there = subjects(client)
            client.logout()
            page = urllib.request.urlopen(f"http://127.0.0.1:{ports['http']}/ready", timeout=60)
            assert page.status == 200
        print(f"messages by the times they were tried: {sorted(Counter(senders.tries).items())}")
        assert senders.refused == []
        assert len([times for times in senders.tries if times > 1]) < len(senders.tries) / 4
        assert there - Counter(["Velkommen til Alumnimail"]) == Counter(senders.acknowledged)
