"""Lists know their mail: what orders other than by date need is learned in portions, so that no write is long.

A list that asks brings itself up to date; a job does it beforehand for mailboxes where that would take seconds.
"""

from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.errors import MailboxNotFound
from mailcore.store.engine.db import Tx
from mailcore.store.engine.portions import Portion, find_portion, save_portion
from mailcore.store.webmail import lines as store
from mailcore.store.webmail.lines import Heading

LEARN = 2000  # messages learned in one write
MANY = 2000  # new messages that a job learns before anybody asks
MAILBOXES = 20  # that one turn of the job looks after
_WALK = "busy_lists"


def update_list(core: Core, account: AccountId, name: str) -> None:
    """Add messages that came and remove those that went since the list was last asked for.  Raises MailboxNotFound."""

    def look(tx: Tx) -> tuple[Mailbox, list[Heading]] | None:
        box = core.mail.mailbox(tx, account, name)
        return (box, store.list_unknown(tx, box, LEARN)) if store.is_behind(tx, box) else None

    while found := core.db.read(look):
        box, headings = found

        def write(tx: Tx, box: Mailbox = box, headings: list[Heading] = headings) -> None:
            store.save_lines(tx, box, headings, all_known=len(headings) < LEARN)

        core.db.write(write)


def update_list_if_short(core: Core, account: AccountId, name: str) -> None:
    """Learn what came where that costs one short write, for what is shown beside a message; else it waits for a list."""

    def look(tx: Tx) -> bool:
        box = core.mail.mailbox(tx, account, name)
        return 0 < len(store.list_unknown(tx, box, LEARN // 4)) < LEARN // 4

    if core.db.read(look):
        update_list(core, account, name)


def update_busy_lists(core: Core) -> int:
    """Look after mailboxes into which much came, by a move from elsewhere for example, as a job; return their number."""

    def look(tx: Tx) -> tuple[list[tuple[AccountId, str]], Portion]:
        portion = find_portion(tx, "mailbox", _WALK)
        return store.list_far_behind(tx, MANY, portion, MAILBOXES), portion

    found, portion = core.db.read(look)
    for account, name in found:
        try:
            update_list(core, account, name)
        except MailboxNotFound:  # gone meanwhile
            continue
    if len(found) < MAILBOXES and not portion.is_whole:
        core.db.write(partial(save_portion, portion=portion))
    return len(found)


def sweep_lists(core: Core) -> None:
    """Delete what was saved for mailboxes and accounts that no longer exist; a job."""
    mailboxes, accounts = core.db.read(store.list_orphans)
    for mailbox in mailboxes:
        core.db.write(partial(store.delete_lines, mailbox=mailbox))
    for account in accounts:
        core.db.write(partial(store.delete_threads, account=account))
