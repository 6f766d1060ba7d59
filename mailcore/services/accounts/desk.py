"""The help desk's view of an account beside a case, and its actions there (N24): facts, never the content of mail.

That somebody of the desk looked is in the account's audit log, which its owner can read.
"""

from dataclasses import dataclass
from datetime import date, datetime

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Affiliation
from mailcore.services import audit
from mailcore.services.accounts import leaving
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people import affiliations as affiliation_store
from mailcore.store.people import desk as store
from mailcore.store.people.accounts import get_account, get_role
from mailcore.store.people.addresses import list_addresses
from mailcore.store.people.affiliations import Leaver

LOOK_SECONDS = 3600  # within which one agent's looks are one entry


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Facts about one account; `forwards_to` is the domain alone, `last_used` when a password last opened anything."""

    account: Account
    addresses: tuple[str, ...]
    role: str
    has_password: bool
    last_used: datetime | None
    forwarding: str
    forwards_to: str
    away: bool
    messages: int
    biggest: tuple[tuple[str, int], ...]
    affiliation: Affiliation | None
    web_sessions: int


def load_facts(core: Core, account: AccountId, *, agent: Account) -> AccountFacts:
    """Load the facts of an account for an agent, which the audit log records.  Raises AccountNotFound."""

    def write(tx: Tx) -> AccountFacts:
        owner = get_account(tx, account)
        since = core.clock.seconds() - LOOK_SECONDS
        if owner.id != agent.id and not store.was_noted(tx, account, agent.name, Event.LOOKED, since):
            audit.note(core, tx, account, Event.LOOKED, actor=agent.name)
        has_password, last_used = store.get_password_state(tx, account)
        forwarding = get_forwarding(tx, account)
        boxes = core.mail.mailboxes(tx, account)
        return AccountFacts(
            owner,
            tuple(list_addresses(tx, account)),
            get_role(tx, account),
            has_password,
            last_used,
            forwarding.state.value,
            forwarding.target.rpartition("@")[2],
            store.is_away(tx, account, core.clock.now().date()),
            sum(box.messages for box in boxes),
            tuple((box.special_use or "other", box.octets) for box in sorted(boxes, key=lambda box: -box.octets)[:3]),
            affiliation_store.find_affiliation(tx, owner.person) if owner.person else None,
            store.count_web_sessions(tx, account, core.clock.seconds()),
        )

    return core.db.write(write)


def search_accounts(core: Core, words: str) -> list[Account]:
    """Find accounts by user name, address, name of the person, contact address or person id; at most 50."""
    words = words.strip().lower()
    if not words:
        return []
    localpart, at, domain = words.rpartition("@")
    if at and domain in core.config.mail_domains:
        words = localpart
    return core.db.read(lambda tx: [get_account(tx, account) for account in store.search_accounts(tx, words)])


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A person who will be locked out: no alumni password, or one that was never used."""

    account: Account
    until: date | None
    present: bool
    has_password: bool
    is_reachable: bool  # by a confirmed contact address
    codes: int  # printed, and not used


def list_at_risk(core: Core) -> list[AtRisk]:
    """List people at risk, soonest first; those whose affiliation is over stand at the top."""
    leavers = leaving.list_at_risk(core)
    return core.db.read(lambda tx: [_to_at_risk(tx, leaver) for leaver in leavers])


def _to_at_risk(tx: Tx, leaver: Leaver) -> AtRisk:
    account = get_account(tx, leaver.account)
    return AtRisk(account, leaver.until, leaver.present, leaver.chosen, leaver.verified, leaver.codes)
