"""Alpine in a terminal."""

from tests.interop.programs.day import AsciiOnly, Failed, Program
from tests.interop.programs.terminal import Terminal
from tests.journeys.conftest import PASSWORD
from tests.machine import program, until


class Alpine(Program):
    name, package, command = "Alpine", "alpine", "alpine"

    def set_up(self) -> None:
        at = f"localhost:{self.desk.port('imaps')}/ssl/novalidate-cert/user={self.account}"
        (self.folder / ".pinerc").write_text(
            f"personal-name=Alpine\nuser-domain=alumni.example\ncustomized-hdrs=From: {self.address}\n"
            f"smtp-server=localhost:{self.desk.port('submissions')}/ssl/novalidate-cert/user={self.account}\n"
            f"inbox-path={{{at}}}INBOX\nfolder-collections=Mail {{{at}}}[]\nincoming-archive-folders=\ndefault-fcc=Sent\n"
            "postponed-folder=Drafts\nquit-without-confirm\nlast-time-prune-questioned=126.11\nlast-version-used=6.26\n"
            "feature-list=enable-aggregate-command-set,expunge-without-confirm,auto-move-read-msgs,"
            "no-save-will-quote-leading-froms,quit-without-confirm,enable-msg-view-urls,save-will-not-delete,"
            "no-save-will-not-delete,send-without-confirm,no-enable-newmail-in-xterm-icon\nmail-check-interval=15\n"
        )
        self.at = Terminal(self.folder, f"{program('alpine')} -p {self.folder}/.pinerc -i")
        for _ in range(5):
            self.at.wait("first", "PASSWORD", "Password", "greeting", "E Exit this", "reserve password", seconds=60)
            screen = self.at.screen()
            if "first" in screen:
                return
            if "ASSWORD" in screen.upper() and "HOST" in screen.upper():
                self.at.type(PASSWORD)
                self.at.keys("Enter")
            elif "greeting" in screen or "E Exit this" in screen:
                self.at.keys("e")
            elif "reserve password" in screen:
                self.at.keys("n")
            self.at.shows("first", "reserve", seconds=15)
        self.at.wait("first")

    def _answer_passwords(self) -> None:
        if self.at.shows("HOST: localhost", seconds=5) and "ENTER PASSWORD" in self.at.screen():
            self.at.type(PASSWORD)
            self.at.keys("Enter")
            if self.at.shows("reserve", seconds=3):
                self.at.keys("n")

    def _index(self) -> None:
        self.at.press_until("m", "MAIN MENU")
        self.at.press_until("i", "MESSAGE INDEX")

    def show(self, subject: str) -> None:
        for _ in range(6):
            self.at.keys("C-l")  # looks for new mail
            if self.at.shows(subject, seconds=10):
                return
        self.at.wait(subject, seconds=1)

    def send(self, subject: str) -> None:
        self.at.press_until("c", "COMPOSE MESSAGE")
        self.at.type("kari@alumni.example")
        self.at.keys("Enter", "Enter")
        self._to("Subject")
        self.at.type(subject)
        self.at.keys("C-x")
        if self.at.shows("Send message", seconds=10):
            self.at.keys("y")
        self._answer_passwords()
        self._said = ""

        def is_over() -> bool:
            self._said += self.at.screen()
            return any(word in self._said for word in ("sent and", "Message sent", "ailed"))

        if not until(is_over, 60):
            raise Failed(f"not sent: {' / '.join(self.at.screen().splitlines()[-4:])}")
        if "NOT copied" in self._said:  # it stays in the editor
            for _ in range(4):
                self.at.keys("C-c")
                if self.at.shows("Cancel message", "Cancel", seconds=5) and "Confirm" in self.at.screen():
                    self.at.keys("c")
                elif "Cancel message" in self.at.screen():
                    self.at.keys("y")
                if self.at.shows("MESSAGE INDEX", seconds=5):
                    break
        if not self.at.shows("MESSAGE INDEX", seconds=20):
            raise Failed(f"not sent: {' / '.join(line.strip() for line in self.at.screen().splitlines()[-4:])}")

    def _to(self, field: str) -> None:
        """The cursor is moved down, one field at a time, until the status line or the cursor's line is the field."""
        for _ in range(6):
            row = int(self.at._run("display-message", "-p", "#{cursor_y}").strip() or 0)
            if self.at.screen().splitlines()[row].startswith(field):
                return
            self.at.keys("Down")

    def _pick(self, subject: str) -> None:
        self.at.keys("w")
        self.at.wait("Word to find", "search")
        self.at.type(subject)
        self.at.keys("Enter")

    def move(self, subject: str) -> None:
        self._pick(subject)
        self.at.keys("s")
        self.at.wait("SAVE")
        self.at.type("Archive")
        self.at.keys("Enter")
        self.at.shows("copied", "Saved", "deleted", seconds=20)
        self.at.keys("x")
        if self.at.shows("xpunge the", seconds=5):
            self.at.keys("y")

    def _folders(self) -> None:
        self.at.press_until("m", "MAIN MENU")
        self.at.press_until("l", "[View")
        if "Archive" not in self.at.screen():
            self.at.keys("Enter")
        self.at.wait("Archive")

    def create(self, mailbox: str) -> None:
        self._folders()
        self.at.keys("a")
        self.at.wait("Folder name to add")
        self.at.type(mailbox)
        self.at.keys("Enter")
        self.at.shows("created", "8-bit", seconds=10)
        if "8-bit" in self.at.screen():
            self._index()
            raise AsciiOnly

    def _on(self, mailbox: str) -> None:
        self.at.keys("w")
        self.at.wait("Word to find", "search", "find")
        self.at.type(mailbox[:4])
        self.at.keys("Enter")

    def rename(self, old: str, new: str) -> bool:
        self._on(old)
        self.at.keys("r")
        self.at.wait("Rename")
        self.at.keys(*["BSpace"] * 20)
        self.at.type(new)
        self.at.keys("Enter")
        self.at.shows("renamed", seconds=10)
        return True

    def remove(self, mailbox: str) -> None:
        self._on(mailbox)
        self.at.keys("d")
        self.at.wait('DELETE "')
        self.at.keys("y")
        self.at.shows("deleted", seconds=10)
        self._index()

    def says_that_it_is_full(self) -> bool:
        return "quota" in self._said.lower()

    def come_back(self) -> str:
        self._index()
        self.at.keys("g")
        self.at.answer("GOTO folder", "INBOX")
        self._answer_passwords()
        self.at.wait('INBOX" opened', "third")
        return ", once INBOX is opened again"

    def end(self) -> None:
        if hasattr(self, "at"):
            self.at.end()
