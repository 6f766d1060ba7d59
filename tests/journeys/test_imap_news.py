"""New mail and changes by one client reach another client's IDLE and NOTIFY through other processes (S05)."""

import smtplib

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def client(house: House) -> IMAPClient:
    made = IMAPClient("127.0.0.1", port=house.ports["imap"], ssl=False, timeout=60)
    made.login("ola", PASSWORD)
    return made


def test_s05_mail_by_smtp_reaches_idle_and_notify_in_other_workers(build):
    house = build(workers=2)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD + "\n")
    watchers = [client(house) for _ in range(4)]  # the kernel spreads them over the workers
    for number, watcher in enumerate(watchers):
        if number % 2:
            watcher._imap.send(b"n1 NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge))\r\n")
            assert b"n1 OK" in watcher._imap.readline()
        else:
            watcher.select_folder("INBOX")
            watcher.idle()
    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], timeout=60) as sender:
        letter = b"Subject: hei\r\nFrom: kari@outside.example\r\n\r\nhei\r\n"
        sender.sendmail("kari@outside.example", ["OLA+liga@alumni.example"], letter)
    for number, watcher in enumerate(watchers):
        if number % 2:
            assert b'* STATUS "INBOX" (UIDNEXT 3 MESSAGES 2 HIGHESTMODSEQ 3)' in watcher._imap.readline()
        else:
            assert (2, b"EXISTS") in watcher.idle_check(timeout=60)
            watcher.idle_done()
    with client(house) as other:
        other.select_folder("INBOX")
        other.move([2], "Archive")
    for watcher in watchers[1::2]:
        assert b'* STATUS "INBOX" (UIDNEXT 3 MESSAGES 1 HIGHESTMODSEQ 4)' in watcher._imap.readline()
    for watcher in watchers:
        watcher.shutdown()
