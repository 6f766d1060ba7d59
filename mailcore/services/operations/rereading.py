"""After an upgrade that reads mail better, messages that were there before are read anew, a few thousand each minute."""

from mailcore.core import Core
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.mail.asking.derived import Derived, derive
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import forget
from mailcore.store.engine.db import Tx
from mailcore.store.mail import rereading as store

log = log_for(__name__)
MOST = 2000  # blobs in one turn of the job
BATCH, BATCH_OCTETS = 50, 2**25  # in one write


def reread_blobs(core: Core) -> int:
    """Read blobs of before the upgrade anew; a job.  Returns how many."""
    count = 0
    while count < MOST:
        blobs = core.db.read(lambda tx: store.list_pending(tx, BATCH, BATCH_OCTETS))
        if not blobs:
            if core.db.read(store.is_begun):
                core.db.write(store.finish_rereading)
            break
        derived = [(blob, core.db.read(lambda tx, blob=blob: _derive(core, tx, blob))) for blob in blobs]  # type: ignore[misc]  # a default binds it
        core.db.write(lambda tx, derived=derived: store.save_reread(tx, derived))  # type: ignore[misc]
        count += len(blobs)
    return count


def _derive(core: Core, tx: Tx, blob: int) -> Derived | None:
    try:
        octets = core.blobs.mapped(tx, blob)
    except MailError:
        log.warning("blob %d cannot be read anew", blob)
        return None
    info = derive(Message(octets))
    forget(octets)
    return info
