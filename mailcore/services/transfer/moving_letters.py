"""A message in the owner's words to the people who write to them: there is a new address (N31).

Each gets one of their own, so that nobody learns of the others.  A job sends them in portions that stay far below what the
account may send, and below the number of refusals that would look like a stolen password.
"""

import asyncio
from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState, Correspondent, Envelope
from mailcore.errors import AccountNotFound, MailError, NotAllowed, OverQuota
from mailcore.log import log_for
from mailcore.mail.reading.lines import one_line
from mailcore.saying import Saying
from mailcore.services.delivery import sending_limits, submission
from mailcore.services.webmail import address_book, compose, mail_actions
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.compose import Draft
from mailcore.services.webmail.message_content import phrase
from mailcore.store.engine.db import Tx
from mailcore.store.people import moving_day as store
from mailcore.store.people.accounts import get_account
from mailcore.store.site import rates

log = log_for(__name__)
MAX_SUBJECT, MAX_TEXT, MAX_CHOSEN = 200, 5000, 5000
HOUR = 3600
ACCOUNTS_AT_ONCE = 20


def read_letter(core: Core, account: AccountId) -> tuple[str, str]:
    """Return subject and text; "" where none was written."""
    plan = core.db.read(lambda tx: store.read_plan(tx, account))
    return plan.subject, plan.letter


def choose_people(core: Core, account: AccountId, addresses: Sequence[str], subject: str, text: str) -> int:
    """Save the message, and let these people have it; returns how many they are.

    Raises:
        NotAllowed: it has no subject or no text.
        SendingHeld, AccountAsleep.
    """
    subject, text = one_line(subject).strip()[:MAX_SUBJECT], text.replace("\r\n", "\n").strip()[:MAX_TEXT]
    if not subject or not text:
        raise NotAllowed(Saying("Write a subject and a text first."))

    def write(tx: Tx) -> int:
        sending_limits.check(tx, account)
        store.save_letter(tx, account, subject, text)
        return store.choose_people(tx, account, addresses[:MAX_CHOSEN], core.clock.seconds())

    return core.db.write(write)


def stop_sending(core: Core, account: AccountId) -> int:
    """Take back what has not been sent; returns how many."""
    return core.db.write(lambda tx: store.unchoose_people(tx, account))


def send_portions(core: Core) -> int:
    """Send a portion for everybody who has people waiting, as a job; returns how many messages were sent."""
    accounts = core.db.read(lambda tx: store.list_writers(tx, ACCOUNTS_AT_ONCE))
    return sum(_send_portion(core, account) for account in accounts)


def _send_portion(core: Core, account_id: AccountId) -> int:
    """Send what the hour still allows; all of it waits for the next turn where something stands in the way."""
    limit = min(core.config.limits.moving_messages_per_hour, core.config.limits.submissions_per_hour // 2)
    now = core.clock.seconds()

    def read(tx: Tx) -> tuple[Account, int, list[Correspondent]]:
        # what the owner sends by hand goes first: the portion keeps to the half that is left
        left = min(
            limit - rates.count_in_window(tx, f"moving {account_id}", HOUR, now),
            core.config.limits.submissions_per_hour // 2 - rates.count_in_window(tx, f"send {account_id}", HOUR, now),
        )
        return get_account(tx, account_id), left, store.list_chosen(tx, account_id, max(0, left))

    account, _left, people = core.db.read(read)
    if account.state is not AccountState.ACTIVE:
        core.db.write(lambda tx: store.unchoose_people(tx, account_id))
        return 0
    sent = 0
    author = address_book.identities(core, account_id, account.display_name, account.address(core.config.domain))[0]
    letter = read_letter(core, account_id)
    is_first = not core.db.read(lambda tx: store.count_people(tx, account_id)).get("sent")
    for person in people:
        try:
            _send_one(core, account, author, letter, person, is_first=is_first)
        except MailError as problem:
            if problem.temporary or isinstance(problem, AccountNotFound) or _may_not_send(core, account_id):
                log.info("messages of account %d about a move wait: %s", account_id, type(problem).__name__)
                break
            core.db.write(lambda tx, person=person: store.save_state(tx, account_id, person.address, "failed", now))  # type: ignore[misc]  # a default in a lambda
        else:
            sent += 1
            is_first = False
    return sent


def _may_not_send(core: Core, account: AccountId) -> bool:
    return core.db.read(lambda tx: sending_limits.find_bar(tx, account)) is not None


def _send_one(
    core: Core, account: Account, author: WriterName, letter: tuple[str, str], person: Correspondent, *, is_first: bool
) -> None:
    """Send the letter to one person; the first one leaves a copy in Sent, which tells what they all say."""
    subject, text = letter
    to = f"{phrase(person.name)} <{person.address}>" if person.name else person.address
    draft = Draft(to=to, subject=subject, body=text)
    [(_name, recipient)] = compose.people(draft)
    built = compose.build(core, draft, (), name=author.name, own=author.address, reply_to=author.reply_to)

    def also(tx: Tx) -> None:
        now = core.clock.seconds()
        rates.count_if_allowed(tx, f"moving {account.id}", 1, MAX_CHOSEN, HOUR, now)
        store.save_state(tx, account.id, person.address, "sent", now)
        if not is_first:
            return
        box = mail_actions.get_special_mailbox(core, tx, account.id, "\\Sent")
        try:
            core.mail.append(tx, account.id, box.id, built.prepared, frozenset({"\\Seen"}), core.clock.now())
        except OverQuota:
            log.info("no room for account %d's copy", account.id)

    envelope = Envelope(author.address, (recipient,), "", "moving", account.id)
    asyncio.run(submission.send(core, envelope, account, built.prepared, also))
