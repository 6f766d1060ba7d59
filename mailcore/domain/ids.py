"""Numbers of accounts and mailboxes, which mypy tells apart."""

from typing import NewType

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)
