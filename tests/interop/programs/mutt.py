"""mutt in a terminal."""

from tests.interop.programs.day import Failed, Program
from tests.interop.programs.terminal import Terminal
from tests.journeys.conftest import PASSWORD
from tests.machine import program


class Mutt(Program):
    name, package, command = "mutt", "mutt", "mutt"

    def set_up(self) -> None:
        editor = self.folder / "editor"
        editor.write_text('#!/bin/sh\nsleep 0.2\nprintf "words\\n" >> "$1"\n')
        editor.chmod(0o755)
        at = f"localhost:{self.desk.port('imaps')}"
        (self.folder / "muttrc").write_text(
            f'set imap_user={self.account}\nset imap_pass="{PASSWORD}"\nset folder=imaps://{at}/\nset spoolfile=+INBOX\n'
            f'set smtp_url=smtps://{self.account}@localhost:{self.desk.port("submissions")}/\nset smtp_pass="{PASSWORD}"\n'
            f"set record=+Sent\nset postponed=+Drafts\nset from={self.address}\nset use_envelope_from=yes\n"
            f"set ssl_ca_certificates_file={self.desk.authority}\nset certificate_file={self.desk.authority}\n"
            f"set editor={editor}\nset abort_unmodified=no\nset mail_check=2\nset timeout=2\nset header_cache=\n"
            "set delete=yes\nset move=no\nset quit=yes\nunset confirmappend\nset fast_reply=yes\nset sleep_time=0\n"
            "set imap_keepalive=5\nset charset=utf-8\nunset mark_old\n"
        )
        self.at = Terminal(self.folder, f"{program('mutt')} -F {self.folder / 'muttrc'}")
        self.at.wait("first")

    def show(self, subject: str) -> None:
        self.at.wait(subject)

    def send(self, subject: str) -> None:
        self.at.wait("Mutt: =INBOX")
        self.at.keys("m")
        self.at.answer_below("To:", "kari@alumni.example")
        self.at.answer_below("Subject:", subject)
        self.at.wait("y:Send")
        self.at.keys("y")
        if not self.at.shows("Mutt: =INBOX", "(s)kip", seconds=40) or "(s)kip" in self.at.screen():
            self._said = self.at.screen()
            self.at.keys("s")
        self.at.wait("Mutt: =INBOX")

    def _first(self, subject: str) -> None:
        self.at.keys("/")
        self.at.answer("Search for:", f"~s {subject}")

    def move(self, subject: str) -> None:
        self.at.keys("Home")
        self._first(subject)
        self.at.keys("s")
        self.at.wait("Save to mailbox")
        self.at.keys("C-a", "C-k")
        self.at.type("=Archive")
        self.at.keys("Enter")
        self.at.shows("D ", seconds=5)
        self.at.keys("$")

    def _browse(self) -> None:
        self.at.keys("c")
        self.at.wait("Open mailbox")
        self.at.keys("?")  # the first key of an answer lists what there is
        self.at.wait("Archive")

    def create(self, mailbox: str) -> None:
        self._browse()
        self.at.keys("C")
        self.at.wait("Create mailbox:")
        self._name(mailbox)
        self.at.wait(mailbox)
        self.at.keys("q")

    def _name(self, mailbox: str) -> None:
        """A blank by itself goes through the mailboxes."""
        for number, word in enumerate(mailbox.split(" ")):
            if number:
                self.at.keys("C-v", "Space")
            self.at.type(word)
        self.at.keys("Enter")

    def _on(self, mailbox: str) -> None:
        self._browse()
        self.at.keys("/")
        self.at.answer("Search for:", mailbox.split(" ")[0])

    def rename(self, old: str, new: str) -> bool:
        self._on(old)
        self.at.keys("r")
        self.at.wait("Rename mailbox")
        self.at.keys("C-a", "C-k")
        self._name(new)
        self.at.wait(new)
        self.at.keys("q")
        return True

    def remove(self, mailbox: str) -> None:
        self._on(mailbox)
        self.at.keys("d")
        self.at.wait("Really delete mailbox")
        self.at.keys("y")
        self.at.shows("Mailbox deleted", seconds=5)
        self.at.keys("q")

    def says_that_it_is_full(self) -> bool:
        return "quota" in getattr(self, "_said", "")

    def come_back(self) -> str:
        """mutt closes a mailbox whose connection ended; a person opens it again."""
        for _ in range(5):
            self.at.keys("c")
            if self.at.shows("Open mailbox", seconds=10):
                self.at.keys("C-a", "C-k")
                self.at.type("=INBOX")
                self.at.keys("Enter")
            if self.at.shows("third", seconds=10):
                return ", once INBOX is opened again"
        raise Failed("INBOX does not open again")

    def end(self) -> None:
        if hasattr(self, "at"):
            self.at.end()
