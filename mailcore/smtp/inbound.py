"""Mail from other servers (port 25, LMTP): recipients are looked up at RCPT, delivered before the `250`."""

from dataclasses import replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId, Disposition, Envelope, MailboxRecipient, Outcome, Recipient, Verdict
from mailcore.errors import MailError, OverQuota, RoomGone, TooLarge, TooMany
from mailcore.log import current_mail_id
from mailcore.mail.passing import authresults
from mailcore.mail.reading import trace
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import extent
from mailcore.process import budget
from mailcore.services.delivery import delivery, traces
from mailcore.services.delivery.recipients import check_recipient, merge_recipients
from mailcore.services.filtering import judging, scanning, sender_policy
from mailcore.services.mailauth import authentication
from mailcore.services.operations import reports
from mailcore.services.quota import quota_warnings
from mailcore.smtp.incoming import Edit, Incoming, Malformed
from mailcore.smtp.parameters import Mail, Refused
from mailcore.smtp.reply import REPLIES, rejected
from mailcore.smtp.session import Session
from mailcore.smtp.state import Problem, Transaction
from mailcore.spans import open_span
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared

MAX_HOPS = 50  # RFC 5321 section 6.3 asks for at least 100 only of those who count nothing else; a loop is shorter
FEW = 5
Found = Recipient | MailError


def find_recipients(
    core: Core, tx: Tx, addresses: list[str], size: int | None, *, sender: str = "", account: AccountId | None = None
) -> list[Found]:
    """Find each address's recipient, or why there is none; `account` is whose log-in it comes by."""
    found: list[Found] = []
    for address in addresses:
        try:
            found.append(check_recipient(core, tx, address, size, sender=sender, account=account))
        except MailError as problem:
            found.append(problem)
    return found


def write_received(core: Core, session: Session, transaction: Transaction) -> tuple[str, bytes]:
    """Return the id of the message, and the Received field that tells it (protocol names of RFC 3848, RFC 6531 section 4.3)."""
    queue_id = current_mail_id()
    one = transaction.recipients[0] if len(transaction.recipients) == 1 else ""
    protocol = "LMTP" if session.handler.lmtp else "SMTP" if transaction.mail.smtputf8 else "ESMTP"
    protocol = ("UTF8" if transaction.mail.smtputf8 else "") + protocol + ("S" if session.secure else "")
    field = trace.received(session.helo, session.peer, core.config.host, protocol, queue_id, one, core.clock.now())
    return queue_id, field


def _refuse_beside(before: list[Recipient], item: Recipient) -> Problem:
    """Refuse one that must be single beside others, as "too many recipients": the sender comes again for the rest."""
    other = next((one for one in before if not _is_same_box(one, item)), None)
    if other is not None and (_must_be_single(item) or _must_be_single(other)):
        return Refused("452 4.5.3 A mailbox is almost full; please send to one at a time")
    return None


def _is_same_box(one: Recipient, other: Recipient) -> bool:
    return isinstance(one, MailboxRecipient) and isinstance(other, MailboxRecipient) and one.account == other.account


def _must_be_single(one: Recipient) -> bool:
    return isinstance(one, MailboxRecipient) and one.must_be_single


async def prepare_message(core: Core, incoming: Incoming, message: Message, *, bare: bool = False) -> Prepared:
    """Hash and parse what came, and give a large message's file its name.

    Args:
        bare: it goes to no mailbox of ours.

    Raises:
        Malformed: too many parts, or parts too deep within others.
        Busy: the disk.
    """
    octets = message.octets
    if isinstance(octets, bytes):
        # Small messages cost less to parse than to hand to a thread and back.
        prepare = partial(core.blobs.prepare, octets, bare=bare, message=message)
        made = budget.bound(prepare)() if len(octets) <= core.blobs.inside else await core.store(prepare)
    else:
        made = await core.store(partial(core.blobs.prepare_spool, incoming.spool, bare=bare, message=message))
    limits = core.config.limits
    parts, depth = extent(made.message.root)
    if parts > limits.parts or depth > limits.nesting:
        raise Malformed("554 5.6.0 The message has too many parts, or parts too deep within others")
    return made


class Inbound:
    """Port 25."""

    submission = False
    lmtp = False

    def __init__(self, core: Core) -> None:
        self._core = core

    async def mail(self, session: Session, _mail: Mail) -> None:
        """Anybody may say anything here; what is true is judged later."""
        if not await session.door.may_send(session.peer):
            raise TooMany("messages from this address")

    async def rcpt(self, session: Session, addresses: list[str]) -> list[Problem]:
        core, transaction = self._core, session.transaction
        assert transaction is not None  # noqa: S101 - RCPT comes after MAIL
        size, sender = transaction.mail.size, transaction.mail.sender

        def find(tx: Tx) -> list[Found]:
            return find_recipients(core, tx, addresses, size, sender=sender)

        # For a few addresses a thread costs several times what it asks: some rows by their keys, which no writer locks.
        found = core.db.read(find) if len(addresses) <= FEW else await core.db.aread(find)
        full = [address for address, item in zip(addresses, found, strict=True) if isinstance(item, OverQuota)]
        if full:
            await core.db.awrite(lambda tx: self._note_full_boxes(tx, transaction, full))
        problems: list[Problem] = [item if isinstance(item, MailError) else None for item in found]
        problems = await self._apply_sender_policy(session, addresses, problems)
        await self._note_refusals(transaction, addresses, problems)
        for n, item in enumerate(found):
            if not isinstance(item, MailError) and problems[n] is None:
                problems[n] = None if self.lmtp else _refuse_beside(transaction.found, item)
                transaction.found += [item] if problems[n] is None else []
        return problems

    async def _apply_sender_policy(
        self, session: Session, addresses: list[str], problems: list[Problem]
    ) -> list[Problem]:
        """Refuse recipients of servers that are not trusted, as the settings ask: block lists, greylisting."""
        core, incoming = self._core, self._core.config.incoming
        if self.lmtp or not (incoming.greylist or incoming.blocklists) or session.door.is_trusted(session.peer):
            return problems
        assert session.transaction is not None  # noqa: S101 - RCPT comes after MAIL
        if not session.are_block_lists_asked:
            session.block_list = await sender_policy.find_block_list(core, session.peer)
            session.are_block_lists_asked = True
        exempt = [address.partition("@")[0].lower() in sender_policy.EXEMPT for address in addresses]
        if session.block_list:
            listed = Refused(f"550 5.7.1 Your address is listed by {session.block_list}")
            return [found if free else found or listed for found, free in zip(problems, exempt, strict=True)]
        asked = [n for n, found in enumerate(problems) if found is None and not exempt[n]]
        if incoming.greylist and asked:
            sender = session.transaction.mail.sender
            waits = await sender_policy.check_greylist(core, session.peer, sender, [addresses[n] for n in asked])
            for n, wait in zip(asked, waits, strict=True):
                if wait:
                    problems[n] = Refused("450 4.7.1 Greylisted; please try again in some minutes")
        return problems

    async def _note_refusals(self, transaction: Transaction, addresses: list[str], problems: list[Problem]) -> None:
        """Block lists and greylisting, for the owners' trace."""
        refused: dict[str, list[str]] = {}
        for address, problem in zip(addresses, problems, strict=True):
            if isinstance(problem, Refused):
                refused.setdefault(str(problem), []).append(address)
        if refused:
            core, sender = self._core, transaction.mail.sender

            def write(tx: Tx) -> None:
                for reply, named in refused.items():
                    traces.refused_at(core, tx, named, sender=sender, reply=reply)

            await core.db.awrite(write)

    def _note_full_boxes(self, tx: Tx, transaction: Transaction, addresses: list[str]) -> None:
        """Owners of full boxes hear of it, and find it in their trace."""
        sender = transaction.mail.sender
        quota_warnings.warn_refused(self._core, tx, addresses)
        traces.refused_at(self._core, tx, addresses, sender=sender, reply=REPLIES[OverQuota])

    def edit(self, _session: Session) -> Edit:
        config = self._core.config

        def edit(block: bytes) -> bytes:
            """Drop forged results in our name (RFC 8601 section 5) and return paths (RFC 5321 section 4.4).

            Raises Malformed after too many hops (RFC 5321 section 6.3).
            """
            if trace.count_received(block) > MAX_HOPS:
                raise Malformed("554 5.4.6 Too many hops")
            block = trace.without_return_path(block)
            return authresults.without_forged(block, *config.our_domains, config.host)

        return edit

    async def data(self, session: Session, incoming: Incoming, octets: Octets) -> list[str]:
        transaction = session.transaction
        assert transaction is not None  # noqa: S101 - DATA comes after MAIL
        queue_id, field = write_received(self._core, session, transaction)
        envelope = session.envelope_of(transaction)
        message = Message(octets)
        verdict = await self._judge(session, envelope, message)
        if self._core.config.reports.dmarc and verdict.policy:
            await self._core.db.awrite(lambda tx: reports.count_dmarc(self._core, tx, envelope, verdict), of=())
        if verdict.several_authors:
            return await self._refuse(
                transaction, envelope, message, verdict, "550 5.7.1 One From field with one author, please"
            )
        if verdict.disposition is Disposition.REFUSE:
            reply = f"550 5.7.26 DMARC: {verdict.author} asks to refuse what does not come from it"
            return await self._refuse(transaction, envelope, message, verdict, reply)
        with open_span("scan"):
            scan = await scanning.scan_message(self._core, envelope, octets, queue_id)
        if scan.reply:
            return await self._refuse(transaction, envelope, message, verdict, scan.reply)
        verdict = replace(verdict, scan=scan, field=verdict.field + scan.fields)
        accounts = [item.account for item in transaction.found if isinstance(item, MailboxRecipient)]
        with open_span("judge"):
            judged = await judging.judge_message(self._core, envelope, message, verdict, accounts)
        verdict = replace(verdict, judged=judged)
        ready = await prepare_message(self._core, incoming, message)
        return await self._deliver(transaction, envelope, ready, verdict, field, f"250 2.0.0 OK {queue_id}")

    async def refused(self, transaction: Transaction, reply: str) -> None:
        """Malformed or too large: its recipients find that in their trace."""
        core, sender = self._core, transaction.mail.sender
        addresses = [item.address for item in transaction.found if isinstance(item, MailboxRecipient)]
        await core.db.awrite(lambda tx: traces.refused_at(core, tx, addresses, sender=sender, reply=reply))

    async def _refuse(
        self, transaction: Transaction, envelope: Envelope, message: Message, verdict: Verdict, reply: str
    ) -> list[str]:
        """Say no for all recipients, each of whom finds it in their trace."""
        core = self._core
        about = traces.about(message.header, b"", message.size, verdict, envelope.peer)

        def write(tx: Tx) -> None:
            for item in transaction.found:
                if isinstance(item, MailboxRecipient):
                    traces.refused(
                        core, tx, item.account, about, sender=envelope.sender, recipient=item.address, reply=reply
                    )

        await core.db.awrite(write)
        return [reply]

    async def _judge(self, _session: Session, envelope: Envelope, message: Message) -> Verdict:
        with open_span("authenticate"):
            return await authentication.judge(self._core, envelope, message)

    async def _deliver(
        self, transaction: Transaction, envelope: Envelope, message: Prepared, verdict: Verdict, field: bytes, ok: str
    ) -> list[str]:
        recipients = merge_recipients(transaction.found, envelope)
        try:
            done = await delivery.accept(self._core, envelope, recipients, message, verdict.field + field, verdict)
        except RoomGone:
            if transaction.mail.size is not None and message.size > transaction.mail.size:
                raise TooLarge("larger than announced, and one of the boxes has no room for that") from None
            raise
        if done and all(one.outcome is Outcome.REJECTED for one in done):
            return [rejected(done[0].reason, done[0].refusal)]
        return [ok]
