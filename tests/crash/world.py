"""The service under traffic, what it was told and what it promised; and what must be true when a fault is over."""

import os
import random
import smtplib
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from imapclient import IMAPClient

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.services.accounts import accounts
from tests.crash.disk import Disk
from tests.crash.engines import Engines
from tests.crash.machine_faults import MachineFaults
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until

SENDERS, APPENDERS = 3, 1
LARGE = 150_000  # octets, as a file beside the database, or in the bucket
PATIENCE = 120.0
LOST = (OSError, smtplib.SMTPException, IMAPClient.Error, IMAPClient.AbortError)


class World:
    """One service for many rounds.

    Attributes:
        promised: subjects of messages that were answered by 250 or OK, in this round.
        engines: PostgreSQL and S3 where the service has its mail there; None: SQLite and files.
        silent: names under which the name server says nothing; `broken` those for which it fails.
    """

    def __init__(
        self,
        folder: Path,
        dns: str,
        silent: list[str],
        broken: list[str],
        directory: int,
        engines: Engines | None = None,
    ) -> None:
        self.silent, self.broken, self.engines = silent, broken, engines
        self.faults = MachineFaults(folder)
        self.sink = Sink()
        (folder / "var").mkdir()
        self.disk = Disk(folder, folder / "var") if engines is None and Disk.is_possible() else None
        top, bucket = ("", "") if engines is None else engines.settings()
        more = (
            "connections_per_minute = 0\nmessages_per_hour = 0\nlogin_failures_per_hour = 100000\n[directory]\n"
            f'url = "ldap://127.0.0.1:{directory}"\nbase = "dc=x"\nbind_dn = "cn=x"\nbind_password = "x"\n'
            f'[dns]\nservers = ["{dns}"]\n{bucket}'
        )
        self.house = House(folder, self.sink, workers=0, off=("submission", "submissions", "managesieve"), more=more)
        self.house.config.write_text(top + self.house.config.read_text())
        core = cores.build(parse_config(self.house.config.read_text()))
        accounts.add_account(core, "ola", password=PASSWORD, contact="ola@outside.example")
        cores.close(core)
        self.house.run("forward", "set", "ola", "ola@elsewhere.example", "--confirmed")
        self.promised: list[str] = []
        self._sent = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wrong: list[int] = []

    def start(self, workers: int = 0) -> None:
        self.house.workers = workers
        before = dict(os.environ)
        os.environ.update(self.faults.environment)
        try:
            self.house.start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def close(self) -> None:
        self.house.kill()
        self.sink.stop()
        if self.disk is not None:
            self.disk.close()

    # Traffic

    def begin_traffic(self) -> None:
        self._stop = threading.Event()
        kinds = [self._send] * SENDERS + [self._append] * APPENDERS
        self._threads = [threading.Thread(target=self._go_on, args=(kind,), daemon=True) for kind in kinds]
        for thread in self._threads:
            thread.start()

    def end_traffic(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a client hears nothing"

    def _go_on(self, kind) -> None:
        while not self._stop.is_set():
            try:
                kind()
            except LOST:
                time.sleep(0.1)

    def _message(self) -> tuple[str, bytes]:
        self._sent += 1
        subject = f"m{time.monotonic_ns()}-{threading.get_ident() % 1000}"
        size = LARGE if random.random() < 0.15 else 2000
        text = f"From: a@outside.example\r\nSubject: {subject}\r\n\r\n" + f"{subject}\r\n" * (size // 20)
        return subject, text.encode()

    def _send(self) -> None:
        with smtplib.SMTP("127.0.0.1", self.house.ports["smtp"], timeout=60) as client:
            while not self._stop.is_set():
                subject, octets = self._message()
                try:
                    client.sendmail("a@outside.example", ["ola@alumni.example"], octets)
                except smtplib.SMTPResponseException as problem:
                    self._refuse(problem.smtp_code)
                except smtplib.SMTPRecipientsRefused as problem:
                    self._refuse(*(code for code, _ in problem.recipients.values()))
                else:
                    self.promised.append(subject)
                time.sleep(0.01)

    def _refuse(self, *codes: int) -> None:
        """A fault of ours is temporary: the sender tries again."""
        self._wrong += [code for code in codes if not 400 <= code < 500]
        time.sleep(0.2)

    def _append(self) -> None:
        with IMAPClient("127.0.0.1", self.house.ports["imap"], ssl=False, timeout=60) as client:
            client.login("ola", PASSWORD)
            while not self._stop.is_set():
                subject, octets = self._message()
                client.append("INBOX", octets)
                self.promised.append(f"{subject} by APPEND")
                time.sleep(0.05)

    # What must be true

    def assert_flows(self) -> None:
        """Mail comes in again: a dozen messages are answered by 250."""
        before = len(self.promised)
        assert until(lambda: len(self.promised) > before + 12, PATIENCE), "no mail comes in any more"

    def assert_kept(self) -> int:
        """Count the promised messages of the round, after all of them were found once, here and where they were sent on."""
        assert self._wrong == []
        with IMAPClient("127.0.0.1", self.house.ports["imap"], ssl=False, timeout=60) as client:
            client.login("ola", PASSWORD)
            client.select_folder("INBOX")
            found = client.fetch(client.search(), ["ENVELOPE"])
            here = Counter((item[b"ENVELOPE"].subject or b"").decode() for item in found.values())
            wanted = [subject.removesuffix(" by APPEND") for subject in self.promised]
            assert {s: here[s] for s in wanted if here[s] != 1} == {}
            assert [s for s, times in here.items() if times > 1] == []
            octets = client.fetch([max(found)], ["BODY.PEEK[]", "RFC822.SIZE"])[max(found)]
            assert len(octets[b"BODY[]"]) == octets[b"RFC822.SIZE"]
            on = {subject for subject in self.promised if not subject.endswith("by APPEND")}
            assert until(lambda: on <= self._went_on(), PATIENCE), f"{len(on - self._went_on())} did not go on"
            client.delete_messages(list(found))
            client.expunge()
        checked = subprocess.run([*self.house.command(), "check"], capture_output=True, text=True, timeout=180)
        assert "all is well" in checked.stdout, checked.stdout + checked.stderr
        count = len(self.promised)
        self.promised.clear()
        self.sink.mail.clear()
        return count

    def _went_on(self) -> set[str]:
        return {
            octets.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode()
            for _, _, octets in list(self.sink.mail)
        }
