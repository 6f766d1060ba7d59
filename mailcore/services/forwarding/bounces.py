"""Forwarded mail that comes back: the envelope senders that bring reports to us, and what they mean.

A report says where the mail went, and that is the owner's secret: it goes to nobody.  It counts for the forwarding's
health, and the message that it returns stands in the owner's INBOX, so the sender has nothing to hear.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.passing import srs
from mailcore.mail.writing.dsn import Returned
from mailcore.services.forwarding import forwarding
from mailcore.store.delivery import deliveries
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import bounces as store
from mailcore.store.forwarding import onward
from mailcore.store.forwarding.bounces import Return
from mailcore.store.mail.blobs import Prepared

KEEP_SECONDS = srs.DAYS * 86_400


def address_for(core: Core, tx: Tx, account: AccountId, *, sender: str, target: str, content: bytes, now: int) -> str:
    """The envelope sender for one message to one target; `content` is the SHA-256 of its octets."""
    token = srs.token(
        deliveries.secret(tx, "srs"),
        str(account).encode(),
        sender.encode(),
        target.encode(),
        content,
        str(now // 86_400).encode(),
    )
    store.keep(tx, Return(token, account, sender, target, content), now)
    return f"{srs.PREFIX}{token}@{core.config.srs_domain}"


def find(core: Core, tx: Tx, localpart: str) -> Return | None:
    """Find the forwarded copy behind an address; None if we did not create it, or more than 30 days ago."""
    try:
        token = srs.token_of(localpart)
    except srs.SrsInvalid:
        return None
    return store.find(tx, token, core.clock.seconds() - KEEP_SECONDS)


def hear(core: Core, tx: Tx, found: Return, report: Returned, octets: Prepared, prefix: bytes) -> None:
    """A report on one forwarded message came back.

    It fails for good once: who knows the address could otherwise pause the forwarding and fill the box by saying it again.
    """
    words = " ".join(part for part in (report.status, report.diagnostic) if part) or "returned without a reason"
    if report.action == "delayed":
        forwarding.result(core, tx, found.account, target=found.target, ok=False, permanent=False, reply=words)
    if report.action != "failed":
        return
    store.spend(tx, found.token)
    forwarding.result(core, tx, found.account, target=found.target, ok=False, permanent=True, reply=words)
    onward.returned(tx, found.account, found.content, found.target, words, core.clock.seconds())
    put_back(core, tx, found.account, found.content, octets, prefix)


def put_back(core: Core, tx: Tx, account: AccountId, content: bytes, instead: Prepared, prefix: bytes = b"") -> None:
    """The message stands in its owner's INBOX, unless it stands somewhere already (S25).

    Args:
        content: of its octets as they came in; while they are known they are filed, else `instead` is.
    """
    blob = core.blobs.find(tx, content)
    if blob is not None and core.mail.has_blob(tx, account, blob):
        return
    if blob is not None:
        instead, prefix = core.blobs.prepare(core.blobs.octets(tx, blob)), b""
    box = core.mail.mailbox(tx, account, "INBOX")
    core.mail.append(tx, account, box.id, instead, frozenset(), core.clock.now(), prefix=prefix, enforce_quota=False)


def forget(core: Core) -> None:
    """The job: tokens that are too old."""
    core.db.write(lambda tx: store.forget(tx, core.clock.seconds() - KEEP_SECONDS))
