"""Mailboxes created, renamed and deleted in the portal.  Mail of a deleted one goes to Trash: nothing is lost."""

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.errors import NotAllowed
from mailcore.services.webmail import mail_actions
from mailcore.store.engine.db import Tx

ALL = [(1, 2**32)]


def create_mailbox(core: Core, account: AccountId, name: str, inside: str = "") -> None:
    """Create a mailbox, inside another one if that is named.  Raises InvalidName, MailboxExists."""
    core.db.write(lambda tx: core.mail.create(tx, account, f"{inside}/{name}" if inside else name))


def rename_mailbox(core: Core, account: AccountId, name: str, new: str) -> None:
    """Rename a mailbox at the same place; a name with a slash moves it.

    Raises:
        NotAllowed: for INBOX and mailboxes of a special use.
        MailboxNotFound, MailboxExists, InvalidName
    """
    inside, slash, _ = name.rpartition("/")

    def write(tx: Tx) -> None:
        _get_own_mailbox(core, tx, account, name)
        core.mail.rename(tx, account, name, new if "/" in new else f"{inside}{slash}{new}")

    core.db.write(write)


def count_messages(core: Core, account: AccountId, name: str) -> int:
    """Count the messages in a mailbox.  Raises MailboxNotFound."""
    return core.db.read(lambda tx: core.mail.mailbox(tx, account, name).messages)


def delete_mailbox(core: Core, account: AccountId, name: str) -> int:
    """Delete a mailbox; its messages are moved to Trash.  Returns how many.  Raises NotAllowed, MailboxNotFound."""

    def write(tx: Tx) -> int:
        box = _get_own_mailbox(core, tx, account, name)
        trash = mail_actions.get_special_mailbox(core, tx, account, "\\Trash")
        moved, _ = core.mail.move(tx, box.id, ALL, trash.id)
        core.mail.delete(tx, account, name)
        return len(moved)

    return core.db.write(write)


def _get_own_mailbox(core: Core, tx: Tx, account: AccountId, name: str) -> Mailbox:
    box = core.mail.mailbox(tx, account, name)
    if box.name == "INBOX" or box.special_use:
        raise NotAllowed("this mailbox is needed")
    return box
