"""UIDs and modseqs only grow, also when the process is killed at any moment (RFC 9051 section 2.3.1.1, RFC 7162)."""

import random
import re
import threading
import time

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD
from tests.machine import until

pytestmark = [
    pytest.mark.slow,
    # the server is killed under its clients, which leave their sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
MAIL = b"Subject: x\r\n\r\nhei\r\n"


def test_uids_and_modseqs_only_grow_across_crashes(build):
    house = build(workers=0)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD + "\n")
    told: dict[int, int] = {}  # uid by the order of APPEND, as acknowledged
    modseqs = [0]

    def client() -> IMAPClient:
        made = IMAPClient("127.0.0.1", port=house.ports["imap"], ssl=False, timeout=60)
        made.login("ola", PASSWORD)
        return made

    def work() -> None:
        try:
            mine = client()
            mine.select_folder("INBOX")
            while True:
                uid = int(re.search(rb"APPENDUID \d+ (\d+)", mine.append("INBOX", MAIL))[1])
                told[len(told)] = uid
                mine.add_flags([uid], [b"\\Flagged"])
                modseqs.append(mine.fetch([uid], ["MODSEQ"])[uid][b"MODSEQ"][0])
        except (OSError, IMAPClient.Error, IMAPClient.AbortError):
            return

    validity = set()
    for _ in range(3):
        worker = threading.Thread(target=work)
        enough = len(told) + 2
        worker.start()
        assert until(lambda enough=enough: len(told) >= enough)
        time.sleep(random.uniform(0.1, 0.5))
        house.kill()
        worker.join()
        house.start()
        with client() as mine:
            opened = mine.select_folder("INBOX")
            validity.add(opened[b"UIDVALIDITY"])
            assert opened[b"UIDNEXT"] > max(told.values())
            assert opened[b"HIGHESTMODSEQ"] >= max(modseqs)
            there = set(mine.search("ALL"))
            assert set(told.values()) <= there
    assert len(validity) == 1
    assert list(told.values()) == sorted(set(told.values()))
    assert modseqs == sorted(set(modseqs))
