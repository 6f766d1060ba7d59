"""The address book and the blocked list of an account.

Scripts ask both as lists (RFC 6134, see services/sieve_scripts/recipient_view.py); what is done with blocked senders is
for a filter to say.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import InvalidName, TooMany
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import blocked_senders as store
from sieve import one_address

MAX_CONTACTS = 5000


def _address(text: str) -> str:
    address = one_address(text.strip()).lower()
    if not address:
        raise InvalidName(f"{text!r} is no address")
    return address


def list_blocked(core: Core, account: AccountId) -> list[str]:
    return core.db.read(lambda tx: store.list_blocked(tx, account))


def block_sender(core: Core, account: AccountId, address: str) -> None:
    """Block an address, or `@domain` for everybody there.  Raises InvalidName, TooMany."""
    text = address.strip()
    unwanted = text.lower() if text.startswith("@") and one_address(f"x{text}") else _address(text)

    def write(tx: Tx) -> None:
        if len(store.list_blocked(tx, account)) >= MAX_CONTACTS:
            raise TooMany(f"at most {MAX_CONTACTS} senders can be blocked")
        store.save_blocked(tx, account, unwanted, core.clock.seconds())

    core.db.write(write)


def unblock_sender(core: Core, account: AccountId, address: str) -> None:
    core.db.write(lambda tx: store.delete_blocked(tx, account, address.strip().lower()))
