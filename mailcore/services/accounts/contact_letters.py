"""The letter that each confirmed contact address has twice a year, to find out whether it is still there.

Its envelope sender is an address of ours for this letter alone (services/forwarding/bounces.py), so that servers which take mail
first and send a report afterwards are heard, too.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading.returned import Returned
from mailcore.services.credentials import contact_checks
from mailcore.services.forwarding import bounces
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.bounces import Return
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people import contact_addresses as store
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import enqueue_mail

EVERY_SECONDS = 182 * 86_400
AT_ONCE, MOST = 100, 2000  # in one transaction, and in one turn of the job


def ask_addresses(core: Core) -> int:
    """Write to confirmed addresses that were neither confirmed nor asked for half a year; a job.  Returns how many."""
    now, count = core.clock.seconds(), 0
    while count < MOST:
        due = core.db.read(lambda tx: store.list_unasked(tx, now - EVERY_SECONDS, AT_ONCE))
        if not due:
            break
        core.db.write(lambda tx: _ask(core, tx, due, now))  # noqa: B023 - runs at once
        count += len(due)
    return count


def _ask(core: Core, tx: Tx, due: list[tuple[AccountId, str]], now: int) -> None:
    for account, address in due:
        if not store.save_asked(tx, account, address, now):
            continue
        owner, author = get_account(tx, account), notices.sender_address(core)
        words = {"display_name": owner.display_name or owner.name, "user": owner.name}
        letter = notices.prepare(core, "contact_check", owner.language, address, **words)
        sender = bounces.make_return_address(
            core, tx, account, sender=author, target=address, content=letter.name, now=now
        )
        enqueue_mail(
            tx,
            core.blobs,
            sender=sender,
            recipients=[address],
            prepared=letter,
            prefix=b"",
            account=account,
            origin="notice",
            now=now,
        )


def take_report(core: Core, tx: Tx, returned: Return, report: Returned) -> bool:
    """Take a report on such a letter; False: it is about other mail."""
    is_letter = returned.sender == notices.sender_address(core)
    if not is_letter or returned.target.lower() == get_forwarding(tx, returned.account).target.lower():
        return False  # a test message of the owner's to where mail is forwarded
    if report.action == "failed" and contact_checks.says_no_mailbox(report.status):
        contact_checks.record_unknown(core, tx, returned.account, returned.target)
    return True
