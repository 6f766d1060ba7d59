"""Mail that waits to be sent."""

from typing import Any

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import enqueue_mail

MESSAGE = b"From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


def enqueue(core: Core, *recipients: str, **more: Any) -> list[int]:
    """Queue a message, and return the numbers of its items, one for each recipient; `more` as for `enqueue_within`."""
    return core.db.write(lambda tx: enqueue_within(core, tx, *recipients, **more))


def enqueue_within(
    core: Core,
    tx: Tx,
    *recipients: str,
    sender: str = "ola@alumni.example",
    origin: str = "submission",
    account: AccountId | None = None,
    octets: bytes = MESSAGE,
    **more: Any,
) -> list[int]:
    """Do the same within a write; `more` goes to `enqueue_mail`."""
    asked = {"prefix": b"", "now": core.clock.seconds(), **more}
    prepared = core.blobs.prepare(octets)
    return enqueue_mail(
        tx,
        core.blobs,
        sender=sender,
        recipients=recipients,
        prepared=prepared,
        account=account,
        origin=origin,
        **asked,
    )
