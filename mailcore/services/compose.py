"""Writing mail in the portal: a draft from the message that is answered, and a message from the form."""

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, make_msgid

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope
from mailcore.errors import NotAllowed, OverQuota, TooLarge
from mailcore.mail import address, header, text
from mailcore.services import mail_actions, mail_files, submission
from mailcore.store.db import Tx

MAX_QUOTED = 100_000  # characters of the answered message


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    type: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form holds.  `answers` is `MAILBOX/UID` of the message it replies to, `draft` the uid in Drafts or 0."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    body: str = ""
    in_reply_to: str = ""
    references: str = ""
    answers: str = ""
    draft: int = 0
    attachments: tuple[Attachment, ...] = field(default_factory=tuple)


def _first(block: bytes, name: str) -> str:
    return " ".join((header.values(block, name) or [""])[0].split())


def _prefixed(prefix: str, subject: str) -> str:
    return subject if subject.lower().startswith(prefix.lower()) else f"{prefix} {subject}".strip()


def reply(core: Core, account: Account, mailbox: str, uid: int, *, everybody: bool) -> Draft:
    """An answer with the text quoted, to the author or to all.  Raises MailboxNotFound."""
    octets = mail_actions.whole(core, account.id, mailbox, uid)
    block, _ = header.split(octets)
    own = core.db.read(lambda tx: submission.addresses(core, tx, account.id))
    to = _first(block, "reply-to") or _first(block, "from")
    others: list[str] = []
    if everybody:
        taken = {spec.lower() for spec in address.addr_specs(to)}
        for name in ("to", "cc"):
            for value in header.values(block, name):
                for spec in address.addr_specs(value):
                    if spec.lower() not in taken and not submission.is_own(spec, own):
                        taken.add(spec.lower())
                        others.append(spec)
    quoted = "\n".join(f"> {line}".rstrip() for line in text.plain(octets)[:MAX_QUOTED].splitlines())
    message_id = _first(block, "message-id")
    return Draft(
        to=to, cc=", ".join(others), subject=_prefixed("Re:", _first(block, "subject")),
        body=f"\n\n{_first(block, 'from')} ({_first(block, 'date')}):\n{quoted}\n", in_reply_to=message_id,
        references=f"{_first(block, 'references')} {message_id}".strip()[-900:], answers=f"{mailbox}/{uid}",
    )  # fmt: skip


def forward(core: Core, account: Account, mailbox: str, uid: int) -> Draft:
    """The message's text below a line, its files along.  Raises MailboxNotFound."""
    octets = mail_actions.whole(core, account.id, mailbox, uid)
    block, _ = header.split(octets)
    lines = [f"{name}: {_first(block, name.lower())}" for name in ("From", "Date", "To", "Subject")]
    files = tuple(
        Attachment(found.name, found.type, mail_files.download(core, account.id, mailbox, uid, found.number).octets)
        for found in mail_files.listing(octets)
    )
    body = "\n\n----- \n" + "\n".join(lines) + "\n\n" + text.plain(octets)[:MAX_QUOTED]
    return Draft(subject=_prefixed("Fwd:", _first(block, "subject")), body=body, attachments=files)


def open_draft(core: Core, account: Account, uid: int) -> Draft:
    """A saved draft, to go on with.  Raises MailboxNotFound."""
    name = core.db.write(lambda tx: mail_actions.special(core, tx, account.id, "\\Drafts").name)
    octets = mail_actions.whole(core, account.id, name, uid)
    block, _ = header.split(octets)
    files = tuple(
        Attachment(found.name, found.type, mail_files.download(core, account.id, name, uid, found.number).octets)
        for found in mail_files.listing(octets)
    )
    return Draft(
        to=_first(block, "to"), cc=_first(block, "cc"), bcc=_first(block, "bcc"), subject=_first(block, "subject"),
        body=text.plain(octets).replace("\r\n", "\n"), in_reply_to=_first(block, "in-reply-to"),
        references=_first(block, "references"), draft=uid, attachments=files,
    )  # fmt: skip


def build(core: Core, account: Account, draft: Draft) -> bytes:
    """The whole message, with CRLF.  Raises NotAllowed for addresses that are none, TooLarge."""
    message = EmailMessage(policy=SMTP)
    own = f"{account.name}@{core.config.domain}"
    message["From"] = formataddr((account.display_name, own))
    for name, value in (("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc)):
        found = _addresses(value)
        if found:
            message[name] = ", ".join(formataddr(one) for one in found)
    message["Subject"] = header.safe_value(draft.subject)
    message["Date"] = formatdate(core.clock.seconds(), localtime=False)
    message["Message-ID"] = make_msgid(domain=core.config.domain)
    for name, value in (("In-Reply-To", draft.in_reply_to), ("References", draft.references)):
        if value:
            message[name] = header.safe_value(value)
    message.set_content(draft.body.replace("\r\n", "\n").replace("\r", "\n"))
    for one in draft.attachments:
        main, _, sub = one.type.partition("/")
        if main in ("multipart", "message", "") or not sub.replace("-", "").replace(".", "").replace("+", "").isalnum():
            main, sub = "application", "octet-stream"
        message.add_attachment(one.octets, maintype=main, subtype=sub, filename=mail_files.safe_name(one.name))
    octets = message.as_bytes()
    if len(octets) > core.config.message_octets:
        raise TooLarge("the message is larger than may be sent")
    return octets


def _addresses(value: str) -> list[tuple[str, str]]:
    found = [(one.name or "", f"{one.localpart}@{one.host}") for one in address.parse_list(header.safe_value(value)) if one.host]
    named = [one for one in address.parse_list(header.safe_value(value)) if one.localpart or one.name]
    if len(found) != len(named):
        raise NotAllowed("one of the addresses is not an address")
    return found


def recipients(draft: Draft) -> tuple[str, ...]:
    """All of To, Cc and Bcc, once each.  Raises NotAllowed."""
    specs = [spec for value in (draft.to, draft.cc, draft.bcc) for _, spec in _addresses(value)]
    return tuple(dict.fromkeys(specs))


def send(core: Core, account: Account, draft: Draft) -> bool:
    """Send and keep a copy in Sent; False when the box is too full for the copy (the message has gone all the same).

    Raises:
        NotAllowed: no recipient, or what is no address.
        UnknownRecipient, OverQuota, RejectedByScript: of our own people, told at once; nothing was sent.
    """
    to = recipients(draft)
    if not to:
        raise NotAllowed("name at least one recipient")
    octets = build(core, account, draft)
    envelope = Envelope(f"{account.name}@{core.config.domain}", to, "", "webmail", account.id)
    asyncio.run(submission.submit(core, account, envelope, octets))
    kept = True
    try:
        _keep(core, account.id, "\\Sent", octets, frozenset({"\\Seen"}))
    except OverQuota:
        kept = False
    _after(core, account.id, draft)
    return kept


def save(core: Core, account: Account, draft: Draft) -> int:
    """Keep as a draft in place of its former version; its uid.  Raises OverQuota (the former one stays)."""
    uid = _keep(core, account.id, "\\Drafts", build(core, account, draft), frozenset({"\\Draft", "\\Seen"}))
    _drop(core, account.id, draft.draft)
    return uid


def _keep(core: Core, account: AccountId, use: str, octets: bytes, flags: frozenset[str]) -> int:
    prepared = core.blobs.prepare(octets)

    def write(tx: Tx) -> int:
        box = mail_actions.special(core, tx, account, use)
        return core.mail.append(tx, account, box.id, prepared, flags, core.clock.now())

    return core.db.write(write)


def _drop(core: Core, account: AccountId, uid: int) -> None:
    def write(tx: Tx) -> None:
        box = mail_actions.special(core, tx, account, "\\Drafts")
        core.mail.expunge(tx, box.id, [(uid, uid)], only_deleted=False)

    if uid:
        core.db.write(write)


def _after(core: Core, account: AccountId, draft: Draft) -> None:
    """The draft is done, and what it answers is answered."""
    _drop(core, account, draft.draft)
    mailbox, _, uid = draft.answers.rpartition("/")

    def mark(tx: Tx) -> None:
        for box in core.mail.mailboxes(tx, account):
            if box.name == mailbox:
                core.mail.set_flags(tx, box.id, [(int(uid), int(uid))], "add", frozenset({"\\Answered"}))

    if mailbox and uid.isdigit():
        core.db.write(mark)


