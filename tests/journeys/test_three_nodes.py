"""Three nodes on one PostgreSQL (N44): each hears of the others' mail.

One that dies, sleeps or cannot reach the database costs no message and doubles none.
"""

import contextlib
import os
import re
import signal
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
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import free_port, listens, program, running, until
from tests.postgres_server import Server

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed"),
]
SILENT = 6  # seconds
MOST_TRIES, PAUSE = 5, 0.2  # of a sender, and seconds between two


class Node(House):
    """`serve` with a data folder, a name and ports of its own."""

    def __init__(self, folder: Path, sink: Sink, database: str, name: str, *, is_balanced: bool = False) -> None:
        shared = folder.parent
        more = f'[cluster]\nkey = "{shared}/cluster.key"\nnode = "{name}"\nsilent_seconds = {SILENT}\n'
        off = ("managesieve", "submission", "submissions")
        super().__init__(folder, sink, workers=0, more=more, off=off if is_balanced else (*off, "http"))
        settings = f'database = "{database}"\nblobs = "file://{shared}/blobs"\n'
        text = settings + self.config.read_text()
        if is_balanced:
            text = text.replace("[listen]", '[listen]\nbalancers = ["127.0.0.0/8"]') + "[web]\nproxies = 1\n"
        self.config.write_text(text)

    def imap(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.ports["imap"], ssl=False, timeout=60)
        client.login("ola@alumni.example", PASSWORD)
        return client

    def send(self, subject: str, octets: int = 1000) -> None:
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=60) as client:
            client.sendmail("a@b.example", ["ola@alumni.example"], letter(subject, octets))


class Cluster:
    def __init__(self, server: Server, nodes: list[Node]) -> None:
        self.server, self.nodes = server, nodes


def letter(subject: str, octets: int = 1000) -> bytes:
    return f"From: a@b.example\r\nSubject: {subject}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * (octets // 70)


def subjects(client: IMAPClient) -> Counter[str]:
    client.select_folder("INBOX")
    found = client.fetch(client.search(), ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
    return Counter(
        octets.partition(b"Subject: ")[2].strip().decode()
        for answer in found.values()
        for name, octets in answer.items()
        if name.startswith(b"BODY")
    )


def went_out(sink: Sink) -> Counter[str]:
    return Counter(octets.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode() for _, _, octets in sink.mail)


@pytest.fixture
def cluster(tmp_path: Path, sink: Sink) -> Iterator[Cluster]:
    with clustering(tmp_path, sink, ("a", "b", "c"), is_balanced=False) as three:
        yield three


@contextlib.contextmanager
def clustering(tmp_path: Path, sink: Sink, names: tuple[str, ...], *, is_balanced: bool) -> Iterator[Cluster]:
    (tmp_path / "cluster.key").write_bytes(os.urandom(32))
    with postgres_server.running(settings=("fsync=on", "max_connections=200")) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE mail")
        nodes = []
        database = server.url.replace("@/postgres?", "@/mail?")
        for name in names:
            (tmp_path / name).mkdir()
            nodes.append(Node(tmp_path / name, sink, database, name, is_balanced=is_balanced))
        try:
            for node in nodes:
                node.start()
            nodes[0].run("user", "add", "ola", "--password-stdin", given=PASSWORD)
            yield Cluster(server, nodes)
        finally:
            for node in nodes:
                node.kill()


def leases(cluster: Cluster) -> Counter[str]:
    with psycopg.connect(cluster.server.url.replace("@/postgres?", "@/mail?")) as connection:
        rows = connection.execute("SELECT leased_by FROM queue WHERE leased_until>0").fetchall()
    return Counter(str(row[0]).partition("/")[0] for row in rows)


def queued(cluster: Cluster) -> int:
    """Count the items that were tried."""
    with psycopg.connect(cluster.server.url.replace("@/postgres?", "@/mail?")) as connection:
        row = connection.execute("SELECT count(*) FROM queue WHERE tries>0 AND leased_until=0").fetchone()
    return int(row[0]) if row else 0


def retry(cluster: Cluster) -> None:
    """Let all be due now."""
    with psycopg.connect(cluster.server.url.replace("@/postgres?", "@/mail?")) as connection:
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
    print(f"IDLE on another node: median {statistics.median(took):.3f} s, longest {max(took):.3f} s")
    assert statistics.median(took) < 0.15  # by a hint; the poll alone takes a quarter of a second
    assert max(took) < 1.3


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
        os.killpg(node.process.pid, signal.SIGSTOP)  # so that the first has all of the queue
    for number in range(30):
        first.send(f"sleeper {number}")
    assert until(lambda: queued(cluster) == 30)
    retry(cluster)
    assert until(lambda: leases(cluster)["a"] > 0)
    os.killpg(first.process.pid, signal.SIGSTOP)
    for node in (second, third):
        os.killpg(node.process.pid, signal.SIGCONT)
    sink.answer = "250 OK"
    retry(cluster)
    assert until(lambda: len(went_out(sink)) == 30, 60 + 5 * SILENT), went_out(sink)
    os.killpg(first.process.pid, signal.SIGCONT)
    first.send("awake")
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

    def is_taken() -> bool:
        try:
            second.send("back")
        except (OSError, smtplib.SMTPException):
            return False
        return True

    assert until(is_taken, 20)
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
        acknowledged: list[str] = []
        refused: list[str] = []
        tries: list[int] = []  # that each acknowledged message took
        stop = threading.Event()

        def deliver(session: int) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                subject = f"{session}-{number}"
                # a node that stops says 421 or is gone; whoever sends comes again (RFC 5321 section 3.8)
                for attempt in range(1, MOST_TRIES + 1):
                    client = smtplib.SMTP(timeout=60)
                    try:
                        client.connect("127.0.0.1", ports["smtp"])
                        client.sendmail("a@b.example", ["ola@alumni.example"], letter(subject, 3000))
                    except (OSError, smtplib.SMTPException) as problem:
                        if attempt == MOST_TRIES or "451" in str(problem) or "5." in str(problem):
                            refused.append(f"{subject}: {problem!r}")
                        stop.wait(PAUSE)
                    else:
                        acknowledged.append(subject)
                        tries.append(attempt)
                        break
                    finally:
                        client.close()

        command = [haproxy, "-db", "-f", str(tmp_path / "haproxy.cfg")]
        with running(command, tmp_path, lambda: listens(ports["smtp"])):
            sessions = [threading.Thread(target=deliver, args=(number,)) for number in range(4)]
            for session in sessions:
                session.start()
            for node in cluster.nodes:
                before = len(acknowledged)
                assert until(lambda before=before: len(acknowledged) > before + 20), refused
                node.stop()
                before = len(acknowledged)
                assert until(lambda before=before: len(acknowledged) > before + 20), refused
                node.start()
            before = len(acknowledged)
            assert until(lambda: len(acknowledged) > before + 20), refused
            stop.set()
            for session in sessions:
                session.join()
            context = ssl._create_unverified_context()
            client = IMAPClient("127.0.0.1", ports["imaps"], ssl_context=context, timeout=60)
            client.login("ola@alumni.example", PASSWORD)
            there = subjects(client)
            client.logout()
            page = urllib.request.urlopen(f"http://127.0.0.1:{ports['http']}/ready", timeout=60)
            assert page.status == 200
        print(f"messages by the times they were tried: {sorted(Counter(tries).items())}")
        assert refused == []
        assert len([times for times in tries if times > 1]) < len(tries) / 4
        assert there - Counter(["Velkommen til Alumnimail"]) == Counter(acknowledged)
