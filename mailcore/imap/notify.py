"""NOTIFY for mailboxes that are not selected (RFC 5465): the request, and the events to send.  No I/O.

Changes are found by comparing the mailboxes with their state when last reported, so that many changes are one line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailcore.domain import Mailbox, MailboxId
from mailcore.imap import names
from mailcore.imap.fetch_items import Items
from mailcore.imap.status import Refused
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_GROUPS, MAX_NAMES = 20, 500
MESSAGES = frozenset({"MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"})
NAMES = frozenset({"MAILBOXNAME", "SUBSCRIPTIONCHANGE"})
_OFFERED = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)"


@dataclass(frozen=True, slots=True)
class Group:
    """`where` is SELECTED, SELECTED-DELAYED, INBOXES, PERSONAL, SUBSCRIBED, SUBTREE or MAILBOXES."""

    where: str
    names: frozenset[str]
    events: frozenset[str]

    def covers(self, box: Mailbox) -> bool:
        match self.where:
            case "PERSONAL":
                return True
            case "INBOXES":  # where delivery may put mail: scripts file into any mailbox
                return True
            case "SUBSCRIBED":
                return box.subscribed
            case "SUBTREE":
                return names.is_within(box.name, self.names)
            case "MAILBOXES":
                return box.name in self.names
        return False


@dataclass(frozen=True, slots=True)
class NotifyRequest:
    """`at_once`: the selected mailbox is told between commands too, `delayed`: but not what was expunged."""

    groups: tuple[Group, ...]
    status: bool
    at_once: bool = False
    delayed: bool = False
    new: Items | None = None  # what is fetched of new messages

    def events(self, box: Mailbox) -> frozenset[str]:
        """Return the events of the first group that names the mailbox (RFC 5465 section 3.1)."""
        for group in self.groups:
            if group.covers(box):
                return group.events
        return frozenset()


def parse(read: Reader) -> NotifyRequest | None:
    """notify = "NOTIFY" SP ("SET" [SP "STATUS"] 1*(SP event-group) / "NONE")"""
    if read.take_word(b"NONE"):
        read.end()
        return None
    read.expect(b"SET", "SET or NONE")
    status = read.take_word(b" STATUS")
    groups: list[Group] = []
    new: Items | None = None
    while not read.at_end():
        read.space()
        group, fetched = _group(read)
        groups.append(group)
        new = new or fetched
    if not groups or len(groups) > MAX_GROUPS:
        raise SyntaxProblem("expected event groups")
    own = [group for group in groups if group.where.startswith("SELECTED")]
    if len(own) > 1:
        raise SyntaxProblem("one group is for the selected mailbox")
    at_once = bool(own) and bool(own[0].events)
    return NotifyRequest(tuple(groups), status, at_once, bool(own) and own[0].where == "SELECTED-DELAYED", new)


def _group(read: Reader) -> tuple[Group, Items | None]:
    """event-group = "(" filter-mailboxes SP ("(" event *(SP event) ")" / "NONE") ")" """
    read.expect(b"(", "an event group")
    where = read.atom().upper().decode()
    found: frozenset[str] = frozenset()
    if where in ("SUBTREE", "MAILBOXES"):
        read.space()
        found = parse_mailboxes(read)
        if len(found) > MAX_NAMES:
            raise Refused("Too many mailboxes", "NOTIFICATIONOVERFLOW")
    elif where not in ("SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED"):
        raise SyntaxProblem("unknown mailboxes")
    read.space()
    events, new = (frozenset[str](), None) if read.take_word(b"NONE") else _events(read, where)
    read.expect(b")", "a closing parenthesis")
    return Group(where, found, events), new


def parse_mailboxes(read: Reader) -> frozenset[str]:
    """one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" """
    if not read.take_word(b"("):
        return frozenset((_name(read),))
    found = [_name(read)]
    while read.take_word(b" "):
        found.append(_name(read))
    read.expect(b")", "a closing parenthesis")
    return frozenset(found)


def _name(read: Reader) -> str:
    name = names.decode(read.astring(), utf8=read.utf8).rstrip(names.SEPARATOR)
    return "INBOX" if name.upper() == "INBOX" else name


def _events(read: Reader, where: str) -> tuple[frozenset[str], Items | None]:
    read.expect(b"(", "events")
    found: set[str] = set()
    new: Items | None = None
    while True:
        event = read.atom().upper().decode()
        if event not in MESSAGES | NAMES:
            raise Refused("That event is not offered", _OFFERED)
        found.add(event)
        if event == "MESSAGENEW" and read.sees(b" ("):
            read.space()
            if not where.startswith("SELECTED"):
                raise SyntaxProblem("what is fetched is of the selected mailbox")
            new = Items.parse_list(read)
        if not read.take_word(b" "):
            break
    read.expect(b")", "a closing parenthesis")
    both = {"MESSAGENEW", "MESSAGEEXPUNGE"}
    if (found & both and not found >= both) or ("FLAGCHANGE" in found and not found >= both):
        raise SyntaxProblem("MessageNew, MessageExpunge and FlagChange go together")
    if where.startswith("SELECTED") and found & NAMES:
        raise SyntaxProblem("names are no matter of the selected mailbox")
    return frozenset(found), new


@dataclass(frozen=True, slots=True)
class MailboxEvent:
    """One event to report.  `kind`: status, new, gone, renamed, subscribed."""

    kind: str
    box: Mailbox
    items: tuple[bytes, ...] = ()
    old_name: str = ""


def list_events(
    request: NotifyRequest, before: dict[MailboxId, Mailbox], now: Iterable[Mailbox], selected: MailboxId | None
) -> Iterator[MailboxEvent]:
    """Yield the changes between two looks at the mailboxes that the client has asked for."""
    there: set[MailboxId] = set()
    for box in now:
        there.add(box.id)
        old, events = before.get(box.id), request.events(box)
        if old is None or old.uidvalidity != box.uidvalidity:
            if "MAILBOXNAME" in events:
                yield MailboxEvent("new", box)
            old = None
        elif old.name != box.name and "MAILBOXNAME" in events | request.events(old):
            yield MailboxEvent("renamed", box, old_name=old.name)
        if (
            old is not None
            and old.subscribed != box.subscribed
            and "SUBSCRIPTIONCHANGE" in events | request.events(old)
        ):
            yield MailboxEvent("subscribed", box)
        if (
            box.id != selected
            and (old is None or old.modseq != box.modseq)
            and (items := _status_items(events, old, box))
        ):
            yield MailboxEvent("status", box, items)
    for mailbox, old in before.items():
        if mailbox not in there and "MAILBOXNAME" in request.events(old):
            yield MailboxEvent("gone", old)


def _status_items(events: frozenset[str], old: Mailbox | None, box: Mailbox) -> tuple[bytes, ...]:
    """RFC 5465 sections 5.1 to 5.3; nothing if what changed is of no interest.

    HIGHESTMODSEQ also for a client that has not enabled CONDSTORE: section 5.1 asks for it wherever mailboxes have one.
    """
    found: list[bytes] = []
    if "MESSAGENEW" in events and (old is None or (old.uidnext, old.messages) != (box.uidnext, box.messages)):
        found += [b"UIDNEXT", b"MESSAGES"]
    if "FLAGCHANGE" in events:
        found.append(b"UNSEEN")
    if found and (old is None or "FLAGCHANGE" in events):
        found.append(b"UIDVALIDITY")
    return (*found, *([b"HIGHESTMODSEQ"] if found else ()))


def first_items(events: frozenset[str]) -> tuple[bytes, ...]:
    """Return the STATUS items that NOTIFY SET STATUS sends of each mailbox (RFC 5465 section 3.1)."""
    if not events & MESSAGES:
        return ()
    flags = (b"UNSEEN",) if "FLAGCHANGE" in events else ()
    return (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", *flags, b"HIGHESTMODSEQ")
