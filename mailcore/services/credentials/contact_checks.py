"""Contact addresses that die: a link for a new password must not go to whom an address is given after its owner.

Providers take addresses back and give them to others, as a rule after a year or more in which mail to them is refused.  So each
confirmed address has a letter twice a year (services/accounts/contact_letters.py), and one whose server says that there is no
such mailbox, to whatever notice, proves nothing from that moment on: it comes off the account, its owner reads of it in the
mailbox and at the other addresses, and a log-in from far still asks for another proof (store/people/presence.py).
"""

import re

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.log import log_for
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses as store
from mailcore.store.people.accounts import get_account, save_contact

log = log_for(__name__)
_NO_MAILBOX = re.compile(r"5\.1\.(?:1|6|10)(?!\d)")  # RFC 3463 section 3.2, RFC 7505 section 4.2


def says_no_mailbox(status: str) -> bool:
    """Say if the enhanced status code that a server's reply begins with means that there is no such mailbox.

    Words do not count: "not found" and "does not exist" are said of our own host, too, and a way in would be lost for it.
    """
    return bool(_NO_MAILBOX.match(status))


def record_unknown(core: Core, tx: Tx, account: AccountId, address: str) -> bool:
    """Take an address off that its own server does not know any more; False if it proved nothing."""
    if not store.mark_lost(tx, account, address, core.clock.seconds()):
        return False
    owner = get_account(tx, account)
    if owner.contact == address:
        remaining = store.list_verified(tx, account)
        save_contact(tx, account, remaining[0] if remaining else "")
    log.info("a contact address of account %d is gone", account)
    audit.note(core, tx, account, Event.CONTACT_ADDRESS_LOST, detail=address)
    account_notices.notify_owner(core, tx, get_account(tx, account), "contact_lost", address=address)
    return True
