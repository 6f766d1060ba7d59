"""Rolling copies (N5): a kept copy of a forwarded message goes after so many days, if its owner wishes it so.

Only what the target's server took with a 250, and only what nobody touched here: a message that was read, flagged,
answered or moved, even for a moment, has another modseq than it came with, and stays.
"""

from functools import partial
from itertools import groupby

from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import forwardings as store

BATCH = 1000  # copies of one account in one transaction


def expire(core: Core) -> int:
    """The job; how many copies went."""
    gone = 0
    for account, days in core.db.read(store.rolling):
        before = core.clock.seconds() - days * 86_400
        while went := core.db.write(partial(_expire, core, account=account, before=before)):
            gone += went
    core.db.write(store.forget_copies)
    return gone


def _expire(core: Core, tx: Tx, account: AccountId, before: int) -> int:
    found = sorted(store.expired_copies(tx, account, before, BATCH))
    for mailbox, copies in groupby(found, key=lambda copy: copy[0]):
        core.mail.expunge(tx, MailboxId(mailbox), [(uid, uid) for _, uid in copies], only_deleted=False)
    if found:
        audit.note(core, tx, account, Event.KEPT_COPIES_EXPIRED, detail=str(len(found)))
    return len(found)
