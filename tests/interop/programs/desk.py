"""The server that the programs talk to, seen from its other side: what is in whose mailboxes, and who is over quota."""

import smtplib
import ssl
from pathlib import Path

from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until

FRIEND = "kari"


class Desk:
    """A server with an account for each program, and one of a friend."""

    def __init__(self, folder: Path) -> None:
        self._sink = Sink()
        self.house = House(folder, self._sink, workers=2)
        self.house.start()
        self.add(FRIEND)

    def add(self, name: str) -> None:
        self.house.run("user", "add", name, "--password-stdin", given=PASSWORD + "\n")

    def end(self) -> None:
        self.house.kill()
        self._sink.stop()

    def restart(self) -> None:
        self.house.stop()
        self.house.start()

    @property
    def authority(self) -> Path:
        return self.house.folder / "var" / "tls" / "ca.pem"

    def port(self, name: str) -> int:
        return self.house.ports[name]

    def deliver(self, name: str, subject: str) -> None:
        """A letter of the friend's, by SMTP from outside."""
        head = f"From: Kari <kari@outside.example>\r\nTo: {name}@alumni.example\r\nSubject: {subject}\r\n"
        letter = f"{head}\r\ntext of {subject}\r\n"
        with smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=60) as sender:
            sender.sendmail("kari@outside.example", [f"{name}@alumni.example"], letter)

    def set_quota(self, name: str, size: str) -> None:
        self.house.run("user", "quota", name, size)

    def _client(self, name: str) -> IMAPClient:
        trust = ssl.create_default_context(cafile=str(self.authority))
        made = IMAPClient("localhost", port=self.port("imaps"), ssl_context=trust, timeout=60)
        made.login(name, PASSWORD)
        return made

    def mailboxes(self, name: str) -> set[str]:
        with self._client(name) as mine:
            return {box for _, _, box in mine.list_folders()}

    def has(self, name: str, mailbox: str, subject: str) -> bool:
        """Is there a letter of that subject, not marked as deleted?"""
        with self._client(name) as mine:
            if not mine.folder_exists(mailbox):
                return False
            mine.select_folder(mailbox, readonly=True)
            return bool(mine.search(["UNDELETED", "SUBJECT", subject]))

    def uid(self, name: str, mailbox: str, subject: str) -> int:
        """The newest letter of that subject; 0 if there is none."""
        with self._client(name) as mine:
            mine.select_folder(mailbox, readonly=True)
            return max(mine.search(["UNDELETED", "SUBJECT", subject]), default=0)

    def comes_to_have(self, name: str, mailbox: str, subject: str, seconds: float = 60) -> bool:
        return until(lambda: self.has(name, mailbox, subject), seconds)

    def comes_to_lack(self, name: str, mailbox: str, subject: str, seconds: float = 60) -> bool:
        return until(lambda: not self.has(name, mailbox, subject), seconds)
