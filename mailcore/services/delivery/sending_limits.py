"""Sending limits of an account, and the alarm when it behaves as if somebody else had its password.

Counted in recipients, over all processes.  Suspicious is: to go on and on above the limit, to send from many places at once, to
send what our filter calls spam, or to be refused by many recipients.  Then nothing of the account is sent any more, queued
mail is held, its owner is notified in the mailbox and at the contact address, and the desk has a ticket.
"""

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import AccountAsleep, MailError, SendingHeld, TooMany
from mailcore.log import log_for
from mailcore.net.address import place
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import Event
from mailcore.services.limits import tries
from mailcore.services.notices import account_notices
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.people import sending as store
from mailcore.store.people.accounts import get_account
from mailcore.store.site import rates

log = log_for(__name__)
HOUR = 3600
TRIES_ABOVE = 5  # messages refused for the limit within an hour
SPAM = 20  # recipients of what looks like spam within an hour
KIBIBYTES_A_DAY = 5 * 2**20  # of messages that wait in the queue, on the disk and in nobody's quota
REFUSALS = 50  # recipients that other servers refused for good within an hour


def check(tx: Tx, account: AccountId) -> None:
    """Raises SendingHeld, AccountAsleep."""
    if bar := find_bar(tx, account):
        raise bar


def find_bar(tx: Tx, account: AccountId) -> SendingHeld | None:
    """Find what keeps the account from sending anything at all."""
    reason, is_asleep = store.find_bar(tx, account)
    if reason:
        return SendingHeld("sending is on hold")
    return AccountAsleep("the account sleeps") if is_asleep else None


def count(
    core: Core, tx: Tx, account: Account, peer: str, recipients: int, *, queued_octets: int = 0
) -> MailError | None:
    """Count a message, or say why it may not be sent.  A value and not raised, as what is counted must be kept."""
    if bar := find_bar(tx, account.id):
        return bar
    limits, now = core.config.limits, core.clock.seconds()
    if limits.is_trusted(peer):
        return None
    is_new = bool(peer) and rates.count_if_allowed(tx, f"from {account.id} {place(peer)}", 1, 1, HOUR, now)
    if is_new and not rates.count_if_allowed(tx, f"places {account.id}", 1, limits.sending_places, HOUR, now):
        hold(core, tx, account, f"it sent from more than {limits.sending_places} places within an hour")
        return SendingHeld("sending is on hold")
    kibibytes = -(-queued_octets // 2**10)
    if kibibytes and not rates.count_if_allowed(tx, f"octets {account.id}", kibibytes, KIBIBYTES_A_DAY, tries.DAY, now):
        return TooMany("octets within a day")
    if rates.count_if_allowed(tx, f"send {account.id}", recipients, limits.submissions_per_hour, HOUR, now):
        return None
    if not rates.count_if_allowed(tx, f"above {account.id}", 1, TRIES_ABOVE, HOUR, now):
        hold(core, tx, account, f"it went on above {limits.submissions_per_hour} recipients an hour")
        return SendingHeld("sending is on hold")
    return TooMany("recipients within an hour")


def count_spam(core: Core, tx: Tx, account: Account, recipients: int) -> MailError | None:
    """Count recipients of what looks like spam; whoever goes on does not write it themselves, as a rule."""
    # one letter to many may be an invitation that reads like an advertisement
    if rates.count_if_allowed(tx, f"spam {account.id}", min(recipients, SPAM), SPAM, HOUR, core.clock.seconds()):
        return None
    hold(core, tx, account, f"it sent what looks like spam to more than {SPAM} recipients within an hour")
    return SendingHeld("sending is on hold")


def was_refused(core: Core, tx: Tx, account: AccountId) -> None:
    """Another server refused a recipient for good."""
    if not rates.count_if_allowed(tx, f"refused {account}", 1, REFUSALS, HOUR, core.clock.seconds()):
        hold(core, tx, get_account(tx, account), f"more than {REFUSALS} recipients were refused within an hour")


def why_held(core: Core, account: AccountId) -> str:
    """Return why the account may not send, or ""."""
    return core.db.read(lambda tx: store.get_reason(tx, account))


def hold(core: Core, tx: Tx, account: Account, why: str, *, actor: str = "service") -> None:
    """Stop the account's sending and notify everybody who must know; once."""
    if store.get_reason(tx, account.id):
        return
    waiting = store.hold_sending(tx, account.id, why, core.clock.seconds())
    log.warning("sending of account %d is on hold: %s", account.id, why)
    audit.note(core, tx, account.id, Event.SENDING_HELD, actor=actor, detail=why)
    words = {"display_name": account.display_name or account.name, "address": account.address(core.config.domain)}
    account_notices.deliver_to_inbox(core, tx, account, "sending_held", **words)
    account_notices.send_to_contacts(core, tx, account, "sending_held", **words)
    tickets.open_ticket(
        core,
        tx,
        kind="abuse",
        subject=f"Sending of {account.name} is on hold",
        reply_to="",
        account=account.id,
        notify=False,
        text=f"The account {account.name} behaves as if somebody else had its password: {why}. {waiting} messages wait in the"
        f" queue. When its owner has a new password: alumnimail user release {account.name} [--drop]",
    )


def release(core: Core, name: str, *, drop: bool, actor: str) -> tuple[Account, int]:
    """Let an account send again; what was held goes on, or is forgotten.  Raises AccountNotFound."""
    account = accounts.find_account(core, name)

    def write(tx: Tx) -> int:
        count = store.delete_held(tx, account.id) if drop else 0
        count = store.release_sending(tx, account.id, core.clock.seconds()) or count
        for key in ("send", "above", "places", "refused", "spam", "octets"):
            rates.delete_rate(tx, f"{key} {account.id}")
        audit.note(core, tx, account.id, Event.SENDING_RELEASED, actor=actor, detail="dropped" if drop else "")
        return count

    return account, core.db.write(write)
