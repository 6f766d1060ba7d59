"""Messages put aside until a time: they lie in the mailbox Snoozed, for every program to see, and come back to INBOX.

What comes back is not seen, and has come at that time.  Who moves a message out of Snoozed by any program takes it back
early; one that any program moves in stays until somebody moves it out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.errors import MailboxNotFound, MailError, NotAllowed
from mailcore.log import log_for
from mailcore.services.webmail.mail_actions import ActionResult
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import snoozed as store
from mailcore.store.webmail.snoozed import DueMessage

log = log_for(__name__)
NAME = "Snoozed"
LONGEST = timedelta(days=5 * 366)
_SEEN = frozenset({"\\Seen"})


def snooze(core: Core, account: AccountId, mailbox: str, uids: Sequence[int], until: datetime) -> ActionResult:
    """Put messages aside until a time; for those that are aside already it is changed.

    Raises:
        MailboxNotFound: of what is gone, too.
        NotAllowed: for a time that has passed or is years away.
    """
    if not core.clock.now() < until <= core.clock.now() + LONGEST:
        raise NotAllowed("no time to come")
    due_at = int(until.timestamp())

    def write(tx: Tx) -> ActionResult:
        box = core.mail.mailbox(tx, account, mailbox)
        there = _find_or_create(core, tx, account)
        if there.id == box.id:
            new = [info.uid for info in core.mail.infos(tx, box.id, [(uid, uid) for uid in sorted(set(uids))])]
        else:
            _, new = core.mail.move(tx, box.id, [(uid, uid) for uid in sorted(set(uids))], there.id)
        if not new:
            raise MailboxNotFound(f"messages of {mailbox}")
        store.save_snoozed(tx, there, new, due_at)
        return ActionResult(len(new), there.name, tuple(new))

    return core.db.write(write, of=(account,))


def find_time(core: Core, account: AccountId, mailbox: str, uid: int) -> datetime | None:
    """Find when a message comes back; None for one that does not wait."""
    due_at = core.db.read(lambda tx: store.find_due_at(tx, core.mail.mailbox(tx, account, mailbox), uid))
    return datetime.fromtimestamp(due_at, core.config.zone) if due_at else None


def _find_or_create(core: Core, tx: Tx, account: AccountId) -> Mailbox:
    for box in core.mail.mailboxes(tx, account):
        if box.name == NAME:
            return box
    return core.mail.create(tx, account, NAME)


def wake_due(core: Core) -> int:
    """Bring back what is due, each account in one transaction; return the number of messages."""
    now = core.clock.seconds()
    back = 0
    for account in core.db.read(lambda tx: store.list_due_accounts(tx, now)):
        try:
            back += _wake(core, account, now)
        except MailError as problem:
            log.warning("messages put aside by account %d wait: %s", account, problem)
        except Exception:  # others' messages come back all the same
            log.exception("messages put aside by account %d wait", account)
    return back


def _wake(core: Core, account: AccountId, now: int) -> int:
    def write(tx: Tx) -> int:
        boxes = {box.id: box for box in core.mail.mailboxes(tx, account)}
        inbox = core.mail.mailbox(tx, account, "INBOX")
        back = 0
        for id_, group in groupby(_of_known(store.delete_due(tx, account, now), boxes), lambda one: one.mailbox):
            ranges = [(one.uid, one.uid) for one in sorted(group, key=lambda one: one.uid)]
            _, new = core.mail.move(tx, id_, ranges, inbox.id)
            if new:
                store.date_anew(tx, inbox.id, new, now)
                core.mail.set_flags(tx, inbox.id, [(new[0], new[-1])], "remove", _SEEN)
            back += len(new)
        return back

    return core.db.write(write, of=(account,))


def _of_known(due: list[DueMessage], boxes: Mapping[MailboxId, Mailbox]) -> list[DueMessage]:
    """Leave out what was in a mailbox that has gone."""
    known = [one for one in due if one.mailbox in boxes and boxes[one.mailbox].uidvalidity == one.uidvalidity]
    return sorted(known, key=lambda one: one.mailbox)
