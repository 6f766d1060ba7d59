"""Quota warnings: the owner is notified at 80, 90, 95 and 100 percent, and when mail is refused.

They depend on usage, not on the moment of crossing: whatever made the mailbox fuller (delivery, APPEND, a smaller quota),
the level counts.  Each is sent once, and again only after usage fell by five points.  The message is put straight into
INBOX, above the quota and past the scripts, so it meets no vacation and no forwarding; another goes to the contact address.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.engine.portions import Portion, find_portion, save_portion
from mailcore.store.mail import quota as store
from mailcore.store.mail.quota import Warned
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import find_address_owner

LEVELS = (80, 90, 95, 100)  # percent
_WALK = "quota_warnings"
FALL = 5  # points that usage must fall before the same warning is sent again


class QuotaNotice(StrEnum):
    """Notices of this module; the value names the text template."""

    WARNING = "quota_warning"
    FULL = "quota_full"
    REFUSED = "quota_refused"


def still_warned(warned: Warned, percent: int) -> Warned:
    """Return the warnings that still count as sent at this usage."""
    level = warned.level
    while level and percent <= level - FALL:
        level = max((lower for lower in LEVELS if lower < level), default=0)
    refused = warned.refused
    return Warned(level, None if refused is not None and percent <= refused - FALL else refused)


def level_reached(percent: int) -> int:
    """Return the highest level that this usage has reached, 0 = none."""
    return max((level for level in LEVELS if percent >= level), default=0)


def warn_if_needed(core: Core, tx: Tx, account: AccountId, *, refused: bool = False) -> QuotaNotice | None:
    """Send the owner the warning that is due, if any, and return which one it was.

    Args:
        refused: a message was refused just now because the quota is used up.
    """
    owner = get_account(tx, account)
    before = store.get_warned(tx, account)
    now = still_warned(before, owner.percent) if owner.quota else Warned()
    notice: QuotaNotice | None = None
    if owner.quota and refused and now.refused is None:
        notice, now = QuotaNotice.REFUSED, replace(now, refused=owner.percent)
    elif owner.quota and level_reached(owner.percent) > now.level:
        notice = QuotaNotice.FULL if owner.percent >= LEVELS[-1] else QuotaNotice.WARNING
    if notice is not None:
        _send_warning(core, tx, owner, notice)
        # the warning itself takes room, and a level that it reaches needs no second one
        now = replace(now, level=max(now.level, level_reached(get_account(tx, account).percent)))
    if now != before:
        store.save_warned(tx, account, now)
    return notice


def warn_refused(core: Core, tx: Tx, addresses: Sequence[str]) -> None:
    """Warn the owners of these local addresses that mail was refused at RCPT because their quota is used up."""
    for address in addresses:
        localpart, _, domain = address.lower().rpartition("@")
        account = find_address_owner(tx, localpart.partition("+")[0], domain)
        if account is not None:
            warn_if_needed(core, tx, account, refused=True)


def warn_all(core: Core) -> int:
    """Warn the owners who are due, as a job; return how many were sent a warning.

    A turn looks at those who were warned, and at a portion of all others.
    """

    def list_due(tx: Tx) -> tuple[list[AccountId], Portion]:
        portion = find_portion(tx, "account", _WALK)
        return [one for one in store.list_to_warn(tx, LEVELS[0], portion) if _needs_warning(tx, one)], portion

    due, portion = core.db.read(list_due)
    sent = sum(core.db.write(partial(warn_if_needed, core, account=account)) is not None for account in due)
    if not portion.is_whole:
        core.db.write(partial(save_portion, portion=portion))
    return sent


def _needs_warning(tx: Tx, account: AccountId) -> bool:
    """Say if a warning is due or a level fell: most of those who are full were warned already, and cost no write."""
    owner, warned = get_account(tx, account), store.get_warned(tx, account)
    still = still_warned(warned, owner.percent) if owner.quota else Warned()
    return still != warned or (owner.quota > 0 and level_reached(owner.percent) > still.level)


def _send_warning(core: Core, tx: Tx, owner: Account, notice: QuotaNotice) -> None:
    words = {
        "display_name": owner.display_name or owner.name,
        "address": owner.address(core.config.domain),
        "percent": str(owner.percent),
        "used": notices.format_size(owner.used, owner.language),
        "quota": notices.format_size(owner.quota, owner.language),
    }
    account_notices.deliver_to_inbox(core, tx, owner, notice, **words)
    account_notices.send_to_contacts(core, tx, owner, notice, **words)
