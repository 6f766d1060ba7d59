"""Our own people send: the sender must be theirs, the message is completed, signed and queued."""

from collections.abc import Callable

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope, Outcome, Recipient
from mailcore.errors import MailError, NotAllowed, RejectedByScript
from mailcore.log import about_mail, create_mail_id, current_mail_id, log_message
from mailcore.mail.reading import address, header, trace
from mailcore.mail.reading.octets import forget
from mailcore.mail.writing import fields_out
from mailcore.services.delivery import arrival as arrivals
from mailcore.services.delivery import sending_limits
from mailcore.services.delivery.delivery import Deliver, plan_and_write
from mailcore.services.delivery.recipients import check_recipient, merge_recipients
from mailcore.services.filtering import judging
from mailcore.services.mailauth import dkim
from mailcore.spans import open_span
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import INSIDE, Prepared
from mailcore.store.people.addresses import list_addresses
from mailcore.store.queue.items import enqueue_mail
from sieve.addrspec import comparable

_PRIVATE = ("bcc", "resent-bcc", "return-path")


def addresses(tx: Tx, account: AccountId) -> tuple[str, ...]:
    """The addresses that the account may send from, lower case."""
    return tuple(list_addresses(tx, account))


def is_own(candidate: str, own: tuple[str, ...]) -> bool:
    """Say if this is one of the addresses, with or without a plus part."""
    localpart, _, domain = comparable(candidate).rpartition("@")
    return f"{localpart.partition('+')[0]}@{domain}" in own


def complete(block: bytes, own: tuple[str, ...], *, domain: str, now: int) -> bytes:
    """The header block with its author checked, without Bcc, with Date and Message-ID (RFC 6409 section 8).

    Raises:
        NotAllowed: no From, several authors, or an author who is somebody else.
    """
    fields = [(name.lower(), value) for name, value in header.fields(block)]
    names = {name for name, _ in fields}
    written = [value for name, value in fields if name == "from"]
    authors = [spec for value in written for spec in address.addr_specs(header.unfold(value))]
    if len(written) != 1 or len(authors) != 1:
        raise NotAllowed("the message needs one From field with one address")
    if not is_own(authors[0], own):
        raise NotAllowed("the From address is not one of yours")
    if not names.isdisjoint(_PRIVATE):
        block = header.without(block, lambda name, value: name.lower() in _PRIVATE)
    added = b""
    if "date" not in names:
        added += fields_out.token_field("Date", trace.date_header(to_time(now)))
    if "message-id" not in names:
        added += fields_out.ids_field("Message-ID", [trace.message_id(domain)])
    return added + block


async def submit(core: Core, account: Account, envelope: Envelope, octets: bytes) -> None:
    """Take over a message of `account` as it was written.

    Raises:
        NotAllowed: the envelope sender or the author is not theirs.
        TooMany, SendingHeld: see services/delivery/sending_limits.py.
    """
    own = await core.db.aread(lambda tx: addresses(tx, account.id))
    if not is_own(envelope.sender, own):
        raise NotAllowed("the envelope sender is not one of your addresses")
    block, body = header.split(octets)
    whole = complete(block, own, domain=core.config.domain, now=core.clock.seconds()) + octets[body:]
    await send(core, envelope, account, await core.threads.run(core.blobs.prepare, whole))


async def send(
    core: Core, envelope: Envelope, account: Account, prepared: Prepared, also: Callable[[Tx], None] | None = None
) -> None:
    """Sign and send what is complete; local recipients have it when this returns, others stand in the queue.

    Args:
        also: done in the same transaction, after everything else.
    """
    mail_id = current_mail_id()
    with about_mail(mail_id or create_mail_id()), open_span("submit", first=not mail_id):
        await _send(core, envelope, account, prepared, also)
        log_message("submitted", account=account.id, recipients=len(envelope.recipients), size=prepared.size)


async def _send(
    core: Core, envelope: Envelope, account: Account, prepared: Prepared, also: Callable[[Tx], None] | None
) -> None:
    now = core.clock.seconds()
    if prepared.size <= INSIDE:
        signature = dkim.sign(core.config, prepared.octets)  # takes less than the way to a thread and back
    else:
        signature = await core.threads.run(dkim.sign, core.config, prepared.octets)
    looks_like_spam = await core.db.aread(lambda tx: judging.is_outgoing_spam(core, tx, prepared.message))
    forget(prepared.octets)
    received = (
        trace.received(envelope.helo, "", core.config.host, "ESMTPSA", current_mail_id(), "", core.clock.now())
        + signature
    )  # the author's address on the network is nobody's business

    arrival = await arrivals.read(core, envelope, prepared, envelope.recipients, trace=received)
    inside = [one for one in envelope.recipients if one.rpartition("@")[2].lower() in core.config.mail_domains]
    outside = [one for one in envelope.recipients if one not in inside]

    def find(tx: Tx) -> list[Recipient]:
        found = (
            check_recipient(core, tx, one, prepared.size, sender=envelope.sender, account=account.id) for one in inside
        )
        return merge_recipients(found, envelope)

    def store(tx: Tx, deliver: Deliver) -> MailError | None:
        refused = sending_limits.count(
            core,
            tx,
            account,
            envelope.peer,
            len(envelope.recipients),
            queued_octets=prepared.size if outside else 0,
        )
        if not refused and looks_like_spam:
            refused = sending_limits.count_spam(core, tx, account, len(envelope.recipients))
        if refused:
            return refused
        if inside:
            for done in deliver(tx):
                if done.outcome is Outcome.REJECTED:
                    raise RejectedByScript(done.reason, done.refusal)
        if outside:
            enqueue_mail(
                tx,
                core.blobs,
                sender=envelope.sender,
                recipients=outside,
                prepared=prepared,
                prefix=received,
                account=account.id,
                origin="submission",
                now=now,
                dsn=envelope.dsn,
                require_tls=envelope.require_tls,
            )
        if also is not None:
            also(tx)
        return None

    if refused := await plan_and_write(core, arrival, find, store, of=(account.id,)):
        raise refused
