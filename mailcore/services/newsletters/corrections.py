"""Corrections: another edition takes the place of the copies that nobody has read yet.

IMAP's messages never change, so a copy is removed and the new edition appended in its place, with its flags and its date, in one
transaction.  Who has read a newsletter keeps what they have read, and what stands in Trash stays.  Copies that wait in the queue
are exchanged as well; what another server has taken is out of reach.  It may be ended at any time, and goes on with those
that are left: what was replaced is no copy of an earlier edition any more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import Newsletter
from mailcore.errors import NotAllowed
from mailcore.mail.reading import header, trace
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.newsletters import sending, topics, writing
from mailcore.services.newsletters.sending import Issue
from mailcore.store.engine.db import Tx
from mailcore.store.queue import items
from mailcore.store.site import newsletters as store
from mailcore.store.site.newsletters import Edition, Unread

BATCH = 100  # copies in one transaction
_TRACE = ("return-path", "delivered-to")  # of the fields above a copy, those that stay


def begin_correction(core: Core, number: int, subject: str, text: str, *, actor: str) -> None:
    """Write another edition, which the job brings to those who have not read the one before.

    Raises:
        InvalidName: subject or text.
        NotAllowed: it is no newsletter that was sent, or is being corrected already.
    """
    newsletter = sending.find_newsletter(core, number)
    topic = topics.find_topic(core, newsletter.topic)
    subject, text = writing.check_draft(newsletter.language, subject, text)
    editions = core.db.read(lambda tx: store.list_editions(tx, number))
    if not editions:
        raise NotAllowed(Saying("Only a newsletter that was sent can be corrected."))
    message_id = trace.message_id(core.config.domain)
    corrected = replace(newsletter, subject=subject, text=text)
    octets = writing.compose(core, topic, corrected, message_id=message_id, replaces=editions[-1].message_id)
    prepared = core.blobs.prepare(octets)

    def write(tx: Tx) -> None:
        if not store.save_correction(tx, number, subject, text, actor, core.clock.seconds()):
            raise NotAllowed(Saying("Only a newsletter that was sent, and is not being corrected, can be corrected."))
        sending.save_edition(core, tx, number, prepared, message_id)
        detail = f"{number}, topic {topic.id}: {len(text)} characters, before {len(newsletter.text)}"
        audit.note(core, tx, None, Event.NEWSLETTER_CORRECTED, actor=actor, detail=detail)

    core.db.write(write)


def count_unread(core: Core, newsletter: Newsletter) -> int:
    """Count the copies here that a correction would replace."""
    return core.db.read(lambda tx: store.count_unread(tx, newsletter.id))


def correct_copies(core: Core, number: int) -> Iterator[int]:
    """Replace the copies that nobody has read, batch by batch; gives how many each had.  Raises InvalidName, Busy."""
    newsletter = sending.find_newsletter(core, number)
    issue = sending.load_issue(core, newsletter)
    editions = core.db.read(lambda tx: store.list_editions(tx, number))
    while newsletter.is_correcting:
        unread = core.db.read(lambda tx: store.list_unread(tx, number, editions[-1].number, BATCH))
        if not unread:
            yield from _correct_queue(core, issue, editions)
            core.db.write(lambda tx: store.finish_correction(tx, number))
            return
        core.db.write(partial(_replace_all, core, issue, unread), of={copy.account for copy in unread})
        yield len(unread)
        newsletter = sending.find_newsletter(core, number)


def _replace_all(core: Core, issue: Issue, unread: Sequence[Unread], tx: Tx) -> None:
    copies = sum(_replace(core, issue, copy, tx) for copy in unread)
    store.count_corrected(tx, issue.newsletter, copies)


def _replace(core: Core, issue: Issue, copy: Unread, tx: Tx) -> bool:
    """Replace one copy; False where its owner has read or moved it meanwhile."""
    found = core.mail.fetch(tx, copy.mailbox, [(copy.uid, copy.uid)], frozenset({"prefix"}))
    if not found or "\\Seen" in found[0].info.flags:
        return False
    info, above = found[0].info, found[0].prefix
    kept = header.without(above, lambda name, _value: name.lower() not in _TRACE)
    prefix = kept + sending.write_own_fields(core, issue, copy.account, is_signed=False)
    core.mail.append(tx, copy.account, copy.mailbox, issue.saved, info.flags, info.internal_date, prefix=prefix)
    core.mail.expunge(tx, copy.mailbox, [(copy.uid, copy.uid)], only_deleted=False)
    return True


def _correct_queue(core: Core, issue: Issue, editions: Sequence[Edition]) -> Iterator[int]:
    """Exchange the copies that wait to be forwarded, one after the other, for each is signed anew."""
    for edition in editions[:-1]:
        for item in core.db.read(partial(items.list_of_blob, blob=edition.blob)):
            if item.account is None:
                continue
            own = sending.write_own_fields(core, issue, item.account, is_signed=True)
            above = header.without(item.prefix, lambda name, _value: name.lower() not in _TRACE)
            blob, now = issue.saved.id, core.clock.seconds()
            if core.db.write(partial(items.replace_octets, item=item.id, blob=blob, prefix=above + own, now=now)):
                yield 1
