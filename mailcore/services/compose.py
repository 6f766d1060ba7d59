"""A message from what was written: a form becomes octets, an answered message becomes a form.

The message is built piece by piece into a spool, so that a file of 25 MB needs no 25 MB of memory.
"""

import base64
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, make_msgid

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import NotAllowed, TooLarge
from mailcore.mail import address, body, header, structure
from mailcore.mail.files import safe_name
from mailcore.mail.octets import Octets, forget
from mailcore.services import mail_actions, mail_files, submission
from mailcore.services.mail_view import first, sent
from mailcore.store.blobs import INSIDE, Prepared

MAX_QUOTED = 100_000  # characters of the answered message
MAX_REFERENCES = 900
_NEXT = ",\r\n "
PIECE = 57 * 4096  # octets of a file that are held at once; base64 of it ends with a whole line
_SPECIAL = re.compile(r"[()<>\[\]:;@\\,.\"]")  # RFC 5322 section 3.2.3
_TYPE = re.compile(r"(?:application|audio|font|image|model|text|video)/[a-zA-Z0-9.+-]{1,60}")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form holds.  `answers` is `MAILBOX/UID` of the message it replies to, `identity` whom it is written as.

    `source` is `MAILBOX/UID` of a message whose files go along; `whole` that this message goes along as a file.
    """

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    body: str = ""
    in_reply_to: str = ""
    references: str = ""
    answers: str = ""
    identity: int = 0
    source: str = ""
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along; its octets come in pieces of PIECE (only the last is shorter)."""

    name: str
    type: str
    pieces: Iterable[bytes]


def _prefixed(prefix: str, subject: str) -> str:
    return subject if subject.lower().startswith(prefix.lower()) else f"{prefix} {subject}".strip()


def _opened(core: Core, account: Account, mailbox: str, uid: int) -> tuple[Octets, structure.Part, bytes]:
    """A message, its structure and its header.  Raises MailboxNotFound."""
    _, octets = mail_actions.opened(core, account.id, mailbox, uid)
    root = structure.parse(octets)
    return octets, root, octets[: root.body_start]


def reply(core: Core, account: Account, mailbox: str, uid: int, *, everybody: bool) -> Draft:
    """An answer with the text quoted, to the author or to all.  Raises MailboxNotFound."""
    octets, root, block = _opened(core, account, mailbox, uid)
    own = core.db.read(lambda tx: submission.addresses(core, tx, account.id))
    to = _named(block, "reply-to") or _named(block, "from")
    if all(submission.is_own(spec, own) for _, spec in to):
        to = _named(block, "to") or to  # an answer to what one wrote oneself goes on to the same people
    others: dict[str, tuple[str, str]] = {}
    if everybody:
        taken = {spec.lower() for _, spec in to}
        for name, spec in _named(block, "to") + _named(block, "cc"):
            if spec.lower() not in taken and not submission.is_own(spec, own):
                others.setdefault(spec.lower(), (name, spec))
    text_ = body.readable(octets, root)[:MAX_QUOTED]
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text_.splitlines())
    message_id = first(block, "message-id")
    references = first(block, "references") or first(block, "in-reply-to")
    return Draft(
        to=_written(to), cc=_written(others.values()), subject=_prefixed("Re:", first(block, "subject")),
        body=f"\n\n{first(block, 'from')} ({_sent_at(core, block)}):\n{quoted}\n", in_reply_to=message_id,
        references=f"{references} {message_id}".strip()[-MAX_REFERENCES:], answers=f"{mailbox}/{uid}",
    )  # fmt: skip


def _named(block: bytes, field: str) -> list[tuple[str, str]]:
    """(name, address) of a field.  Names are decoded when the addresses are told apart: there may be commas in them."""
    return [
        (" ".join(header.decode((one.name or "").encode("utf-8", "surrogateescape")).split()), f"{one.localpart}@{one.host}")
        for value in header.raw_values(block, field)
        for one in address.parse_list(value)
        if one.localpart and one.host
    ]


def _written(people: Iterable[tuple[str, str]]) -> str:
    """As a person writes them into a form; `addresses` reads it."""
    return ", ".join(f"{_phrase(name)} <{spec}>" if name else spec for name, spec in people)


def _phrase(name: str) -> str:
    if not _SPECIAL.search(name):
        return name
    return '"' + name.replace("\\", "").replace('"', "'") + '"'


def _sent_at(core: Core, block: bytes) -> str:
    """By the clock of the site; as it is written where that is no date."""
    at = sent(block)
    return at.astimezone(core.config.zone).strftime("%d.%m.%Y %H:%M") if at else first(block, "date")


def forward(core: Core, account: Account, mailbox: str, uid: int, *, whole: bool = False) -> Draft:
    """The message's text below a line with its files, or the whole of it as one file.  Raises MailboxNotFound."""
    octets, root, block = _opened(core, account, mailbox, uid)
    subject = _prefixed("Fwd:", first(block, "subject"))
    if whole:
        return Draft(subject=subject, whole=f"{mailbox}/{uid}")
    lines = [f"{name}: {first(block, name.lower())}" for name in ("From", "Date", "To", "Subject")]
    written = "\n\n----- \n" + "\n".join(lines) + "\n\n" + body.readable(octets, root)[:MAX_QUOTED]
    return Draft(subject=subject, body=written, source=f"{mailbox}/{uid}")


def open_draft(core: Core, account: Account, uid: int) -> Draft:
    """A saved draft, to go on with.  Raises MailboxNotFound."""
    name = core.db.write(lambda tx: mail_actions.special(core, tx, account.id, "\\Drafts").name)
    octets, root, block = _opened(core, account, name, uid)
    return Draft(
        to=_to_go_on(block, "to"), cc=_to_go_on(block, "cc"), bcc=_to_go_on(block, "bcc"), subject=first(block, "subject"),
        body=body.readable(octets, root), in_reply_to=first(block, "in-reply-to"), references=first(block, "references"),
        source=f"{name}/{uid}",
    )  # fmt: skip


def _to_go_on(block: bytes, field: str) -> str:
    """What a draft holds, also what is no whole address yet."""
    people = _named(block, field)
    everything = [one for value in header.raw_values(block, field) for one in address.parse_list(value)]
    return _written(people) if len(people) == len(everything) else first(block, field)


def source_files(core: Core, account: Account, draft: Draft) -> tuple[mail_files.MailFile, ...]:
    """The files that the draft's source brings along."""
    mailbox, _, uid = draft.source.rpartition("/")
    if not mailbox or not uid.isdecimal():
        return ()
    octets, root, _ = _opened(core, account, mailbox, int(uid))
    return mail_files.listing(octets, root)


def addresses(value: str) -> list[tuple[str, str]]:
    """(name, address) of a field; raises NotAllowed for what is none."""
    # people write semicolons too; a group of RFC 5322 is not what they mean
    text_ = header.safe_value(value).replace(";", ",")
    parsed = address.parse_list(text_)
    found = [(one.name or "", f"{one.localpart}@{_ascii(one.host)}") for one in parsed if one.host and one.localpart]
    if len(found) != len([one for one in parsed if one.localpart or one.name]) or any(
        " " in spec or not spec.isascii() for _, spec in found
    ):
        raise NotAllowed("one of the addresses is not an address")
    if text_.strip(" ,") and not found:
        raise NotAllowed("one of the addresses is not an address")
    return found


def _ascii(host: str) -> str:
    """Of a domain with letters of other alphabets (RFC 5891), as DNS knows it."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host


def people(draft: Draft) -> list[tuple[str, str]]:
    """(name, address) of To, Cc and Bcc, each address once.  Raises NotAllowed."""
    found: dict[str, tuple[str, str]] = {}
    for value in (draft.to, draft.cc, draft.bcc):
        for name, spec in addresses(value):
            found.setdefault(spec.lower(), (name, spec))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Built:
    """A whole message without Bcc, which is for the writer's own copy."""

    prepared: Prepared
    bcc: bytes


def build(
    core: Core, draft: Draft, files: Iterable[Attachment], *, name: str, own: str, reply_to: str = "", bcc: bool = False
) -> Built:  # fmt: skip
    """The whole message.

    Args:
        name, own, reply_to: of the author.
        bcc: leave the field in, for a draft.

    Raises:
        NotAllowed: for addresses that are none.
        TooLarge
    """
    named = [("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc if bcc else ""), ("Reply-To", reply_to)]
    people = _field("From", [(name, own)]) + b"".join(_field(field, addresses(value)) for field, value in named)
    head = EmailMessage(policy=SMTP)
    head["Subject"] = header.safe_value(draft.subject)
    head["Date"] = formatdate(core.clock.seconds(), localtime=False)
    head["Message-ID"] = make_msgid(domain=core.config.domain)
    for field, value in (("In-Reply-To", draft.in_reply_to), ("References", draft.references)):
        if value:
            head[field] = header.safe_value(value)
    head.set_content(draft.body.replace("\r\n", "\n").replace("\r", "\n"))
    spool = core.blobs.spool(INSIDE)
    try:
        spool.add(people)
        for octets in _octets(head, files):
            spool.add(octets)
            if spool.must_flush:
                spool.flush()
            if spool.size > core.config.message_octets:
                raise TooLarge("the message is larger than may be sent")
        prepared = core.blobs.keep(spool)
    except BaseException:
        spool.discard()
        raise
    forget(prepared.octets)
    return Built(prepared, _field("Bcc", addresses(draft.bcc)))


def _field(field: str, people: Sequence[tuple[str, str]]) -> bytes:
    """The field with its line end, or nothing.  The library loses the quotes of "Nordmann, Kåre" when it folds."""
    if not people:
        return b""
    each = (formataddr(one) if one[0].isascii() else f"{header.encode_value(one[0])} <{one[1]}>" for one in people)
    return f"{field}: {_NEXT.join(each)}\r\n".encode()


def _octets(head: EmailMessage, files: Iterable[Attachment]) -> Iterator[bytes]:
    """The message's octets in their order; a multipart if there are files."""
    waiting = iter(files)
    one = next(waiting, None)
    if one is None:
        yield head.as_bytes()
        return
    text_ = EmailMessage(policy=SMTP)
    text_.set_content(head.get_content())
    outer = EmailMessage(policy=SMTP)
    for field, value in head.items():
        if not field.lower().startswith(("content-", "mime-version")):
            outer[field] = value
    boundary = f"=_{secrets.token_hex(16)}"
    outer["MIME-Version"] = "1.0"
    outer["Content-Type"] = f'multipart/mixed; boundary="{boundary}"'
    yield _fields(outer)
    inner = text_.as_bytes()
    yield f"--{boundary}\r\n".encode() + re.sub(rb"(?im)^mime-version:.*\r\n", b"", inner)
    while one is not None:
        yield f"\r\n--{boundary}\r\n".encode() + _part_head(one)
        if one.type == "message/rfc822":
            yield from one.pieces
        else:
            for piece in one.pieces:
                yield _encoded(piece)
        one = next(waiting, None)
    yield f"\r\n--{boundary}--\r\n".encode()


def _encoded(piece: bytes) -> bytes:
    """Base64 in lines of 76 characters (RFC 2045 section 6.8)."""
    return base64.encodebytes(piece).replace(b"\n", b"\r\n")


def _part_head(one: Attachment) -> bytes:
    kind = one.type if _TYPE.fullmatch(one.type) or one.type == "message/rfc822" else "application/octet-stream"
    part = EmailMessage(policy=SMTP)
    part["Content-Type"] = kind
    part.add_header("Content-Disposition", "attachment", filename=safe_name(one.name))
    if kind != "message/rfc822":  # RFC 2046 section 5.2.1: no encoding of its own
        part["Content-Transfer-Encoding"] = "base64"
    else:
        part["Content-Transfer-Encoding"] = "8bit"
    return _fields(part)


def _fields(message: EmailMessage) -> bytes:
    """The header block with its blank line."""
    return b"".join(SMTP.fold_binary(name, value) for name, value in message.items()) + b"\r\n"
