"""A message from what was written: a form becomes octets, an answered message becomes a form.

The message is built piece by piece into a spool, so that a file of 25 MB needs no 25 MB of memory.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import NotAllowed, TooLarge
from mailcore.mail.reading import address, header, structure, trace
from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.reading.octets import Octets, forget
from mailcore.mail.showing import body
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.delivery import submission
from mailcore.services.webmail import attachments, mail_actions
from mailcore.services.webmail.mail_view import first, sent
from mailcore.store.mail.blobs import INSIDE, Prepared

MAX_QUOTED = 100_000  # characters of the answered message
MESSAGE = "message/rfc822"
PIECE = 57 * 4096  # octets of a file that are held at once
_SPECIAL = re.compile(r"[()<>\[\]:;@\\,.\"]")  # RFC 5322 section 3.2.3


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a form.  `answers` is `MAILBOX/UID` of the message it replies to, `identity` whom it is written as.

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
    """A file that goes along; the pieces of its octets may be gone through more than once."""

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
    if to and all(submission.is_own(spec, own) for _, spec in to):
        to = _named(block, "to") or to  # an answer to what one wrote oneself goes on to the same people
    others: dict[str, tuple[str, str]] = {}
    if everybody:
        taken = {spec.lower() for _, spec in to}
        for name, spec in _named(block, "to") + _named(block, "cc"):
            if spec.lower() not in taken and not submission.is_own(spec, own):
                others.setdefault(spec.lower(), (name, spec))
    text_ = body.readable(octets, root, MAX_QUOTED)[:MAX_QUOTED]
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines_of(text_))
    message_id = first(block, "message-id")
    before = first(block, "references") or first(block, "in-reply-to")
    return Draft(
        to=_written(to), cc=_written(others.values()), subject=_prefixed("Re:", first(block, "subject")),
        body=f"\n\n{_introduction(core, block)}\n{quoted}\n", in_reply_to=message_id,
        references=" ".join(fields_out.references(before, message_id)), answers=f"{mailbox}/{uid}",
    )  # fmt: skip


def _introduction(core: Core, block: bytes) -> str:
    """The line above what is quoted; of what the message does not tell nothing stands there."""
    at = _sent_at(core, block)
    told = " ".join(filter(None, (first(block, "from"), f"({at})" if at else "")))
    return f"{told}:" if told else ""


def _named(block: bytes, field: str) -> list[tuple[str, str]]:
    """(name, address) of a field.  Names are decoded when the addresses are told apart: there may be commas in them."""
    return [
        (one.name, one.spec)
        for value in header.raw_values(block, field)
        for one in address.parse(value)
        if one.localpart and one.host
    ]


def _written(people: Iterable[tuple[str, str]]) -> str:
    """Write people as one types them into a form; `addresses` reads it."""
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
    written = "\n\n----- \n" + "\n".join(lines) + "\n\n" + body.readable(octets, root, MAX_QUOTED)[:MAX_QUOTED]
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
    """Return a draft's address field for the form, including what is no whole address yet."""
    people = _named(block, field)
    everything = [one for value in header.raw_values(block, field) for one in address.parse(value)]
    return _written(people) if len(people) == len(everything) else first(block, field)


def source_files(core: Core, account: Account, draft: Draft) -> tuple[attachments.MailFile, ...]:
    """The files that the draft's source brings along."""
    mailbox, _, uid = draft.source.rpartition("/")
    if not mailbox or not uid.isdecimal():
        return ()
    octets, root, _ = _opened(core, account, mailbox, int(uid))
    return attachments.listing(octets, root)


def addresses(value: str) -> list[tuple[str, str]]:
    """(name, address) of a field; raises NotAllowed for what is none."""
    # people write semicolons too; a group of RFC 5322 is not what they mean
    text_ = one_line(value).replace(";", ",")
    parsed = address.parse(text_)
    found = [(one.name, replace(one, host=_ascii(one.host)).spec) for one in parsed if one.host and one.localpart]
    if len(found) != len([one for one in parsed if one.localpart or one.name]) or any(
        " " in spec or not spec.isascii() for _, spec in found
    ):
        raise NotAllowed("one of the addresses is not an address")
    if text_.strip(" ,") and not found:
        raise NotAllowed("one of the addresses is not an address")
    return found


def _ascii(host: str) -> str:
    """Return a domain with letters of other alphabets (RFC 5891) as DNS knows it."""
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
    heading = Heading(
        NameAddr(own, name), _people(draft.to), draft.subject, core.clock.now(), trace.message_id(core.config.domain),
        cc=_people(draft.cc), reply_to=_people(reply_to), answers=_answers(draft),
    )  # fmt: skip
    blind = fields_out.people_field("Bcc", _people(draft.bcc))
    spool = core.blobs.spool(INSIDE)
    try:
        for octets in chain((composer.head(heading), blind if bcc else b""), _entity(draft.body, files)):
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
    return Built(prepared, blind)


def _people(value: str) -> tuple[NameAddr, ...]:
    """Raises NotAllowed."""
    return tuple(NameAddr(spec, name) for name, spec in addresses(value))


def _answers(draft: Draft) -> tuple[str, ...]:
    """The conversation; a draft that another program saved may name the message that it answers in one of the fields alone."""
    named = fields_out.identifiers(draft.in_reply_to) or fields_out.identifiers(draft.references)
    return fields_out.references(draft.references, named[-1]) if named else ()


def _entity(written: str, files: Iterable[Attachment]) -> Iterator[bytes]:
    """The text, or a multipart of it and the files, piece by piece."""
    waiting = iter(files)
    first_file = next(waiting, None)
    if first_file is None:
        yield entities.text(written)
        return
    every = list(chain((first_file,), waiting))
    shapes = {entities.encoding_of(one.pieces) for one in every if one.type == MESSAGE}
    parts = chain(([entities.text(written)],), map(_part, every))
    yield from entities.multipart(parts, encoding="8bit" if "8bit" in shapes else "7bit")


def _part(one: Attachment) -> Iterable[bytes]:
    return entities.message(one.name, one.pieces) if one.type == MESSAGE else entities.file(one.name, one.type, one.pieces)
