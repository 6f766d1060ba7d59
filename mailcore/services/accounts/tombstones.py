"""Tombstones of closed accounts: an address that nobody else is given, and for a year perhaps a new one (N11, N12)."""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services.limits import keys
from mailcore.store.engine.db import Tx
from mailcore.store.people import closing as store

NOTICE_SECONDS = 365 * 86_400
_PERSON, _WRITER = "tombstone", "correspondent"


def mark_writer(core: Core, account: AccountId, address: str) -> str:
    """Return a mark that stands for somebody whom the owner has written to."""
    return keys.compute_hmac(core.config, _WRITER, f"{account}\0{address.lower()}").hex()[:32]


def mark_person(core: Core, person: str | None) -> str:
    """Return a mark that stands for a person whose data is erased; "" when there was none."""
    return keys.compute_hmac(core.config, _PERSON, person).hex() if person else ""


def may_return(core: Core, tx: Tx, localpart: str, domain: str, person: str | None) -> bool:
    """Say if the address was this person's own, before their account was erased."""
    mark = store.find_mark(tx, localpart, domain)
    return bool(mark) and mark == mark_person(core, person)


def find_new_address(core: Core, tx: Tx, localpart: str, domain: str, sender: str) -> str:
    """Find the new address that its former owner left for this sender, or ""."""
    if not sender:
        return ""
    tombstone = store.find_new_address(tx, localpart, domain, core.clock.seconds() - NOTICE_SECONDS)
    if tombstone is None or not store.is_correspondent(tx, tombstone[0], mark_writer(core, tombstone[0], sender)):
        return ""
    return tombstone[1]
