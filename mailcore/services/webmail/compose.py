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
from mailcore.mail.reading import address, trace
from mailcore.mail.reading.address import MailAddress
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import forget
from mailcore.mail.showing import body, wrapped
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.saying import Saying
from mailcore.services.delivery import submission
from mailcore.services.webmail import attachments, mail_actions
from mailcore.services.webmail.message_content import phrase
from mailcore.store.mail.blobs import INSIDE, Prepared

MAX_QUOTED = 100_000  # characters of the answered message
MESSAGE = "message/rfc822"
MAX_TOLD = 200  # characters of what was taken for an address
_ANSWER = re.compile(r"(?i)\s*+(?:(?:re|sv|aw|antw|vs)(?:\[[0-9]{1,3}\])?+\s{0,9}+:\s*+)++")
_PASSED_ON = re.compile(r"(?i)\s*+(?:(?:fwd?|wg)\s{0,9}+:\s*+)++")
_APART = re.compile(r"[\s<>(),]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_BETWEEN = re.compile(r">(?=\s*+[^\s,(>])")
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
MAX_SIGNATURE = 15  # lines that a reply does not quote
PIECE = 57 * 4096  # octets of a file that are held at once


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


def _answered(subject: str) -> str:
    """Return the subject of an answer: `Re: ` once, in place of what programs of other languages write for it."""
    before = _ANSWER.match(subject)
    return f"Re: {subject[before.end() :] if before else subject}".strip()


def _forwarded(subject: str) -> str:
    """Return the subject of a message that is passed on: `Fwd: ` once, as in answers."""
    before = _PASSED_ON.match(subject)
    return f"Fwd: {subject[before.end() :] if before else subject}".strip()


def _opened(core: Core, account: Account, mailbox: str, uid: int) -> Message:
    """Raises MailboxNotFound."""
    _, octets = mail_actions.open_message(core, account.id, mailbox, uid)
    return Message(octets)


def reply(core: Core, account: Account, mailbox: str, uid: int, *, everybody: bool) -> Draft:
    """An answer with the text quoted, to the author or to all.  Raises MailboxNotFound."""
    message = _opened(core, account, mailbox, uid)
    fields = message.header
    own = core.db.read(lambda tx: submission.addresses(tx, account.id))
    to = _once(_named(fields, "reply-to") or _named(fields, "from"))
    if to and all(submission.is_own(spec, own) for _, spec in to):
        to = _named(fields, "to") or to  # an answer to what one wrote oneself goes on to the same people
    taken = {spec.lower() for _, spec in to}
    others = [
        (name, spec)
        for name, spec in _once(_named(fields, "to") + _named(fields, "cc") if everybody else ())
        if spec.lower() not in taken and not submission.is_own(spec, own)
    ]
    text_ = wrapped.readable(message, MAX_QUOTED)[:MAX_QUOTED]
    quoted = "\n".join(
        f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in _without_signature(lines_of(text_))
    )
    message_id = fields.text("message-id")
    before = fields.text("references") or fields.text("in-reply-to")
    return Draft(
        to=_written(to),
        cc=_written(others),
        subject=_answered(fields.text("subject")),
        body=f"\n\n{_introduction(core, fields)}\n{quoted}\n",
        in_reply_to=message_id,
        references=" ".join(fields_out.references(before, message_id)),
        answers=f"{mailbox}/{uid}",
    )


def _without_signature(lines: list[str]) -> list[str]:
    """Leave out what stands below the last line of two hyphens (RFC 3676 section 4.3), where it is no longer than a signature."""
    for at in range(len(lines) - 1, max(-1, len(lines) - MAX_SIGNATURE - 2), -1):
        if lines[at] in ("-- ", "--") and not any(line.startswith(">") for line in lines[at:]):
            kept = lines[:at]
            while kept and not kept[-1].strip():
                kept.pop()
            return kept or lines
    return lines


def _introduction(core: Core, fields: Header) -> str:
    """The line above what is quoted; of what the message does not tell nothing stands there."""
    at = _sent_at(core, fields)
    told = " ".join(filter(None, (fields.text("from"), f"({at})" if at else "")))
    return f"{told}:" if told else ""


def _named(fields: Header, field: str) -> list[tuple[str, str]]:
    """(name, address) of everybody in a field."""
    return [(one.name, one.spec) for one in fields.addresses(field) if one.localpart and one.host]


def _once(people: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each address once, with a name if one of them has it."""
    found: dict[str, tuple[str, str]] = {}
    for name, spec in people:
        known = found.setdefault(spec.lower(), (name, spec))
        if name and not known[0]:
            found[spec.lower()] = (name, spec)
    return list(found.values())


def _written(people: Iterable[tuple[str, str]]) -> str:
    """Write people as one types them into a form; `addresses` reads it."""
    return ", ".join(f"{phrase(name)} <{spec}>" if name else spec for name, spec in people)


def _sent_at(core: Core, fields: Header) -> str:
    """By the clock of the site; as it is written where that is no date."""
    at = fields.sent_at
    return at.astimezone(core.config.zone).strftime("%d.%m.%Y %H:%M") if at else fields.text("date")


def forward(core: Core, account: Account, mailbox: str, uid: int, *, whole: bool = False) -> Draft:
    """The message's text below a line with its files, or the whole of it as one file.  Raises MailboxNotFound."""
    message = _opened(core, account, mailbox, uid)
    fields = message.header
    subject = _forwarded(fields.text("subject"))
    if whole:
        return Draft(subject=subject, whole=f"{mailbox}/{uid}")
    lines = [f"{name}: {fields.text(name.lower())}" for name in ("From", "Date", "To", "Subject")]
    written = "\n\n----- \n" + "\n".join(lines) + "\n\n" + wrapped.readable(message, MAX_QUOTED)[:MAX_QUOTED]
    return Draft(subject=subject, body=written, source=f"{mailbox}/{uid}")


def open_draft(core: Core, account: Account, uid: int) -> Draft:
    """A saved draft, to go on with.  Raises MailboxNotFound."""
    name = core.db.write(lambda tx: mail_actions.get_special_mailbox(core, tx, account.id, "\\Drafts").name)
    message = _opened(core, account, name, uid)
    fields = message.header
    return Draft(
        to=_to_go_on(fields, "to"),
        cc=_to_go_on(fields, "cc"),
        bcc=_to_go_on(fields, "bcc"),
        subject=fields.text("subject"),
        body=body.readable(message.octets, message.root),
        in_reply_to=fields.text("in-reply-to"),
        references=fields.text("references"),
        source=f"{name}/{uid}",
    )


def _to_go_on(fields: Header, field: str) -> str:
    """Return a draft's address field for the form, including what is no whole address yet."""
    people = _named(fields, field)
    return _written(people) if len(people) == len(fields.addresses(field)) else fields.text(field)


def source_files(core: Core, account: Account, draft: Draft) -> tuple[attachments.MailFile, ...]:
    """The files that the draft's source brings along."""
    mailbox, _, uid = draft.source.rpartition("/")
    if not mailbox or not uid.isdecimal():
        return ()
    message = _opened(core, account, mailbox, int(uid))
    return attachments.list_files(message.octets, message.root)


def addresses(value: str) -> list[tuple[str, str]]:
    """(name, address) of a field; raises NotAllowed for what is none."""
    # people write semicolons too; a group of RFC 5322 is not what they mean
    text_ = _parted(_UNSEEN.sub("", one_line(value)).replace(";", ",").replace("\uff20", "@"))
    found: list[tuple[str, str]] = []
    for one in address.parse(text_):
        spec = _spec(one)
        is_strange = " " in spec or ".." in one.host or ("@" in one.localpart and '"' not in text_)
        if not one.host or not one.localpart or is_strange:
            if one.localpart or one.name:
                raise _no_address(_as_written(one))
            continue
        if not spec.isascii():
            raise NotAllowed(
                Saying("We cannot send to %(address)s: it has other letters than a to z before the @.", address=spec)
            )
        found.append((one.name, spec))
    if (text_.strip(" ,") and not found) or _leaves_out(text_, found):
        raise _no_address(text_.strip())
    return found


def _spec(one: MailAddress) -> str:
    """Return the address for DNS and SMTP; apostrophes around all of it are quotes that somebody meant."""
    if one.localpart.startswith("'") and one.host.endswith("'"):
        one = replace(one, localpart=one.localpart[1:], host=one.host[:-1])
    return replace(one, host=_ascii(one.host).rstrip(".")).spec


def _parted(text_: str) -> str:
    """Put commas between addresses that stand beside each other without one."""
    if '"' in text_:
        return text_
    return ",".join(
        ", ".join(words) if len(words := piece.split()) > 1 and all(map(_is_like_one, words)) else piece
        for piece in _BETWEEN.sub(">,", text_).split(",")
    )


def _leaves_out(text_: str, found: list[tuple[str, str]]) -> bool:
    """Is something written that looks like an address, and would not be sent to?"""
    told = " ".join(f"{name} {spec}" for name, spec in found).replace('"', "").lower()
    words = filter(_is_like_one, _APART.split(_QUOTED.sub(" ", text_)))
    written = (word.removeprefix("mailto:").strip("'.").rpartition("@") for word in words)
    return any(f"{local}@{_ascii(host)}".lower() not in told for local, _, host in written)


def _is_like_one(word: str) -> bool:
    local, _, host = word.partition("@")
    return bool(local and host) and "@" not in host and not _APART.search(word)


def _no_address(written: str) -> NotAllowed:
    return NotAllowed(
        Saying(
            "%(written)s is not an address. Write name@domain, with commas between several.", written=written[:MAX_TOLD]
        )
    )


def _as_written(one: MailAddress) -> str:
    return " ".join(filter(None, (one.name, f"{one.localpart}@{one.host}" if one.host else one.localpart)))[:MAX_TOLD]


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
) -> Built:
    """The whole message.

    Args:
        name, own, reply_to: of the author.
        bcc: leave the field in, for a draft.

    Raises:
        NotAllowed: for addresses that are none.
        TooLarge
    """
    heading = Heading(
        NameAddr(own, name),
        _people(draft.to),
        draft.subject,
        core.clock.now(),
        trace.message_id(core.config.domain),
        cc=_people(draft.cc),
        reply_to=_people(reply_to),
        answers=_answers(draft),
    )
    blind = fields_out.people_field("Bcc", _people(draft.bcc))
    spool = core.blobs.spool(INSIDE)
    try:
        for octets in chain((composer.head(heading), blind if bcc else b""), _entity(draft.body, files)):
            spool.add(octets)
            if spool.must_flush:
                spool.flush()
            if spool.size > core.config.message_octets:
                raise TooLarge("the message is larger than may be sent")
        prepared = core.blobs.prepare_spool(spool)
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
    return (
        entities.message(one.name, one.pieces) if one.type == MESSAGE else entities.file(one.name, one.type, one.pieces)
    )
