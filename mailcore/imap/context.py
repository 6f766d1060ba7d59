"""Context of a running command: everything that it may touch."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Identity, Mailbox, MailboxId, MessageInfo
from mailcore.errors import InvalidName, MailboxNotFound, MailboxReadOnly, MailError
from mailcore.imap import names, recent
from mailcore.imap.large_reads import LargeReads
from mailcore.imap.notify import NotifyRequest
from mailcore.imap.recent import RECENT, Claimed
from mailcore.imap.responses import ResponseStyle, Tagged, flag_list
from mailcore.imap.status import Refused, WrongState
from mailcore.imap.view import View
from mailcore.mail.asking.criteria import Criterion
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.services.delivery import imapsieve
from mailcore.services.delivery.imapsieve import MailboxEvent
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import condstore, mailbox_facts
from mailcore.store.mail.message_reader import Changes
from mailcore.store.mail.messages import MailStore
from mailcore.store.mail.uidset import Ranges, places_in, without
from mailcore.wire.framing import Event, Sink
from mailcore.wire.reader import Reader
from mailcore.wire.sasl import Channel


class Wire(Protocol):
    """The connection as a session sees it."""

    peer: str
    is_known: bool
    identity: Identity | None
    secure: bool

    @property
    def channel(self) -> Channel: ...

    def write(self, octets: bytes) -> None:
        """Write; it leaves together with what follows, at the latest when the session waits for the peer."""

    def flush(self) -> None:
        """Send what was written now, as the command goes on for long."""

    async def drain(self) -> None:
        """Send what was written, and wait while the peer reads too slowly."""

    async def event(self, *, or_wake: bool = False) -> Event | None:
        """Wait for the next thing the peer sends; None when woken, if that was asked for."""

    def wake(self) -> None: ...
    def accept(self, sink: Sink | None = None) -> None: ...
    def refuse(self) -> None: ...
    def head(self) -> bytes: ...
    def held(self) -> int: ...
    async def start_tls(self) -> None: ...
    def start_deflate(self) -> None: ...


@dataclass(slots=True)
class Selected:
    """The mailbox that is selected.  `dirty` means: somebody changed something in the account."""

    mailbox: MailboxId
    view: View
    modseq: int
    read_only: bool
    unwatch: Callable[[], None]
    dirty: bool = False
    flags: frozenset[str] = frozenset()
    uidvalidity: int = 0
    searches: dict[bytes, "UpdatedSearch"] = field(default_factory=dict)  # searches with UPDATE, by tag
    touched: set[int] = field(default_factory=set)  # UIDs that kept searches must look at again
    saved: tuple[int, ...] = ()  # UIDs that SEARCH RETURN (SAVE) found (RFC 5182), ascending
    recent: Claimed = ()  # UIDs that are \\Recent here
    recent_sent: int = 0  # how many of them there were when last told
    to_claim: int = 0  # the uid below which all are to be claimed, once they are told

    def with_recent(self, uid: int, flags: frozenset[str]) -> frozenset[str]:
        """Add \\Recent where this session has the message as recent."""
        return flags | {RECENT} if self.recent and recent.has(self.recent, uid) else flags

    def exists(self, tx: Tx, mail: MailStore) -> bool:
        """Is the mailbox still there, and still the same?"""
        try:
            return mail.get(tx, self.mailbox).uidvalidity == self.uidvalidity
        except MailboxNotFound:
            return False

    @classmethod
    def nothing(cls) -> "Selected":
        """Make a mailbox without messages, for reading a command against."""
        return cls(MailboxId(0), View(()), 0, True, lambda: None)


@dataclass(slots=True)
class UpdatedSearch:
    """A search whose result the client wants to be updated (RFC 5267 section 4.3)."""

    tag: bytes
    key: Criterion
    by_uid: bool
    results: set[int]


@dataclass(slots=True)
class NotifyState:
    """A client's NOTIFY for other mailboxes, and their state when last reported."""

    request: NotifyRequest
    before: dict[MailboxId, Mailbox] = field(default_factory=dict)
    dirty: bool = False
    unwatch: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Context:
    core: Core
    wire: Wire
    counts: ConnectionCounts = field(default_factory=ConnectionCounts)
    reads: LargeReads = field(default_factory=LargeReads)
    tag: bytes = b"*"
    by_uid: bool = False
    may_expunge: bool = True
    account: Account | None = None
    selected: Selected | None = None
    enabled: set[str] = field(default_factory=set)
    failures: int = 0
    closing: bool = False
    compressed: bool = False
    notified: NotifyState | None = None
    limited: int = 0  # the lowest UID that the running command has reached before its limit (RFC 9738)

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

    @property
    def response_style(self) -> ResponseStyle:
        on = self.enabled
        quick = "QRESYNC" in on
        only = "UIDONLY" in on
        return ResponseStyle(self.by_uid or quick, "CONDSTORE" in on, quick or only, only)

    @property
    def may_log_in(self) -> bool:
        """Is the connection private, or may passwords come in the clear?"""
        return self.wire.secure or self.core.config.plaintext_allowed(self.wire.peer)

    def ok(self, text: str = "Done", code: str = "") -> Tagged:
        """Make the tagged OK of the running command."""
        return Tagged(self.tag, "OK", text, code)

    def use_modseqs(self) -> None:
        """Send modseqs to the client from now on (RFC 7162 section 3.1, "CONDSTORE enabling command")."""
        if "CONDSTORE" not in self.enabled and self.selected is not None:
            self.wire.write(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.selected.modseq)
        self.enabled.add("CONDSTORE")

    @property
    def utf8(self) -> bool:
        """Are mailbox names and quoted strings UTF-8 for this client (RFC 9051 section 5.1, RFC 9755)?"""
        return "IMAP4REV2" in self.enabled or "UTF8=ACCEPT" in self.enabled

    def encode(self, name: str) -> bytes:
        return name.encode() if self.utf8 else names.encode(name)

    def writable(self) -> Selected:
        if self.here.read_only:
            raise MailboxReadOnly
        return self.here

    def write_lines(self, lines: Sequence[bytes]) -> None:
        if lines:
            self.wire.write(b"".join(lines))

    def apply_changes(self, changes: Changes, *, may_expunge: bool) -> None:
        """Bring the client's view up to date, and send it what changed."""
        here = self.here
        here.modseq = changes.modseq
        if here.searches:
            here.touched.update(changes.added, (uid for uid, _, _ in changes.flagged))
        self.announce_flags(frozenset[str]().union(*(flags for _, flags, _ in changes.flagged)))
        if changes.added and self.knows_recent:
            here.recent = recent.extended(here.recent, changes.added, changes.recent)
            here.to_claim = 0 if here.read_only or changes.added[-1] < changes.recent else changes.added[-1] + 1
        flagged = [(uid, here.with_recent(uid, flags), modseq) for uid, flags, modseq in changes.flagged]
        style = self.response_style
        self.write_lines(here.view.apply(changes.added, changes.removed, flagged, may_expunge=may_expunge, style=style))
        self.send_recent()

    @property
    def knows_recent(self) -> bool:
        """Has the client not switched to IMAP4rev2, which has no \\Recent?"""
        return "IMAP4REV2" not in self.enabled

    def send_recent(self) -> None:
        """Send RECENT, if there are more or fewer than last sent (RFC 3501 section 7.3.2)."""
        here = self.here
        count = recent.count(here.recent, here.view.uids)
        if count != here.recent_sent:
            here.recent_sent = count
            self.wire.write(b"* %d RECENT\r\n" % count)

    async def claim_recent(self) -> None:
        """Claim this session's \\Recent messages, so that no other session has them; if the write fails, some may."""
        here = self.here
        before, here.to_claim = here.to_claim, 0
        if before:
            with suppress(MailError):
                await self.core.db.awrite(
                    lambda tx: mailbox_facts.claim_recent(tx, here.mailbox, before), of=(self.owner,)
                )

    async def read_changes(self) -> Changes:
        """Read the changes since the last time; they are to be applied next."""
        here = self.here
        here.dirty = False
        try:
            return await self.core.db.aread(partial(self._news, since=here.modseq))
        except BaseException:  # a database that is busy now is asked again
            here.dirty = True
            raise

    async def sync(self, *, may_expunge: bool = True) -> None:
        """Send what has changed since the last time."""
        here = self.here
        self.apply_changes(await self.read_changes(), may_expunge=may_expunge)
        here.dirty = here.dirty or here.view.holding

    def _news(self, tx: Tx, since: int) -> Changes:
        here, mail = self.here, self.core.mail
        return self._read_news(tx, tx.ask(mail.ask_for_changes(here.mailbox, since)), since)

    def _read_news(self, tx: Tx, answers: Sequence[Sequence[Row]], since: int) -> Changes:
        """Return the changes after `since`; where the change log is cut, compare with the UIDs the client knows."""
        here, mail = self.here, self.core.mail
        changes = mail.read_changes(answers, since, here.view.top)
        # deleted by somebody else: what is gone cannot be read, and is told as removed
        if changes.uidvalidity != here.uidvalidity:
            return Changes(since, (), tuple(here.view.uids), ())
        if changes.is_cut:
            return replace(changes, removed=tuple(set(here.view.uids).difference(mail.uids(tx, here.mailbox))))
        return changes

    async def change_flags(
        self, ranges: Ranges, how: str, flags: frozenset[str], *, with_infos: bool, unchanged_since: int | None = None
    ) -> tuple[list[MessageInfo], list[int]]:
        """Change flags in one transaction, and take in what others did before it.

        Returns the messages as they are now `with_infos` (our own change is not sent a second time), and the UIDs of
        those left alone because they changed after `unchanged_since` (RFC 7162 section 3.1.3).
        """
        here, mail = self.here, self.core.mail
        since = here.modseq

        def change(tx: Tx) -> tuple[Changes, int, list[MessageInfo], list[int], MailboxEvent | None]:
            watched = (
                [] if unchanged_since is None else condstore.ask_for_changed(here.mailbox, ranges, unchanged_since)
            )
            box, script, *answers = tx.ask(
                [
                    mail.ask_for_one(here.mailbox),
                    imapsieve.ask_for_script(self.owner, here.mailbox),
                    *watched,
                    *mail.ask_for_changes(here.mailbox, since),
                ]
            )
            changed, news = answers[: len(watched)], answers[len(watched) :]
            others = self._read_news(tx, news, since)
            failed = [row[0] for rows in changed for row in rows]
            wanted = without(ranges, failed) if failed else ranges
            [mailbox] = mail.read_mailboxes(box) or [mail.get(tx, here.mailbox)]
            modseq, infos = mail.change_flags(tx, mailbox, wanted, how, flags, with_infos=with_infos)
            event = None
            if source := imapsieve.read_script(tx, self.owner, script):
                touched = condstore.list_uids_of_modseq(tx, here.mailbox, modseq)
                event = imapsieve.note_event(self.core, tx, self.owner, here.mailbox, touched, "FLAG", source, flags)
            return others, modseq, infos, failed, event

        others, modseq, infos, failed, event = await self.core.db.awrite(change, of=(self.owner,))
        await imapsieve.arun_scripts(self.core, event)
        self.apply_changes(others, may_expunge=False)
        here.modseq = max(modseq, others.modseq)
        if here.searches:
            uids = here.view.uids
            here.touched.update(uids[place] for places in places_in(uids, ranges) for place in places)
        here.dirty = here.dirty or here.view.holding
        return infos, failed

    def announce_flags(self, flags: frozenset[str]) -> None:
        """Send FLAGS if there are new keywords: before a message shows them (RFC 9051 section 7.2.6)."""
        here = self.here
        if not flags <= here.flags:
            here.flags |= flags
            self.wire.write(b"* FLAGS " + flag_list(here.flags) + b"\r\n")

    def enter(self, account: Account) -> None:
        """Log the account in.  Raises Refused: it has too many connections already."""
        most = self.core.config.limits.connections_per_account
        if self.counts.enter("account", account.id) > most and not self.core.config.limits.is_trusted(self.wire.peer):
            self.counts.leave("account", account.id)
            raise Refused("Too many connections of this account", "LIMIT")
        self.account = account

    def leave(self) -> None:
        if self.account is not None:
            self.counts.leave("account", self.account.id)

    def stop_notifying(self) -> None:
        if self.notified is not None:
            self.notified.unwatch()
            self.notified = None

    def deselect(self) -> None:
        if self.selected is not None:
            self.selected.unwatch()
            self.selected = None

    def find_mailbox(self, tx: Tx, name: str) -> Mailbox:
        return self.core.mail.mailbox(tx, self.owner, name)


def mailbox_name(read: Reader) -> str:
    """mailbox = "INBOX" / astring, in modified UTF-7"""
    name = names.decode(read.astring(), utf8=read.utf8)
    if len(name) > 1 and name.endswith(names.SEPARATOR):
        name = name[:-1]  # CREATE "Work/" is how some clients announce children
    if not name:
        raise InvalidName("a mailbox needs a name")
    return name


def mailbox_id(mailbox: Mailbox) -> bytes:
    return mailbox.object_id.encode()


def find_mailbox_or_none(context: Context, tx: Tx, name: str) -> Mailbox | None:
    try:
        return context.find_mailbox(tx, name)
    except MailboxNotFound:
        return None
