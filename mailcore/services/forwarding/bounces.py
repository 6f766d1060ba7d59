"""Bounces of forwarded mail: envelope senders of ours (SRS), and the reports that come back to them.

A report names the target, which only the owner may know, so it is passed on to nobody.  It counts for the forwarding's
health, and the returned message is filed in the owner's INBOX, so that the sender needs no report.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.passing import srs
from mailcore.mail.reading.returned import Returned
from mailcore.services.forwarding import forwarding
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import bounces as store
from mailcore.store.forwarding import onward
from mailcore.store.forwarding.bounces import Return
from mailcore.store.mail.blobs import Prepared, Saved
from mailcore.store.site import newsletters
from mailcore.store.site.secrets import get_secret

KEEP_SECONDS = srs.DAYS * 86_400


def make_return_address(
    core: Core, tx: Tx, account: AccountId, *, sender: str, target: str, content: bytes, now: int
) -> str:
    """Create the envelope sender for one message to one target; `content` is the SHA-256 of its octets."""
    token = srs.token(
        get_secret(tx, "srs"),
        str(account).encode(),
        sender.encode(),
        target.encode(),
        content,
        str(now // 86_400).encode(),
    )
    store.save_return(tx, Return(token, account, sender, target, content), now)
    return f"{srs.PREFIX}{token}@{core.config.srs_domain}"


def find_return(core: Core, tx: Tx, localpart: str) -> Return | None:
    """Find the forwarded copy behind an address; None if we did not create it, or more than 30 days ago."""
    try:
        token = srs.token_of(localpart)
    except srs.SrsInvalid:
        return None
    return store.find_return(tx, token, core.clock.seconds() - KEEP_SECONDS)


def record_report(core: Core, tx: Tx, returned: Return, report: Returned, octets: Prepared, prefix: bytes) -> None:
    """Count a report on one forwarded message, and file the message for its owner if it failed for good.

    A permanent failure counts once: who knows the address could otherwise repeat it, pause the forwarding and fill the
    mailbox.
    """
    reason = " ".join(part for part in (report.status, report.diagnostic) if part) or "returned without a reason"
    if report.action == "delayed":
        forwarding.record_reply(
            core, tx, returned.account, target=returned.target, ok=False, permanent=False, reply=reason
        )
    if report.action != "failed":
        return
    store.delete_return(tx, returned.token)
    forwarding.record_reply(core, tx, returned.account, target=returned.target, ok=False, permanent=True, reply=reason)
    onward.save_return(tx, returned.account, returned.content, returned.target, reason, core.clock.seconds())
    newsletters.count_return(tx, returned.content)
    file_for_owner(core, tx, returned.account, returned.content, octets, prefix)


def file_for_owner(
    core: Core, tx: Tx, account: AccountId, content: bytes, message: Prepared | Saved, prefix: bytes = b""
) -> None:
    """File a message that could not be forwarded in its owner's INBOX, unless the account has it already (S25).

    Args:
        content: the SHA-256 of its octets as they came in; as long as these are stored, they are filed.
        message: what is filed otherwise, with `prefix` above it.
    """
    blob = core.blobs.find(tx, content)
    if blob is not None and core.mail.has_blob(tx, account, blob):
        return
    if blob is not None:
        message, prefix = Saved(blob, core.blobs.size(tx, blob)), b""
    inbox = core.mail.mailbox(tx, account, "INBOX")
    core.mail.append(tx, account, inbox.id, message, frozenset(), core.clock.now(), prefix=prefix, enforce_quota=False)


def delete_expired_addresses(core: Core) -> None:
    """Delete envelope senders that are older than 30 days; a job."""
    core.db.write(lambda tx: store.delete_returns(tx, core.clock.seconds() - KEEP_SECONDS))
