"""Several `serve` on one PostgreSQL: nodes of a cluster, and what their mailboxes and the outside server got."""

import contextlib
import os
import signal
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
from imapclient import IMAPClient

from tests import postgres_server
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until
from tests.postgres_server import Server

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

    def takes(self, subject: str) -> bool:
        """Send, and say if it was taken."""
        try:
            self.send(subject)
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def freeze(self) -> None:
        """Stop it where it is; when this returns none of its threads runs."""
        assert self.process is not None
        pid = self.process.pid
        os.killpg(pid, signal.SIGSTOP)
        assert until(lambda: all(state == "T" for state in states(pid)))

    def thaw(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)


class Cluster:
    """Nodes on the database `url` of a server."""

    def __init__(self, server: Server, nodes: list[Node], url: str) -> None:
        self.server, self.nodes, self.url = server, nodes, url


def states(pid: int) -> list[str]:
    """Return the state of each thread (proc(5))."""
    return [stat.read_text().rpartition(") ")[2][0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]


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
            yield Cluster(server, nodes, database)
        finally:
            for node in nodes:
                node.kill()


class Senders:
    """Threads that send all the time, each to a node of its own or by a balancer, until they are stopped.

    A node that stops says 421 or is gone; whoever sends comes again (RFC 5321 section 3.8), and counts as refused where that
    does not help.

    Attributes:
        tries: how often each acknowledged message was tried.
    """

    def __init__(self, ports: list[int]) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.tries: list[int] = []
        self._ports, self._stop = ports, threading.Event()
        self._at_work = [threading.Lock() for _ in ports]
        self._left: list[threading.Lock] = []
        self._threads = [threading.Thread(target=self._send_forever, args=(number,)) for number in range(len(ports))]
        for thread in self._threads:
            thread.start()

    def _send_forever(self, session: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            with self._at_work[session]:
                self._send(session, f"{session}-{number}")

    def _send(self, session: int, subject: str) -> None:
        for attempt in range(1, MOST_TRIES + 1):
            client = smtplib.SMTP(timeout=60)
            try:
                client.connect("127.0.0.1", self._ports[session])
                client.sendmail("a@b.example", ["ola@alumni.example"], letter(subject, 3000))
            except (OSError, smtplib.SMTPException) as problem:
                if attempt == MOST_TRIES or "451" in str(problem) or "5." in str(problem):
                    self.refused.append(f"{subject}: {problem!r}")
                self._stop.wait(PAUSE)
            else:
                self.acknowledged.append(subject)
                self.tries.append(attempt)
                return
            finally:
                client.close()

    def wait_for(self, more: int = 20) -> None:
        """Wait until so many more were acknowledged."""
        before = len(self.acknowledged)
        assert until(lambda: len(self.acknowledged) > before + more), self.refused

    def leave(self, port: int) -> None:
        """Send nothing more to a port, as when a balancer takes it out; what is under way ends first."""
        for lock, own in zip(self._at_work, self._ports, strict=True):
            if own == port:
                lock.acquire()
                self._left.append(lock)

    def come_back(self) -> None:
        while self._left:
            self._left.pop().release()

    def stop(self) -> None:
        self.come_back()
        self._stop.set()
        for thread in self._threads:
            thread.join()
