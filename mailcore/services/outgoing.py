"""The queue as operators see it: look, retry, hold, give up."""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Attempt, Envelope, QueueItem
from mailcore.errors import MailError, UnknownRecipient
from mailcore.mail import dsn, trace
from mailcore.services import delivery
from mailcore.store.blobs import Prepared
from mailcore.store.db import Tx


class NotQueued(MailError):
    """No such item; it may have been delivered meanwhile."""


def listing(core: Core, state: str | None = None) -> list[QueueItem]:
    return core.db.read(lambda tx: core.queue.listing(tx, state))


def _get(core: Core, tx: Tx, item: int) -> QueueItem:
    found = core.queue.get(tx, item)
    if found is None:
        raise NotQueued(f"there is no item {item} in the queue")
    return found


def show(core: Core, item: int) -> tuple[QueueItem, Sequence[Attempt]]:
    """Raises NotQueued."""
    return core.db.read(lambda tx: (_get(core, tx, item), core.queue.attempts(tx, item)))


def octets(core: Core, item: int) -> bytes:
    """The whole message.  Raises NotQueued."""
    return core.db.read(lambda tx: core.queue.octets(tx, _get(core, tx, item)))


def retry(core: Core, items: Sequence[int] | None) -> None:
    """Due now, whatever the back-off; None = everything that waits.  Raises NotQueued."""

    def store(tx: Tx) -> None:
        for item in items or ():
            _get(core, tx, item)
        core.queue.retry(tx, items, core.clock.seconds())

    core.db.write(store)


def hold(core: Core, items: Sequence[int]) -> None:
    """Raises NotQueued."""

    def store(tx: Tx) -> None:
        for item in items:
            _get(core, tx, item)
            core.queue.set_state(tx, item, "held")

    core.db.write(store)


def bounce(core: Core, items: Sequence[int], *, reason: str = "550 5.0.0 given up by the postmaster") -> None:
    """Remove the items and tell their senders; the null sender hears nothing (RFC 5321 section 6.1)."""
    for number in items:
        item, header = core.db.read(lambda tx, n=number: _with_header(core, tx, n))  # type: ignore[misc]  # default binds the loop's value
        notice = core.blobs.prepare(_notice(core, item, header, reason)) if item.sender else None
        core.db.write(lambda tx, i=item, n=notice: _give_up(core, tx, i, n))  # type: ignore[misc]  # the same


def _with_header(core: Core, tx: Tx, number: int) -> tuple[QueueItem, bytes]:
    item = _get(core, tx, number)
    return item, item.prefix + core.blobs.header(tx, item.blob)


def _notice(core: Core, item: QueueItem, header: bytes, reason: str) -> bytes:
    return dsn.build(
        kind="failed", reporting_mta=core.config.host, sender=item.sender, recipient=item.recipient,
        original_recipient=None, status="5.0.0", diagnostic=reason, arrival=item.created_at, now=core.clock.now(),
        header_block=header, message_id=trace.message_id(core.config.domain),
    )  # fmt: skip


def _give_up(core: Core, tx: Tx, item: QueueItem, notice: Prepared | None) -> None:
    _get(core, tx, item.id)
    core.queue.remove(tx, item.id)
    if notice is None:
        return
    domain = item.sender.rpartition("@")[2].lower()
    if domain not in (core.config.domain.lower(), core.config.srs_domain.lower()):
        core.queue.enqueue(
            tx, sender="", recipients=[item.sender], prepared=notice, prefix=b"", account=None, origin="dsn",
            now=core.clock.seconds(),
        )  # fmt: skip
        return
    try:
        recipient = delivery.check_recipient(core, tx, item.sender, None, authenticated=False)
    except UnknownRecipient:
        return  # noreply@ and accounts that were closed meanwhile
    delivery.deliver(core, tx, Envelope("", (item.sender,)), [recipient], notice, b"")
