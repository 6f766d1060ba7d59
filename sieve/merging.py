"""Rules of actions beside each other: which exclude each other, and which are one action.

Every pair is named, so that a new action cannot be forgotten here.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from sieve.actions import Action, Discard, Ereject, FileInto, Keep, Notify, Redirect, Reject, Vacation
from sieve.addrspec import comparable
from sieve.mailto import read_mailto
from sieve.phrase import Phrase


def find_conflict(earlier: Action, later: Action) -> str | None:
    """Say why two actions cannot stand in one run (RFC 5429 section 2.3, RFC 5230 section 4.7)."""
    match later:
        case Vacation() if isinstance(earlier, Vacation):
            return Phrase("vacation answers once only; this is the second time")
        case Keep() | FileInto() | Redirect() | Vacation():
            return _REJECTED_AND_MORE if isinstance(earlier, Reject | Ereject) else None
        case Reject() | Ereject():
            match earlier:
                case Reject() | Ereject():
                    return Phrase("the message is already rejected")
                case Keep() | FileInto() | Redirect() | Vacation():
                    return _REJECTED_AND_MORE
                case Discard() | Notify():
                    return None
                case _:
                    assert_never(earlier)
        case Discard() | Notify():
            return None
        case _:
            assert_never(later)


_REJECTED_AND_MORE = Phrase("a message cannot be rejected and also kept, sent or answered")


def addresses(action: Notify) -> tuple[str, ...]:
    """List whom a notification reaches."""
    read = read_mailto(action.method)
    return read.without(action.already_reached).addresses if read else ()


def without_repeats(action: Notify, earlier: Iterable[Action]) -> Notify:
    """Leave out those whom an earlier notification reaches (RFC 5435 section 3)."""
    reached = {comparable(address) for other in earlier if isinstance(other, Notify) for address in addresses(other)}
    return replace(
        action, already_reached=tuple(address for address in addresses(action) if comparable(address) in reached)
    )


def identify(action: Action) -> object:
    """Return what names the effect of an action: two of one identity are one action."""
    match action:
        case Keep():
            return "INBOX"
        case FileInto(mailbox=mailbox):
            return "INBOX" if mailbox.upper() == "INBOX" else ("mailbox", mailbox)
        case Redirect(address=address):
            local, _, domain = address.rpartition("@")
            return ("address", local, domain.lower())
        case Discard() | Reject() | Ereject() | Vacation() | Notify():
            return action
        case _:
            assert_never(action)


def merge(earlier: Action, later: Action) -> Action:
    """Join two actions of one identity; the last flags win (RFC 5232 section 5)."""
    match earlier:
        case FileInto():
            if isinstance(later, FileInto):
                return replace(
                    earlier,
                    flags=later.flags,
                    octets=later.octets,
                    copy=earlier.copy and later.copy,
                    create=earlier.create or later.create,
                )
            return later
        case Keep():
            return replace(earlier, flags=later.flags) if isinstance(later, FileInto) else later
        case Redirect():
            return replace(earlier, copy=earlier.copy and later.copy) if isinstance(later, Redirect) else earlier
        case Discard() | Reject() | Ereject() | Vacation() | Notify():
            return earlier
        case _:
            assert_never(earlier)
