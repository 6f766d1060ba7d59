"""Mail data that every page of the portal shows: the mailboxes, and the account as it stands now."""

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Mailbox
from mailcore.store.people.accounts import get_account


def list_mailboxes(core: Core, account: AccountId) -> list[Mailbox]:
    """List the mailboxes, INBOX first, then by name."""
    return core.db.read(lambda tx: core.mail.mailboxes(tx, account))


def read_account(core: Core, account_id: AccountId) -> Account:
    """Return the account as it stands now, with what is used."""
    return core.db.read(lambda tx: get_account(tx, account_id))
