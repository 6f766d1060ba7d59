"""Mail that waits to be sent."""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store.queue.items import enqueue_mail

MESSAGE = b"From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


def enqueue(
    core: Core,
    *recipients: str,
    sender: str = "ola@alumni.example",
    origin: str = "submission",
    account: AccountId | None = None,
    octets: bytes = MESSAGE,
) -> list[int]:
    """Queue a message, and return the numbers of its items, one for each recipient."""
    prepared = core.blobs.prepare(octets)
    return core.db.write(
        lambda tx: enqueue_mail(
            tx,
            core.blobs,
            sender=sender,
            recipients=recipients,
            prepared=prepared,
            prefix=b"",
            account=account,
            origin=origin,
            now=core.clock.seconds(),
        )
    )
