"""Answers to invitations by mail (iMIP, RFC 6047), sent as the owner by the path and within the limits of all mail.

The answer goes to the organizer whom the invitation names, from the address that was invited.  What was answered stands as
a keyword at the message, so that the page tells it, and so do other programs that show keywords.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope
from mailcore.errors import MailboxNotFound, NotAllowed, OverQuota
from mailcore.mail.reading import trace
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.octets import forget
from mailcore.mail.showing import wrapped
from mailcore.mail.showing.invitation import ANSWERS, Invitation, Person, find_invitation
from mailcore.mail.showing.wrapped import Opened
from mailcore.mail.writing import composer, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.mail.writing.invitation_answer import answer_entity
from mailcore.services.delivery import submission
from mailcore.services.webmail import address_book, inside, mail_actions
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared

KEYWORDS = {answer: f"$Invitation{answer.title()}" for answer in ANSWERS}


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """Subject and text of an answer, in the words and the language of its writer."""

    subject: str
    text: str


def given_answer(flags: Iterable[str]) -> str:
    """Return what was answered from here, or ""."""
    present = {flag.lower() for flag in flags}
    return next((answer for answer, keyword in KEYWORDS.items() if keyword.lower() in present), "")


def find_inside(core: Core, account: AccountId, opened: Opened) -> Invitation | None:
    """Find the invitation of a message within a message (inside.py)."""
    return find_invitation(opened.octets, opened.root, core.db.read(lambda tx: submission.addresses(tx, account)))


def answer_invitation(
    core: Core,
    account: Account,
    mailbox: str,
    uid: int,
    answer: str,
    words: Callable[[Invitation], AnswerWords],
    path: str = "",
) -> Invitation:
    """Send yes, no or maybe to the organizer, with a copy in Sent.  Returns the invitation.

    Args:
        path: of the message within the message that invites (inside.py).

    Raises:
        MailboxNotFound: the message is gone, or is no invitation.
        NotAllowed: nobody waits for an answer.
        TooMany, SendingHeld: as for all mail that one sends.
    """
    opened = inside.open_inside(core, account.id, mailbox, uid, path)
    header = Header(opened.header)
    if not path:
        opened = wrapped.unwrap(opened.octets, opened.root)
    own = core.db.read(lambda tx: submission.addresses(tx, account.id))
    invitation = find_invitation(opened.octets, opened.root, own)
    if invitation is None:
        raise MailboxNotFound(f"no invitation in message {uid}")
    if answer not in ANSWERS or invitation.organizer is None or not invitation.may_answer:
        raise NotAllowed("nobody waits for an answer to this")
    organizer = fields_out.addr_spec(invitation.organizer.address)
    if not organizer:
        raise NotAllowed("the organizer has no address")
    me = _attendee(core, account, invitation, own)
    content = words(invitation)
    message_id = header.text("message-id")
    heading = Heading(
        NameAddr(me.address, me.name),
        (NameAddr(organizer, invitation.organizer.name),),
        content.subject,
        core.clock.now(),
        trace.message_id(core.config.domain),
        answers=fields_out.references(header.text("references"), message_id) if message_id else (),
    )
    entity = answer_entity(invitation, me, answer, content.text, core.clock.now())
    prepared = core.blobs.prepare(composer.compose(heading, entity))
    forget(prepared.octets)
    envelope = Envelope(me.address, (organizer,), "", "webmail", account.id)
    # a keyword is of the whole message, which may have several within it
    keyword = KEYWORDS[answer] if not path else ""
    finish = _finish(core, account, prepared, mailbox, uid, keyword)
    asyncio.run(submission.send(core, envelope, account, prepared, finish))
    return invitation


def _attendee(core: Core, account: Account, invitation: Invitation, own: tuple[str, ...]) -> Person:
    """Return the writer, by the address that was invited; by the account's own where a list was."""
    main = account.address(core.config.domain)
    names = address_book.identities(core, account.id, account.display_name, main)
    invited = invitation.me.address if invitation.me else names[0].address
    spec = invited if submission.is_own(invited, own) and fields_out.addr_spec(invited) else main
    return Person(next((one.name for one in names if one.address == spec), names[0].name), spec)


def _finish(
    core: Core, account: Account, prepared: Prepared, mailbox: str, uid: int, keyword: str
) -> Callable[[Tx], None]:
    """Return the rest of sending, for its transaction: the copy, and the keyword, if any, in place of the one before."""

    def finish(tx: Tx) -> None:
        sent = mail_actions.get_special_mailbox(core, tx, account.id, "\\Sent")
        with suppress(OverQuota):  # the answer goes all the same (S17b)
            core.mail.append(tx, account.id, sent.id, prepared, frozenset({"\\Seen"}), core.clock.now())
        box = next((one for one in core.mail.mailboxes(tx, account.id) if one.name == mailbox), None)
        if box is not None and keyword:
            others = frozenset(KEYWORDS.values()) - {keyword}
            core.mail.set_flags(tx, box.id, [(uid, uid)], "remove", others)
            core.mail.set_flags(tx, box.id, [(uid, uid)], "add", frozenset({"\\Answered", keyword}))

    return finish
