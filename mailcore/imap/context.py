"""What a running command may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Mailbox, MailboxId, MessageInfo
from mailcore.errors import InvalidName, MailboxNotFound, MailboxReadOnly
from mailcore.imap import names
from mailcore.imap.responses import flag_list
from mailcore.imap.sequence import NumberSet, Ranges, ranges_of
from mailcore.imap.status import WrongState
from mailcore.imap.view import View
from mailcore.store.db import Tx
from mailcore.store.mail import Changes
from mailcore.wire.framing import Event
from mailcore.wire.reader import Reader, SyntaxProblem


class Wire(Protocol):
    """The connection as a session sees it."""

    peer: str
    known: bool
    secure: bool

    def write(self, octets: bytes) -> None: ...
    async def drain(self) -> None:
        """Wait while the peer reads too slowly."""

    async def event(self, *, or_wake: bool = False) -> Event | None:
        """The next thing the peer sent; None when woken, if that was asked for."""

    def wake(self) -> None: ...
    def accept(self) -> None: ...
    def refuse(self) -> None: ...
    def head(self) -> bytes: ...
    def held(self) -> int: ...
    async def start_tls(self) -> None: ...


@dataclass(slots=True)
class Selected:
    """A selected mailbox.  `dirty` means: somebody changed something in the account."""

    mailbox: MailboxId
    view: View
    modseq: int
    read_only: bool
    unwatch: Callable[[], None]
    dirty: bool = False
    flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Context:
    core: Core
    wire: Wire
    tag: bytes = b"*"
    by_uid: bool = False
    may_expunge: bool = True
    account: Account | None = None
    selected: Selected | None = None
    enabled: set[str] = field(default_factory=set)
    failures: int = 0
    closing: bool = False

    @property
    def owner(self) -> AccountId:
        if self.account is None:
            raise WrongState("log in first")
        return self.account.id

    @property
    def here(self) -> Selected:
        if self.selected is None:
            raise WrongState("select a mailbox first")
        return self.selected

    def writable(self) -> Selected:
        if self.here.read_only:
            raise MailboxReadOnly
        return self.here

    def ranges(self, numbers: NumberSet) -> Ranges:
        """The UIDs that the client means, as far as it knows them."""
        uids = self.here.view.uids
        if self.by_uid:
            if not uids:
                return []
            return [(uids[a], uids[b - 1]) for a, b in numbers.within(uids)]
        spans = numbers.spans(len(uids))
        if spans and (spans[0][0] < 1 or spans[-1][1] > len(uids)):
            raise SyntaxProblem("there is no message of that number")
        found: Ranges = []
        for low, high in spans:
            found += ranges_of(uids[low - 1 : high]) if high - low < 64 else [(uids[low - 1], uids[high - 1])]
        return found

    def say(self, lines: Sequence[bytes]) -> None:
        if lines:
            self.wire.write(b"".join(lines))

    def take_in(self, changes: Changes, *, may_expunge: bool) -> None:
        """Bring the client's view up to date and tell it."""
        here = self.here
        here.modseq = changes.modseq
        self.show_flags(frozenset[str]().union(*(flags for _, flags, _ in changes.flagged)))
        self.say(
            here.view.apply(
                changes.added,
                changes.removed,
                [(uid, flags) for uid, flags, _ in changes.flagged],
                may_expunge=may_expunge,
                with_uid=self.by_uid,
            )
        )

    async def sync(self, *, may_expunge: bool = True) -> None:
        """Tell what has changed since the last time."""
        here = self.here
        here.dirty = False
        changes = await self.core.db.aread(lambda tx: self.core.mail.changes(tx, here.mailbox, here.modseq))
        self.take_in(changes, may_expunge=may_expunge)
        here.dirty = here.dirty or here.view.holding

    async def change_flags(self, ranges: Ranges, how: str, flags: frozenset[str], *, tell: bool) -> list[MessageInfo]:
        """Change flags in one transaction, and take in what others did before it.

        Returns the messages as they are now if `tell`; our own change is not told a second time.
        """
        here, mail = self.here, self.core.mail
        since = here.modseq

        def change(tx: Tx) -> tuple[Changes, int, list[MessageInfo]]:
            others = mail.changes(tx, here.mailbox, since)
            modseq = mail.set_flags(tx, here.mailbox, ranges, how, flags)
            return others, modseq, mail.infos(tx, here.mailbox, ranges) if tell else []

        others, modseq, infos = await self.core.db.awrite(change)
        self.take_in(others, may_expunge=False)
        here.modseq = max(modseq, others.modseq)
        here.dirty = here.dirty or here.view.holding
        return infos

    def show_flags(self, flags: frozenset[str]) -> None:
        """New keywords must be in FLAGS before a message shows them (RFC 9051 section 7.2.6)."""
        here = self.here
        if not flags <= here.flags:
            here.flags |= flags
            self.wire.write(b"* FLAGS " + flag_list(here.flags) + b"\r\n")

    def deselect(self) -> None:
        if self.selected is not None:
            self.selected.unwatch()
            self.selected = None

    def find(self, tx: Tx, name: str) -> Mailbox:
        return self.core.mail.mailbox(tx, self.owner, name)


def mailbox_name(read: Reader) -> str:
    """mailbox = "INBOX" / astring, in modified UTF-7"""
    name = names.decode(read.astring())
    if len(name) > 1 and name.endswith(names.SEPARATOR):
        name = name[:-1]  # CREATE "Work/" is how some clients announce children
    if not name:
        raise InvalidName("a mailbox needs a name")
    return name


def exists_or_none(context: Context, tx: Tx, name: str) -> Mailbox | None:
    try:
        return context.find(tx, name)
    except MailboxNotFound:
        return None
