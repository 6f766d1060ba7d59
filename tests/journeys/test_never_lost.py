"""kill -9 of the whole process group at random moments of parallel delivery and of queue runs, twenty times.

Every `250` that we gave is in the mailbox exactly once; at the next server every one of them is there, and one is
doubled only where the answer to it was lost in a kill.
"""

import os
import random
import smtplib
import ssl
import threading
import time
from collections import Counter

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
ROUNDS = int(os.environ.get("KILL_ROUNDS", "20"))
SESSIONS = 6
LANES = 20  # connections that may each have lost one answer in a kill


class Counting(Sink):
    """Remembers in which round, from one kill to the next, each message came."""

    def __init__(self) -> None:
        self.round, self.rounds = 0, dict[str, list[int]]()
        super().__init__()

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        subject = envelope.content.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode()
        self.rounds.setdefault(subject, []).append(self.round)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def sink():
    made = Counting()
    yield made
    made.stop()


def deliver(house: House, session: int, acknowledged: list[str], stop: threading.Event) -> None:
    """Send until the server dies; every message has a subject of its own, every fifth is large enough for a file."""
    number = 0
    try:
        with smtplib.SMTP("127.0.0.1", house.ports["smtp"], timeout=60) as client:
            while not stop.is_set():
                number += 1
                subject = f"{time.monotonic_ns()}-{session}-{number}"
                size = 150_000 if number % 5 == 0 else 3000
                message = f"From: a@b.example\r\nSubject: {subject}\r\n\r\n" + f"{subject}\r\n" * (size // 30)
                client.sendmail("a@b.example", ["ola@alumni.example"], message.encode())
                acknowledged.append(subject)
                time.sleep(0.01)
    except (OSError, smtplib.SMTPException):
        return


def test_every_250_is_there_exactly_once_and_goes_on_after_twenty_kills(build, sink):
    house = build(off=("http", "managesieve"))
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    house.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        stop = threading.Event()
        threads = [
            threading.Thread(target=deliver, args=(house, session, acknowledged, stop)) for session in range(SESSIONS)
        ]
        # in every second round nothing comes in while the queue runs on what earlier kills left
        before = len(acknowledged)
        for thread in threads if number % 2 == 0 else []:
            thread.start()
        assert until(lambda more=before + 1 - number % 2: len(acknowledged) >= more)
        time.sleep(random.uniform(0.1, 0.9))
        house.kill()
        stop.set()
        for thread in threads if number % 2 == 0 else []:
            thread.join()
        assert until(lambda: not sink.sessions)  # it has read what the killed one had sent
        sink.round += 1
        house.workers = 2 if number % 5 == 0 else 0  # several processes in every fifth round, as they are slow to start
        house.start()
    assert until(lambda: set(acknowledged) <= set(sink.rounds), 180), len(set(acknowledged) - set(sink.rounds))
    assert until(lambda: house.run("queue", "list", "--json").strip() == "[]")

    sink.rounds.pop("", None)  # what has no subject of ours
    assert [subject for subject, rounds in sink.rounds.items() if len(set(rounds)) < len(rounds)] == []
    assert sum(len(rounds) - 1 for rounds in sink.rounds.values()) <= ROUNDS * LANES

    context = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    with IMAPClient("localhost", house.ports["imaps"], ssl=True, ssl_context=context) as client:
        client.login("ola", PASSWORD)
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["ENVELOPE", "RFC822.SIZE"])
        there = Counter((item[b"ENVELOPE"].subject or b"").decode() for item in found.values())
        last = max(found)
        assert len(client.fetch([last], ["BODY.PEEK[]"])[last][b"BODY[]"]) == found[last][b"RFC822.SIZE"]
    assert {subject: there[subject] for subject in acknowledged} == dict.fromkeys(acknowledged, 1)
    assert set(sink.rounds) <= set(there)  # and nothing went on that is not here
    assert "all is well" in house.run("check")
    house.stop()
