"""Rolling copies (N5): the copy of a forwarded message is deleted after so many days, if its owner has set that.

Only if the target's server accepted the message with 250, and only if nobody touched it here: a message that was read,
flagged, answered or moved, even for a moment, has another modseq than it came with, and stays.
"""

from functools import partial
from itertools import groupby

from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import kept_copies as store

BATCH = 1000  # copies of one account in one transaction


def expire_copies(core: Core) -> int:
    """Delete the copies that have expired; a job.  Returns how many."""
    expired = 0
    for account, days in core.db.read(store.list_rolling):
        before = core.clock.seconds() - days * 86_400
        while count := core.db.write(partial(_expire_batch, core, account=account, before=before)):
            expired += count
    touched = core.db.read(store.list_touched)
    for start in range(0, len(touched), BATCH):
        core.db.write(partial(store.delete_touched, copies=touched[start : start + BATCH]))
    return expired


def _expire_batch(core: Core, tx: Tx, account: AccountId, before: int) -> int:
    copies = sorted(store.list_expired_copies(tx, account, before, BATCH))
    for mailbox, in_mailbox in groupby(copies, key=lambda copy: copy[0]):
        core.mail.expunge(tx, MailboxId(mailbox), [(uid, uid) for _, uid in in_mailbox], only_deleted=False)
    if copies:
        audit.note(core, tx, account, Event.KEPT_COPIES_EXPIRED, detail=str(len(copies)))
    return len(copies)
