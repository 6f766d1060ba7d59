"""Closing an account: the owner's choice, thirty days to undo it, then everything is erased (S10, N11, N12).

From the moment of closing nobody logs in and mail is refused.  Undoing brings back mail, scripts and settings; a
forwarding must be agreed to anew.  The address is a tombstone for ever: nobody else is given it, and the same person may
order it again.  Backups lose the data when they expire.  Who wishes leaves a new address, which for a year is told (550
5.1.6, RFC 3463 section 3.2) to those whom they have written to, and to nobody else.
"""

import secrets
from dataclasses import replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState, ForwardingState
from mailcore.errors import AccountNotFound, ForwardingRefused, LinkExpired, TooMany
from mailcore.mail.reading import address as addresses
from mailcore.mail.reading import header
from mailcore.services import audit
from mailcore.services.accounts import accounts, tombstones
from mailcore.services.audit import Event
from mailcore.services.credentials import contact_addresses
from mailcore.services.forwarding import forwarding
from mailcore.services.limits import links
from mailcore.services.limits.links import LinkPurpose
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.notices import account_notices
from mailcore.services.sieve_scripts import filters
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding, save_forwarding
from mailcore.store.people import accounts as account_store
from mailcore.store.people import closing as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.tokens import delete_tokens

UNDO_SECONDS = 30 * 86_400
_SENT = 20_000  # messages whose recipients are remembered
_BATCH = 2000


def close_account(core: Core, name: str, *, new_address: str = "", actor: str = "") -> tuple[Account, str]:
    """Close the account; return it, and the link that undoes it within thirty days (also mailed to contact addresses).

    Raises:
        AccountNotFound.
        InvalidName: the new address is none, or one of ours.
    """
    account = accounts.find_account(core, name)
    if account.state != AccountState.ACTIVE:
        raise AccountNotFound(f"{account.name} is closed")
    new_address = contact_addresses.check_new_address(core, new_address)
    token = secrets.token_urlsafe(24)
    link = f"{core.config.url}/account/undo/{token}"
    marks = core.db.read(lambda tx: _correspondents(core, tx, account)) if new_address else set()

    def write(tx: Tx) -> Account:
        now = core.clock.seconds()
        was = get_forwarding(tx, account.id).state
        account_notices.notify_owner(core, tx, account, "closed", box=False, link=link)
        account_store.close_account(tx, account.id, now)
        store.save_closing(tx, account.id, now, new_address, forwarding=was is not ForwardingState.OFF)
        store.save_correspondents(tx, account.id, marks)
        links.save_link(core, tx, account.id, LinkPurpose.UNDO, token, UNDO_SECONDS)
        filters.regenerate(core, tx, account.id)
        audit.note(core, tx, account.id, Event.ACCOUNT_CLOSED, actor=actor)
        return get_account(tx, account.id)

    return core.db.write(write), link


def _correspondents(core: Core, tx: Tx, account: Account) -> set[str]:
    correspondents: set[str] = set()
    for block in store.list_sent_headers(tx, account.id, _SENT):
        for name in ("to", "cc", "bcc"):
            for value in header.values(block, name):
                correspondents.update(address.lower() for address in addresses.addr_specs(value))
    return {tombstones.mark_writer(core, account.id, address) for address in correspondents}


def find_closed_account(core: Core, token: str) -> Account:
    """Return the closed account that a link belongs to, without using the link.  Raises LinkExpired."""
    return core.db.read(lambda tx: _find_closed(core, tx, token))


def _find_closed(core: Core, tx: Tx, token: str) -> Account:
    account = get_account(tx, links.find_link(core, tx, token, LinkPurpose.UNDO).account)
    if account.state != AccountState.CLOSED:
        raise LinkExpired("the account is not closed")
    return account


def undo_closing(core: Core, token: str) -> Account:
    """Open the account again that a link belongs to.  Raises LinkExpired."""
    account = core.db.read(lambda tx: _find_closed(core, tx, token))
    return reopen_account(core, account.id)


def reopen_account(core: Core, number: AccountId, *, actor: str = "") -> Account:
    """Open a closed account again, as it was before; only the forwarding's target is asked again.

    Raises:
        AccountNotFound: it is not closed, or it is erased.
    """

    def write(tx: Tx) -> tuple[Account, bool]:
        before = store.find_closing(tx, number)
        if not store.reopen_account(tx, number):
            raise AccountNotFound("there is no closed account to open again")
        delete_tokens(tx, number, LinkPurpose.UNDO)
        filters.regenerate(core, tx, number)
        audit.note(core, tx, number, Event.ACCOUNT_REOPENED, actor=actor)
        return get_account(tx, number), before is not None and before.forwarding

    account, forwarded = core.db.write(write)
    wished = forwarding.read_forwarding(core, number)
    if forwarded and wished.target:
        try:
            unproved = replace(wished, state=ForwardingState.OFF, confirmed_at=None)
            core.db.write(lambda tx: save_forwarding(tx, number, unproved))
            forwarding.set_forwarding(core, number, wished.target, copy=wished.copy, cause=Cause(number))
        except (ForwardingRefused, TooMany):
            pass  # the rules have changed meanwhile, or who is asked was asked often: mail stays here
    return account


def erase_closed(core: Core) -> int:
    """Erase accounts closed more than thirty days ago, with their indexes, as a job; return how many.

    Messages go in small transactions, so that nobody waits; their blobs go with the next sweep.
    """
    now = core.clock.seconds()
    done = core.db.read(lambda tx: store.list_due(tx, now - UNDO_SECONDS))
    for account in done:
        _erase(core, account, now)
    core.db.write(lambda tx: store.delete_notices(tx, now - tombstones.NOTICE_SECONDS))
    return len(done)


def _erase(core: Core, account: AccountId, now: int) -> None:
    owner = accounts.load_account(core, account)
    for mailbox in core.db.read(lambda tx: store.list_mailboxes(tx, account)):
        erase_batch = partial(store.erase_messages, mailbox=mailbox, limit=_BATCH)
        while core.db.write(erase_batch):
            pass
    mark = tombstones.mark_person(core, owner.person)

    def write(tx: Tx) -> None:
        store.erase_account(tx, account, mark, now)
        audit.note(core, tx, None, Event.ACCOUNT_ERASED, detail=str(account), facts={"account": int(account)})

    core.db.write(write)
    core.search.forget(account)  # this node's; others drop theirs when they find no mail
