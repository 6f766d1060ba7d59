"""Messages being written: saved on the server from the first word, in Drafts when the writer says so, sent when due.

A writing is a saved form, with its files, outside the quota: a full box loses nobody's text.  A message that
is sent waits some seconds, in which its writer may think better of it, or until the day that was chosen; then it is
built and handed on, its copy put into Sent and the writing forgotten, all in one transaction: it goes out once.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import IO

from mailcore import errors
from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope
from mailcore.errors import MailboxNotFound, MailError, NotAllowed, OverQuota, SendingHeld, TooLarge, TooMany
from mailcore.log import log_for
from mailcore.mail.reading import structure, text
from mailcore.mail.showing import body as bodies
from mailcore.mail.showing.files import safe_name
from mailcore.saying import Saying
from mailcore.services.delivery import recipients, submission
from mailcore.services.limits import tries
from mailcore.services.notices import account_notices
from mailcore.services.webmail import address_book, attachments, compose, mail_actions
from mailcore.services.webmail.compose import PIECE, Attachment, Built, Draft
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.webmail import writings as store
from mailcore.store.webmail.address_book import WriterName
from mailcore.store.webmail.writings import StoredFile, WritingState
from mailcore.store.webmail.writings import Writing as Row

log = log_for(__name__)
MAX_WRITINGS, MAX_FILES = 50, 100
KEEP_SECONDS = 30 * 86_400  # an untouched writing that stands in Drafts
LEASE_SECONDS, AGAIN_SECONDS, DUE = 300, 60, 50
LATEST_SECONDS = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Writing:
    """`at` is when it will be sent; `problem` what stopped it."""

    id: int
    form: Draft
    draft: int
    files: tuple[StoredFile, ...]
    state: WritingState
    at: datetime
    changed_at: datetime
    problem: MailError | None = None

    @property
    def is_open(self) -> bool:
        """It is being written, and does not wait to be sent."""
        return self.state == WritingState.OPEN


def _form(row: Row) -> Draft:
    known = {field.name for field in fields(Draft)}
    return Draft(**{name: value for name, value in json.loads(row.data).items() if name in known})


def _read(tx: Tx, row: Row) -> Writing:
    kind = getattr(errors, row.problem, MailError) if row.problem else None
    return Writing(
        row.id,
        _form(row),
        row.draft,
        tuple(store.list_files(tx, row.id)),
        row.state,
        to_time(row.send_at),
        to_time(row.changed_at),
        kind("could not be sent") if kind else None,
    )


def get_writing(core: Core, account: AccountId, id_: int) -> Writing:
    """Return a writing.  Raises MailboxNotFound when it was deleted, or is somebody else's."""

    def read(tx: Tx) -> Writing:
        row = store.find_writing(tx, account, id_)
        if row is None:
            raise MailboxNotFound(f"writing {id_}")
        return _read(tx, row)

    return core.db.read(read)


def list_writings(core: Core, account: AccountId) -> list[Writing]:
    """List the writings, newest first."""
    return core.db.read(lambda tx: [_read(tx, row) for row in store.list_writings(tx, account)])


def find_by_draft(core: Core, account: AccountId, uid: int) -> int:
    """Find the writing that continues this draft, or 0."""
    return core.db.read(lambda tx: store.find_by_draft(tx, account, uid))


def save_writing(core: Core, account: AccountId, id_: int, form: Draft, draft: int = 0) -> int:
    """Save what was written; a new writing if the id is 0.  Returns its id.

    Raises:
        TooMany: of open writings.
        MailboxNotFound: it was sent or thrown away from another window.
    """
    data, now = json.dumps(asdict(form), ensure_ascii=False), core.clock.seconds()

    def write(tx: Tx) -> int:
        if not id_:
            if len(store.list_writings(tx, account)) >= MAX_WRITINGS:
                raise TooMany("there are enough unfinished messages")
            return store.add_writing(tx, account, data, draft, now)
        if store.find_writing(tx, account, id_) is None or not store.save_form(tx, id_, data, now):
            raise MailboxNotFound(f"writing {id_}")
        return id_

    return core.db.write(write)


def discard_writing(core: Core, account: AccountId, id_: int) -> None:
    """Discard a writing, with its copy in Drafts."""

    def write(tx: Tx) -> None:
        row = store.find_writing(tx, account, id_)
        if row is not None and row.state != WritingState.SENDING:
            _drop_draft(core, tx, account, row.draft)
            store.delete_writing(tx, id_)

    core.db.write(write)


# Files


def add_file(core: Core, account: AccountId, id_: int, name: str, kind: str, stream: IO[bytes]) -> None:
    """Add an uploaded file, a piece at a time.  Raises TooLarge (nothing of it is saved), TooMany, MailboxNotFound."""
    _add(core, account, id_, name, kind, iter(lambda: stream.read(PIECE), b""))


def _add(core: Core, account: AccountId, id_: int, name: str, kind: str, pieces: Iterator[bytes]) -> None:
    room = 2 * core.config.message_octets

    def begin(tx: Tx) -> int:
        row = store.find_writing(tx, account, id_)
        if row is None or row.state != WritingState.OPEN:
            raise MailboxNotFound(f"writing {id_}")
        if len(store.list_files(tx, id_)) >= MAX_FILES:
            raise TooMany("there are enough files")
        return store.add_file(tx, id_, safe_name(name), kind)

    file = core.db.write(begin)
    for number, octets in enumerate(pieces):

        def put(tx: Tx, number: int = number, octets: bytes = octets) -> bool:
            store.add_piece(tx, file, number, octets)
            here = sum(one.size for one in store.list_files(tx, id_))
            fits = here * 4 // 3 <= core.config.message_octets and store.measure_files(tx, account) <= room
            if not fits:
                store.delete_files(tx, id_, [file])
            return fits

        if not core.db.write(put):
            raise TooLarge("the files are larger than may be sent")


def keep_files(
    core: Core, account: Account, id_: int, form: Draft, stored: Sequence[int], of_source: Sequence[int]
) -> Draft:
    """Drop the files that are no longer ticked, and take over those of the message that is passed on.

    Args:
        stored: ids of files of the writing that stay.
        of_source: numbers of the source's files that come along.

    Returns:
        The form without its source, which is not needed any more.
    """
    have = get_writing(core, account.id, id_).files
    gone = [one.id for one in have if one.id not in stored]
    if gone:
        core.db.write(lambda tx: store.delete_files(tx, id_, gone))
    mailbox, _, uid = form.source.rpartition("/")
    if mailbox and uid.isdecimal() and of_source:
        _, octets = mail_actions.open_message(core, account.id, mailbox, int(uid))
        root = structure.parse(octets)
        listed = {one.number: one for one in attachments.list_files(octets, root)}
        for number, part in bodies.read(octets, root).files:
            if number in of_source:
                pieces = _cut(text.decoded_pieces(octets, part))
                _add(core, account.id, id_, listed[number].name, listed[number].type, pieces)
    mailbox, _, uid = form.whole.rpartition("/")
    if mailbox and uid.isdecimal():
        _, pieces = mail_actions.open_source(core, account.id, mailbox, int(uid))
        _add(core, account.id, id_, "message.eml", "message/rfc822", _cut(pieces))
    return replace(form, source="", whole="")


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for octets in pieces:
        for start in range(0, len(octets), PIECE):
            yield octets[start : start + PIECE]


def _attachments(core: Core, writing: Writing) -> Iterator[Attachment]:
    for one in writing.files:
        yield Attachment(one.name, one.type, _Pieces(core, one.id))


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The octets of a stored file, from the beginning each time."""

    core: Core
    file: int

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        while (octets := self.core.db.read(lambda tx: store.find_piece(tx, self.file, number))) is not None:  # noqa: B023 - runs at once
            yield octets
            number += 1


# Saving and sending


def _author(core: Core, account: Account, form: Draft) -> WriterName:
    """Return the identity that the message is written as; the account itself if that identity was deleted."""
    own = account.address(core.config.domain)
    found = address_book.identities(core, account.id, account.display_name, own)
    return next((one for one in found if one.id == form.identity), found[0])


def _built(core: Core, account: Account, writing: Writing, *, bcc: bool = False) -> tuple[WriterName, Built]:
    author = _author(core, account, writing.form)
    files = _attachments(core, writing)
    return author, compose.build(
        core, writing.form, files, name=author.name, own=author.address, reply_to=author.reply_to, bcc=bcc
    )


def save_draft(core: Core, account: Account, id_: int) -> int:
    """Save it into Drafts in place of its former version, and return its uid there.

    Raises:
        OverQuota: the former one stays, and so does the writing.
        NotAllowed: for addresses that are none.
    """
    writing = get_writing(core, account.id, id_)
    _, built = _built(core, account, writing, bcc=True)

    def write(tx: Tx) -> int:
        box = mail_actions.get_special_mailbox(core, tx, account.id, "\\Drafts")
        uid = core.mail.append(
            tx, account.id, box.id, built.prepared, frozenset({"\\Draft", "\\Seen"}), core.clock.now()
        )
        _drop_draft(core, tx, account.id, writing.draft)
        store.set_draft(tx, id_, uid)
        return uid

    return core.db.write(write)


def check_sendable(core: Core, account: Account, form: Draft) -> None:
    """Check that it can be sent.  Our own people are looked up at once.

    Raises:
        NotAllowed: no recipient, or what is no address.
        UnknownRecipient, EditorsOnly, ReportsOnly, OverQuota: of our own people.
    """
    people = compose.people(form)
    if not people:
        raise NotAllowed(Saying("Write to whom it goes."))

    def check_ours(tx: Tx) -> None:
        for _, spec in people:
            if recipients.is_ours(core, spec):
                recipients.check_recipient(
                    core, tx, spec, None, sender=account.address(core.config.domain), account=account.id
                )

    core.db.read(check_ours)


def read_time(core: Core, written: str) -> datetime:
    """Read when a message is to be sent, in the zone of the site.  Raises NotAllowed for what is no time to come."""
    try:
        at = datetime.fromisoformat(written).replace(tzinfo=core.config.zone)
    except ValueError:
        raise NotAllowed(Saying("Choose a day and a time.")) from None
    if at < core.clock.now():
        raise NotAllowed(Saying("That time has passed."))
    return at


def schedule_sending(core: Core, account: Account, id_: int, at: datetime) -> None:
    """Send a writing at a time, or at once if that is now.

    Raises:
        What `check_sendable` raises, NotAllowed for a day that is too far, MailboxNotFound, and what sending raises.
    """
    writing = get_writing(core, account.id, id_)
    check_sendable(core, account, writing.form)
    when, now = int(at.timestamp()), core.clock.seconds()
    if when > now + LATEST_SECONDS:
        raise NotAllowed(Saying("That day is too far away."))
    if not core.db.write(lambda tx: store.save_send_at(tx, id_, when)):
        raise MailboxNotFound(f"writing {id_}")
    if when <= now:
        send_one(core, account.id, id_)


def take_back(core: Core, account: AccountId, id_: int) -> None:
    """Open again what waits or failed.  Raises MailboxNotFound when it is gone already."""
    if not core.db.write(lambda tx: store.take_back_writing(tx, account, id_)):
        raise MailboxNotFound(f"writing {id_}")


def send_due(core: Core) -> None:
    """Send everything that is due; a job.  What cannot be sent is shown to its writer in the webmail."""
    for id_, account in core.db.read(lambda tx: store.list_due(tx, core.clock.seconds(), DUE)):
        try:
            send_one(core, account, id_)
        except MailError as problem:
            log.info("a message of account %d was not sent: %s", account, type(problem).__name__)


def send_one(core: Core, account_id: AccountId, id_: int) -> None:
    """Send a writing that is due; nothing happens if somebody else does.  Raises what sending raises; it stays then.

    An account that sleeps or is on hold sends nothing, also later by itself: its owner is told, and sends it or not.
    """
    now = core.clock.seconds()
    if not core.db.write(lambda tx: store.claim_writing(tx, id_, now, LEASE_SECONDS)):
        return
    try:
        account = core.db.read(lambda tx: get_account(tx, account_id))
        writing = get_writing(core, account_id, id_)
        people = compose.people(writing.form)
        author, built = _built(core, account, writing)
        envelope = Envelope(author.address, tuple(spec for _, spec in people), "", "webmail", account_id)
        asyncio.run(
            submission.send(core, envelope, account, built.prepared, _finish(core, account_id, writing, built, people))
        )
    except MailError as problem:
        if problem.temporary:
            core.db.write(lambda tx: store.postpone_sending(tx, id_, now + AGAIN_SECONDS))
        else:
            refused = problem
            core.db.write(lambda tx: _mark_failed(core, tx, account_id, id_, refused))
        raise


def _mark_failed(core: Core, tx: Tx, account_id: AccountId, id_: int, problem: MailError) -> None:
    """Save why it was not sent; whoever cannot be expected to look at the webmail has a letter, one a day at most."""
    store.mark_failed(tx, id_, type(problem).__name__)
    if not isinstance(problem, SendingHeld):
        return
    if not tries.is_over_limit(core, tx, "not sent", str(account_id), limit=1, seconds=tries.DAY):
        account_notices.notify_owner(core, tx, get_account(tx, account_id), "not_sent")


def _finish(
    core: Core, account: AccountId, writing: Writing, built: Built, people: list[tuple[str, str]]
) -> Callable[[Tx], None]:
    """Return the rest of sending, for its transaction: copy, address book, answered mark, removal of the draft."""

    def finish(tx: Tx) -> None:
        box = mail_actions.get_special_mailbox(core, tx, account, "\\Sent")
        try:
            core.mail.append(
                tx, account, box.id, built.prepared, frozenset({"\\Seen"}), core.clock.now(), prefix=built.bcc
            )
        except OverQuota:
            log.info("no room for account %d's copy", account)  # the message goes all the same (S17b)
        address_book.collect(core, tx, account, people)
        _drop_draft(core, tx, account, writing.draft)
        mailbox, _, uid = writing.form.answers.rpartition("/")
        if mailbox and uid.isdecimal():
            for one in core.mail.mailboxes(tx, account):
                if one.name == mailbox:
                    core.mail.set_flags(tx, one.id, [(int(uid), int(uid))], "add", frozenset({"\\Answered"}))
        store.delete_writing(tx, writing.id)

    return finish


def _drop_draft(core: Core, tx: Tx, account: AccountId, uid: int) -> None:
    if uid:
        box = mail_actions.get_special_mailbox(core, tx, account, "\\Drafts")
        core.mail.expunge(tx, box.id, [(uid, uid)], only_deleted=False)


def delete_untouched(core: Core) -> None:
    """Delete writings that are in Drafts and were not changed for a month; a job."""
    before = core.clock.seconds() - KEEP_SECONDS
    core.db.write(lambda tx: store.delete_old(tx, before))
