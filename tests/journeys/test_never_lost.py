"""kill -9 at a random moment of parallel delivery: every `250` is there exactly once, and the house is in order."""

import random
import smtplib
import ssl
import threading
import time
from collections import Counter

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
ROUNDS = 4
SESSIONS = 6


def deliver(house: House, session: int, acknowledged: list[str], stop: threading.Event) -> None:
    """Send until the server dies; every message has a subject of its own, every fifth is large enough for a file."""
    number = 0
    try:
        with smtplib.SMTP("127.0.0.1", house.ports["smtp"], timeout=5) as client:
            while not stop.is_set():
                number += 1
                subject = f"{time.monotonic_ns()}-{session}-{number}"
                size = 100_000 if number % 5 == 0 else 3000
                message = f"Subject: {subject}\r\n\r\n" + f"{subject}\r\n" * (size // 30)
                client.sendmail("a@b.example", ["ola@alumni.example"], message.encode())
                acknowledged.append(subject)
    except (OSError, smtplib.SMTPException):
        return


def test_every_250_is_there_exactly_once_after_kill_9(build):
    house = build(workers=2)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        stop = threading.Event()
        threads = [
            threading.Thread(target=deliver, args=(house, session, acknowledged, stop)) for session in range(SESSIONS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.3, 1.2))
        house.kill()
        stop.set()
        for thread in threads:
            thread.join()
        house.start()
    assert len(acknowledged) > ROUNDS * SESSIONS
    context = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    with IMAPClient("localhost", house.ports["imaps"], ssl=True, ssl_context=context) as client:
        client.login("ola", PASSWORD)
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["ENVELOPE", "RFC822.SIZE"])
        there = Counter((item[b"ENVELOPE"].subject or b"").decode() for item in found.values())
        last = max(found)
        assert len(client.fetch([last], ["BODY.PEEK[]"])[last][b"BODY[]"]) == found[last][b"RFC822.SIZE"]
    assert {subject: there[subject] for subject in acknowledged} == dict.fromkeys(acknowledged, 1)
    assert "all is well" in house.run("check")
