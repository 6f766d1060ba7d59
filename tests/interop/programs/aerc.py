"""aerc in a terminal."""

from urllib.parse import quote

from tests.interop.programs.day import Program
from tests.interop.programs.terminal import Terminal
from tests.journeys.conftest import PASSWORD
from tests.machine import program


class Aerc(Program):
    name, package, command = "aerc", "aerc", "aerc"

    def set_up(self) -> None:
        settings = self.folder / ".config" / "aerc"
        settings.mkdir(parents=True)
        who = f"{self.account}:{quote(PASSWORD)}@localhost"
        accounts = settings / "accounts.conf"
        accounts.write_text(
            f"[mail]\nsource = imaps://{who}:{self.desk.port('imaps')}\n"
            f"outgoing = smtps+plain://{who}:{self.desk.port('submissions')}\n"
            f"default = INBOX\nfrom = Me <{self.address}>\ncopy-to = Sent\nfolders-sort = INBOX\ncheck-mail = 5s\n"
        )
        accounts.chmod(0o600)
        editor = self.folder / "editor"
        editor.write_text('#!/bin/sh\nprintf "words\\n" >> "$1"\nsleep 0.5\n')
        editor.chmod(0o755)
        (settings / "aerc.conf").write_text(f"[compose]\neditor={editor}\n[general]\nunsafe-accounts-conf=false\n")
        self._start()
        self.at.wait("first")

    def _start(self) -> None:
        self.at = Terminal(self.folder, program("aerc"), SSL_CERT_FILE=str(self.desk.authority))

    def _say(self, command: str) -> None:
        self.at.keys(":")
        self.at.type(command)
        self.at.keys("Enter")

    def show(self, subject: str) -> None:
        self._say("cf INBOX")
        for _ in range(6):
            if self.at.shows(subject, seconds=10):
                return
            self._say("check-mail")
        self.at.wait(subject, seconds=1)

    def send(self, subject: str) -> None:
        self._say(f"compose -H 'To: kari@alumni.example' -H 'Subject: {subject}'")
        self.at.wait("Send this email", "y: :send", ":send")
        self._say("send")
        self.at.wait("Message sent", "quota", "Quota", "OVERQUOTA", "rror")
        self._said = self.at.screen()

    def move(self, subject: str) -> None:
        self._say("cf INBOX")
        self._say("select 0")
        self._say(f"search {subject}")
        self.at.shows(subject, seconds=10)
        self._say("move Archive")
        self.at.shows("Moved", "moved", seconds=20)
        self._say("clear")

    def create(self, mailbox: str) -> None:
        self._say(f"mkdir '{mailbox}'")
        self.at.shows(mailbox, seconds=20)

    def rename(self, old: str, new: str) -> bool:
        return False

    def remove(self, mailbox: str) -> None:
        self._say(f"cf '{mailbox}'")
        self.at.shows("seconds", seconds=3)
        self._say("rmdir -f")
        self.at.shows("removed", "Directory", seconds=15)
        self._say("cf INBOX")

    def says_that_it_is_full(self) -> bool:
        return "quota" in self._said.lower()

    def come_back(self) -> str:
        self._say("cf INBOX")
        self._say("connect")
        if self.at.shows("third", seconds=15):
            return ""
        self.at.end()
        self._start()
        return ", once aerc is started again"

    def end(self) -> None:
        if hasattr(self, "at"):
            self.at.end()
