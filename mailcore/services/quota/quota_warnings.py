"""A box that fills up: its owner is told at 80, 90, 95 and 100 percent, and when mail is refused.

Told by state, not at the moment of crossing: whatever made the box fuller (delivery, APPEND, a smaller quota), the level
counts.  Once each, and again only after usage fell by five points.  The message is put straight into the box, above its
quota and past its scripts, so it meets no vacation and no forwarding; another goes to the contact address.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.mail import quota as store
from mailcore.store.mail.quota import Warned
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import find_address_owner

LEVELS = (80, 90, 95, 100)  # percent
FALL = 5  # points that usage must fall before the same is told again


def settled(warned: Warned, percent: int) -> Warned:
    """Return the warnings that still count as sent at this usage."""
    level = warned.level
    while level and percent <= level - FALL:
        level = max((lower for lower in LEVELS if lower < level), default=0)
    refused = warned.refused
    return Warned(level, None if refused is not None and percent <= refused - FALL else refused)


def reached(percent: int) -> int:
    """The level that this usage has reached, 0 = none."""
    return max((level for level in LEVELS if percent >= level), default=0)


def look(core: Core, tx: Tx, account: AccountId, *, refused: bool = False) -> str:
    """Notify the owner of what is new; returns the name of the notice, or "".

    Args:
        refused: a message was refused just now for want of room.
    """
    owner = get_account(tx, account)
    before = store.warned(tx, account)
    now = settled(before, owner.percent) if owner.quota else Warned()
    name = ""
    if owner.quota and refused and now.refused is None:
        name, now = "quota_refused", replace(now, refused=owner.percent)
    elif owner.quota and reached(owner.percent) > now.level:
        name = "quota_full" if owner.percent >= LEVELS[-1] else "quota_warning"
    if name:
        _tell(core, tx, owner, name)
        # the warning itself takes room: what it reaches is told with it
        now = replace(now, level=max(now.level, reached(get_account(tx, account).percent)))
    if now != before:
        store.set_warned(tx, account, now)
    return name


def refused_at(core: Core, tx: Tx, addresses: Sequence[str]) -> None:
    """Mail for these addresses of ours was refused at RCPT because their boxes are full."""
    for address in addresses:
        localpart, _, domain = address.lower().rpartition("@")
        account = find_address_owner(tx, localpart.partition("+")[0], domain)
        if account is not None:
            look(core, tx, account, refused=True)


def look_at_all(core: Core) -> int:
    """The job: whoever is as full as that, or was told so; how many were told something."""

    def stale(tx: Tx) -> list[AccountId]:
        return [account for account in store.to_look_at(tx, LEVELS[0]) if _is_news(tx, account)]

    return sum(bool(core.db.write(partial(look, core, account=account))) for account in core.db.read(stale))


def _is_news(tx: Tx, account: AccountId) -> bool:
    """Say if there is something to send: most of those who are full were already warned, and cost no write."""
    owner, warned = get_account(tx, account), store.warned(tx, account)
    still = settled(warned, owner.percent) if owner.quota else Warned()
    return still != warned or (owner.quota > 0 and reached(owner.percent) > still.level)


def _tell(core: Core, tx: Tx, owner: Account, name: str) -> None:
    words = {
        "display_name": owner.display_name or owner.name,
        "address": f"{owner.name}@{core.config.domain}",
        "percent": str(owner.percent),
        "used": notices.size(owner.used, owner.language),
        "quota": notices.size(owner.quota, owner.language),
    }
    into_box(core, tx, owner, name, **words)
    to_contact(core, tx, owner, name, **words)


def into_box(core: Core, tx: Tx, owner: Account, name: str, **words: str) -> None:
    """A notice straight into INBOX, above the quota and past all scripts."""
    account_notices.into_box(core, tx, owner, name, **words)


def to_contact(core: Core, tx: Tx, owner: Account, name: str, **words: str) -> None:
    """The same to the contact addresses, unless that is this box itself."""
    account_notices.to_contacts(core, tx, owner, name, **words)
