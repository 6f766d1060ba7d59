"""Limits on the mail that one person or one network place may cause, whatever page causes it.

What this bounds goes to an address that nobody has proved yet: the question whether one wrote to the help desk or ordered
an account, whether one takes forwarded mail, whether a contact address is one's own, a link for a forgotten password.
Whoever never asked reads it, so it comes seldom and carries no words of the asker: no subject, no text, no name of their
choice.  What one's own verified address hears is not bounded here: notices of a theft must not be kept back by a thief.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import TooMany
from mailcore.saying import Saying
from mailcore.services.limits import tries
from mailcore.services.limits.tries import Bound
from mailcore.store.engine.db import Tx
from sieve.addrspec import comparable

PLACE_HOUR, PLACE_DAY = 30, 100  # a campus may come from one address, where it is not in limits.trusted
PERSON_HOUR, PERSON_DAY = 10, 30
ADDRESS_HOUR, ADDRESS_DAY = 5, 10
NOTIFIED_HOUR, NOTIFIED_DAY = 100, 500  # recipients of notifications of one account's scripts (RFC 5436)
REDIRECTED_DAY = 2000  # copies that personal scripts of one account send on (RFC 5228 section 4.2)
NOTICES_A_DAY = 10  # of an account, to a contact address that is not verified


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a mail: a logged-in person, from a network place, or a stranger.  Neither: staff, or a job."""

    account: AccountId | None = None
    peer: str = ""


NOBODY = Cause()


def count_mail(core: Core, tx: Tx, cause: Cause, to: str) -> None:
    """Count one mail that `cause` makes us send to an address; "" where it is not known yet if one will be sent.

    Raises:
        TooMany: nothing is counted then.
    """
    if not may_send(core, tx, cause, to):
        raise TooMany(Saying("Too many such messages were sent. Wait an hour."))


def may_send(core: Core, tx: Tx, cause: Cause, to: str) -> bool:
    """Count one mail as `count_mail` does; False where it is above a limit, and then nothing is counted."""
    return cause == NOBODY or tries.count_if_allowed(core, tx, "mail", _bounds(core, cause, to))


def _bounds(core: Core, cause: Cause, to: str) -> Iterator[Bound]:
    yield from tries.bounds_of_place(core, cause.peer, PLACE_HOUR)
    yield from tries.bounds_of_place(core, cause.peer, PLACE_DAY, tries.DAY)
    if cause.account is not None:
        yield Bound(f"person {cause.account}", PERSON_HOUR)
        yield Bound(f"person {cause.account}", PERSON_DAY, tries.DAY)
    if to:
        yield Bound(f"to {canonical_address(to)}", ADDRESS_HOUR)
        yield Bound(f"to {canonical_address(to)}", ADDRESS_DAY, tries.DAY)


def may_notify_by_script(core: Core, tx: Tx, account: AccountId, recipients: int) -> bool:
    """Count notifications of an account's script; False where they are too many.

    Senders cause them, though the account's owner wrote the script, so the account is what is counted.
    """
    person = f"person {account}"
    bounds = (Bound(person, NOTIFIED_HOUR), Bound(person, NOTIFIED_DAY, tries.DAY))
    return all(tries.count_if_allowed(core, tx, "notification", bounds) for _ in range(recipients))


def may_redirect(core: Core, tx: Tx, account: AccountId) -> bool:
    """Count a copy that a personal script of the account sends on; False where it had its share of the day."""
    return tries.count_if_allowed(core, tx, "redirect", [Bound(f"person {account}", REDIRECTED_DAY, tries.DAY)])


def may_notify_unverified(core: Core, tx: Tx, to: str) -> bool:
    """Count a notice to a contact address that is not verified; False where it had its share of the day."""
    return tries.count_if_allowed(core, tx, "notice", [Bound(f"to {canonical_address(to)}", NOTICES_A_DAY, tries.DAY)])


def canonical_address(address: str) -> str:
    """Reduce an address to one for all spellings that reach the same reader: `a.b+c@x` has many."""
    local, _, domain = comparable(address.strip()).lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"
