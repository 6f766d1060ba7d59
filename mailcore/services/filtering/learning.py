"""The spam filter learns from what owners move into Junk and out of it.

Junk to Trash says nothing: who empties Junk does not call its mail good.
"""

from mailcore.core import Core
from mailcore.domain import MailboxId
from mailcore.errors import Busy
from mailcore.log import log_for
from mailcore.services.filtering import rspamd
from mailcore.store.delivery import learning as store
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import Ranges

log = log_for(__name__)
JUNK, TRASH = "\\Junk", "\\Trash"
AT_ONCE = 100
MAX_OCTETS = 5 * 2**20  # of a larger message the filter learns little


def record_move(core: Core, tx: Tx, source: MailboxId, ranges: Ranges, target: MailboxId) -> None:
    """Record messages for the spam filter that are about to be moved or copied; call it inside that transaction."""
    if not core.config.filter.learn or source == target:
        return
    source_use, target_use = core.mail.get(tx, source).special_use, core.mail.get(tx, target).special_use
    if target_use == JUNK:
        store.add_messages(tx, source, ranges, "spam", core.clock.seconds())
    elif source_use == JUNK and target_use != TRASH:
        store.add_messages(tx, source, ranges, "ham", core.clock.seconds())


def teach_filter(core: Core) -> None:
    """Teach the spam filter the recorded messages, as a job; those that it does not take now wait for the next run."""
    if not core.config.filter.learn:
        return
    done_rows: list[int] = []
    for row, blob, kind in core.db.read(lambda tx: store.list_waiting(tx, AT_ONCE)):
        try:
            octets = core.db.read(lambda tx, blob=blob: core.blobs.octets(tx, blob))  # type: ignore[misc]  # bound at once
            if len(octets) <= MAX_OCTETS:
                rspamd.teach_message(core.config, octets, kind)
        except Busy:
            log.info("a message to learn from no longer exists")
        except rspamd.RspamdProblem as problem:
            log.warning("the spam filter does not learn: %s", problem)
            break
        done_rows.append(row)
    if done_rows:
        core.db.write(lambda tx: store.delete_learned(tx, done_rows))
