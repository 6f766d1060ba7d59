"""Claws Mail under Xvfb, by its command line, and by AT-SPI where it has none.  The account stands in its own file."""

import subprocess
import time
from collections.abc import Callable

from tests.interop.programs.day import Failed, Program
from tests.interop.programs.desktop import Desktop
from tests.journeys.conftest import PASSWORD
from tests.machine import program, until

PARTS = ("inbox", "sent", "draft", "queue", "trash")  # of the local mailbox that it wants to have
INBOX = "#imap/Claws/INBOX"
WINDOW = "Claws - Claws Mail"
CHOICE = "Select folder to move selected message to"
# of the list of mailboxes on the screen, which AT-SPI does not see into: its first line, the height of one, and what stands
# above the other mailboxes (the local ones, the account, and those with a use, in an order of their own)
TOP, LEFT, LINE, ACCOUNT = 196, 150, 17, 7
FIRST = ("INBOX", "Sent", "Drafts", "Queue", "Trash")


class Claws(Program):
    name, package, command = "Claws Mail", "claws-mail", "claws-mail"

    def set_up(self) -> None:
        self._said: list[str] = []
        settings = self.folder / ".claws-mail"
        settings.mkdir()
        (settings / "accountrc").write_text(
            f"[Account: 1]\naccount_name=Claws\nis_default=1\nname=Me\naddress={self.address}\nprotocol=3\n"
            f"receive_server=localhost\nsmtp_server=localhost\nuser_id={self.account}\nuse_smtp_auth=1\nssl_imap=1\n"
            f"ssl_smtp=1\nset_imapport=1\nimap_port={self.desk.port('imaps')}\nset_smtpport=1\n"
            f"smtp_port={self.desk.port('submissions')}\nreceive_at_get_all=1\nset_sent_folder=1\nsent_folder=#imap/Claws/Sent\n"
            # its queue on the server takes no letter when the box is full, and then it sends none
            "set_queue_folder=1\nqueue_folder=#mh/Mailbox/queue\n"
        )
        (settings / "clawsrc").write_text("[Common]\nonline_mode=1\nenable_aspell=0\n")
        parts = "".join(f'<folderitem type="{one}" name="{one}" path="{one}"/>' for one in PARTS).replace(
            'type="sent"', 'type="outbox"'
        )
        (settings / "folderlist.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<folderlist><folder type="mh" name="Mailbox" path="Mail">'
            f'<folderitem type="normal" name="Mailbox">{parts}</folderitem></folder></folderlist>\n'
        )
        for one in PARTS:
            (self.folder / "Mail" / one).mkdir(parents=True)
        self.at = Desktop(self.folder, program("claws-mail"))
        self.at.wait("Accept and save", "Input password", "Claws Mail")
        self.show("first")

    def _tend(self) -> None:
        """Answer what it asks: whether the server may be trusted, and for the password."""
        shown = self.at.shown()
        if "Accept and save" in shown:
            self.at.press("push button", "Accept and save")
        elif "Input password" in shown:
            self.at.fill("password text", PASSWORD)
            self.at.try_press("check box", "Remember")
            self.at.press("push button", "OK")
        elif "Close" in shown and ("Error" in shown or "Warning" in shown or "Notice" in shown):
            self._said += shown
            self.at.try_press("push button", "Close")

    def _tend_until(self, true: Callable[[], bool], seconds: float = 90) -> None:
        def look() -> bool:
            self._tend()
            return true()

        if not until(look, seconds):
            raise Failed(" / ".join(self.at.shown()[-14:]))

    def _run(self, *words: str) -> str:
        """The program that runs answers, but not while it asks something itself."""
        asked = subprocess.Popen(
            [program("claws-mail"), *words],
            env=self.at.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        until(lambda: (self._tend(), asked.poll() is not None)[1], 60)
        asked.kill()
        return asked.communicate()[0]

    def _count(self) -> int:
        lines = (line.split() for line in self._run("--status-full", INBOX).splitlines())
        return next((int(line[2]) for line in lines if line[3:] == [INBOX]), 0)

    def show(self, subject: str) -> None:
        before = self._count()

        def has_come() -> bool:
            self._run("--receive-all")
            return self._count() > before

        self._tend_until(has_come)
        self._open(subject)

    def send(self, subject: str) -> None:
        self._said = []
        letter = self.folder / "letter"
        letter.write_text(f"To: kari@alumni.example\nSubject: {subject}\n\nwords\n")
        self._run("--compose-from-file", str(letter))
        self._tend_until(lambda: any("Compose message" in one for one in self.at.shown()))
        self.at.click(
            "push button", "Send", last=True
        )  # pressed by AT-SPI, it would not come back when it asks something
        until(lambda: (self._tend(), not any("Compose message" in one for one in self.at.shown()))[1], 40)
        self._said += self.at.shown()

    def _open(self, subject: str) -> None:
        """Its lists have no words for AT-SPI; the line below them tells what is selected."""
        number = self.desk.uid(self.account, "INBOX", subject)

        def is_selected() -> bool:
            self._run("--select", f"{INBOX}/{number}")
            return any("1 item selected" in one for one in self.at.shown())

        self._tend_until(is_selected)

    def move(self, subject: str) -> None:
        self._open(subject)
        self._focus(WINDOW)
        self.at.keys("ctrl+o")
        self.at.wait(CHOICE)
        shown = self.at.shown()
        mailboxes = shown[shown.index(CHOICE) + 1 :]
        self._focus("Select folder")
        self.at.keys("Home", *["Down"] * mailboxes.index("Archive"))
        self.at.press("push button", "OK")

    def _focus(self, window: str) -> None:
        self.at.tool("search", "--name", window, "windowfocus", "--sync")

    def _menu(self, line: int, letter: str, asks: str) -> None:
        """Choose from the menu of mailboxes the item with this letter, which asks something."""

        def is_asked() -> bool:
            self.at.keys("Escape")
            self.at.tool("mousemove", str(LEFT), str(TOP + LINE * line), "click", "3")
            time.sleep(0.5)  # no menu without a window is told of
            self.at.keys(letter)
            return self.at.shows(asks, seconds=3)

        if not until(is_asked, 30):
            raise Failed(f"it does not ask {asks!r}: {' / '.join(self.at.shown()[-6:])}")

    def _line(self, mailbox: str) -> int:
        others = sorted(self.desk.mailboxes(self.account) - set(FIRST))
        return ACCOUNT + 1 + len(FIRST) + others.index(mailbox)

    def create(self, mailbox: str) -> None:
        self._menu(ACCOUNT, "n", "Input the name of new folder")
        self._name(mailbox)

    def _name(self, mailbox: str) -> None:
        self.at.fill("text", mailbox)
        self.at.press("push button", "OK")

    def rename(self, old: str, new: str) -> bool:
        self._menu(self._line(old), "r", "Input new name")
        self._name(new)
        return True

    def remove(self, mailbox: str) -> None:
        self._menu(self._line(mailbox), "d", "Do you really want to delete?")
        self.at.press("push button", "Delete")

    def says_that_it_is_full(self) -> bool:
        return any("quota" in one.lower() for one in self._said)

    def come_back(self) -> str:
        return ""  # it looks for new mail when it is asked to show some

    def end(self) -> None:
        if hasattr(self, "at"):
            self.at.end()
