"""The day of a mail program: what each is asked to do, and how it went."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from tests.interop.programs.desk import FRIEND, Desk
from tests.machine import until

STEPS = ("set up", "receive", "send", "move", "folders", "full box", "restart")
BEFORE, AFTER = "Blåbær æøå", "Tyttebær ÆØÅ"
WORKS = "works"


class Failed(Exception):
    """A step did not come to what it should; the text says where it stood still."""


class AsciiOnly(Exception):
    """The program makes no mailboxes of other names."""


class Program(ABC):
    """One mail program with an account of its own.  Methods drive it; what came of it is asked of the server."""

    name: ClassVar[str]
    package: ClassVar[str]
    command: ClassVar[str]

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder
        self.account = self.package.replace("-", "")

    @property
    def address(self) -> str:
        return f"{self.account}@alumni.example"

    @abstractmethod
    def set_up(self) -> None:
        """Start, log in, and show a letter of the subject `first`, which is there."""

    @abstractmethod
    def show(self, subject: str) -> None:
        """Look for new mail, until INBOX shows the subject."""

    @abstractmethod
    def send(self, subject: str) -> None:
        """Write to the friend; a copy goes to Sent."""

    @abstractmethod
    def move(self, subject: str) -> None:
        """Move the letter from INBOX to Archive."""

    @abstractmethod
    def create(self, mailbox: str) -> None: ...

    @abstractmethod
    def rename(self, old: str, new: str) -> bool:
        """False if the program cannot."""

    @abstractmethod
    def remove(self, mailbox: str) -> None: ...

    @abstractmethod
    def says_that_it_is_full(self) -> bool:
        """After sending with a full box."""

    @abstractmethod
    def come_back(self) -> str:
        """Whatever a person does after the server was away; a remark on it for the table, or nothing."""

    @abstractmethod
    def end(self) -> None: ...


def expect(true: bool, what: str) -> None:
    if not true:
        raise Failed(what)


def spend(program: Program) -> dict[str, str]:
    """Each step's outcome; a step that fails does not end the day."""
    desk, me = program.desk, program.account
    desk.add(me)
    desk.deliver(me, "first")

    def receive() -> None:
        desk.deliver(me, "second")
        program.show("second")

    def send() -> None:
        program.send("hello-out")
        expect(desk.comes_to_have(FRIEND, "INBOX", "hello-out"), "the friend has no letter")
        expect(desk.comes_to_have(me, "Sent", "hello-out"), "no copy in Sent")

    def move() -> None:
        program.move("first")
        expect(desk.comes_to_have(me, "Archive", "first"), "it is not in Archive")
        expect(desk.comes_to_lack(me, "INBOX", "first"), "it is in INBOX still")

    def folders() -> str:
        try:
            return _folders(BEFORE, AFTER)
        except AsciiOnly:
            return _folders("Berries", "Fruit") + " with ASCII names; it makes no others"

    def _folders(before: str, after: str) -> str:
        program.create(before)
        expect(until(lambda: before in desk.mailboxes(me), 30), f"there is no {before}: {sorted(desk.mailboxes(me))}")
        if not program.rename(before, after):
            program.remove(before)
            expect(until(lambda: before not in desk.mailboxes(me), 30), "it is not removed")
            return "works, without renaming"
        renamed = until(lambda: after in desk.mailboxes(me) and before not in desk.mailboxes(me), 30)
        expect(renamed, f"it is not renamed: {sorted(desk.mailboxes(me))}")
        program.remove(after)
        expect(until(lambda: after not in desk.mailboxes(me), 30), "it is not removed")
        return WORKS

    def full_box() -> str:
        desk.set_quota(me, "1K")
        try:
            program.send("while-full")
            expect(desk.comes_to_have(FRIEND, "INBOX", "while-full"), "the friend has no letter")
            told = program.says_that_it_is_full()
            expect(not desk.has(me, "Sent", "while-full"), "a copy was kept over quota")
        finally:
            desk.set_quota(me, "2G")
        program.send("with-room")
        expect(desk.comes_to_have(me, "Sent", "with-room"), "no copy in Sent once there was room again")
        return WORKS if told else "works, but does not say why"

    def restart() -> str:
        desk.restart()
        desk.deliver(me, "third")
        remark = program.come_back()
        program.show("third")
        return f"{WORKS}{remark}"

    outcomes: dict[str, str] = {}
    steps = zip(STEPS, (program.set_up, receive, send, move, folders, full_box, restart), strict=True)
    try:
        for name, step in steps:
            try:
                outcomes[name] = step() or WORKS
            except (Failed, AssertionError, OSError, LookupError, ValueError) as problem:
                outcomes[name] = (
                    f"fails: {str(problem).strip().splitlines()[0][:150] if str(problem).strip() else problem!r}"
                )
                if name == STEPS[0]:
                    break
    finally:
        program.end()
    return outcomes
