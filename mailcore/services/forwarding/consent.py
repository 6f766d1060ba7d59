"""The target's consent to a forwarding: it may stop it at any time, and is asked again once a year (N1)."""

import dataclasses
import hashlib
import secrets
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Forwarding, ForwardingState
from mailcore.errors import LinkExpired
from mailcore.mail.passing import srs
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits import mail_limits
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.notices import account_notices, notices
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery.vacation_memory import save_answer, was_answered
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.questions import (
    delete_question,
    list_leading_to,
    list_to_ask,
    list_unanswered,
    save_question,
)
from mailcore.store.forwarding.settings import get_forwarding, save_forwarding
from mailcore.store.people.accounts import get_account
from mailcore.store.site.secrets import get_secret

YEAR_SECONDS, ANSWER_SECONDS = 365 * 86_400, 30 * 86_400
BATCH = 500  # forwardings in one turn of the job
LETTERS_A_DAY = 2  # to one address, asked for on the page


def notice_values(core: Core, owner: Account, target: str) -> dict[str, str]:
    """Return the values that the notices about a forwarding have in common."""
    return {
        "display_name": owner.display_name or owner.name,
        "address": owner.address(core.config.domain),
        "target": target,
    }


# Stop


def make_stop_link(core: Core, tx: Tx, account: AccountId, target: str) -> str:
    """Return the link for whoever reads at the target; it is valid as long as mail is forwarded there."""
    return f"{core.config.url}/forwarding/stop/{account}-{_make_stop_token(tx, account, target)}"


def _make_stop_token(tx: Tx, account: AccountId, target: str) -> str:
    return srs.token(get_secret(tx, "forwarding stop"), str(account).encode(), target.lower().encode())


def _find_by_stop_word(tx: Tx, word: str) -> tuple[Account, Forwarding]:
    number, _, token = word.partition("-")
    forwarding = Forwarding()
    if number.isascii() and number.isdigit() and len(number) < 12:
        forwarding = get_forwarding(tx, AccountId(int(number)))
    if forwarding.state is ForwardingState.OFF or not forwarding.target:
        raise LinkExpired("nothing is forwarded to that address any more")
    expected = _make_stop_token(tx, AccountId(int(number)), forwarding.target)
    if not secrets.compare_digest(expected.encode(), token.lower().encode("utf-8", "replace")):
        raise LinkExpired("the link is not one of ours")
    return get_account(tx, AccountId(int(number))), forwarding


def stop_by_target(core: Core, word: str) -> None:
    """Stop a forwarding for its target, and notify the owner.  Raises LinkExpired.

    Args:
        word: the last part of the link.
    """

    def write(tx: Tx) -> None:
        owner, forwarding = _find_by_stop_word(tx, word)
        save_forwarding(tx, owner.id, dataclasses.replace(forwarding, state=ForwardingState.OFF, confirmed_at=None))
        delete_question(tx, owner.id)
        filters.regenerate(core, tx, owner.id)
        save_answer(tx, owner.id, Event.FORWARDING_STOPPED_BY_TARGET, forwarding.target.lower(), core.clock.seconds())
        audit.note(core, tx, owner.id, Event.FORWARDING_STOPPED_BY_TARGET, detail=forwarding.target)
        notify_owner(core, tx, owner, "forwarding_stopped", forwarding.target)

    core.db.write(write)


def send_stop_links(core: Core, address: str, *, peer: str = "") -> None:
    """Mail to `address` the stop links of what is forwarded there; the page does not say if there are any.

    Raises:
        TooMany: too many requests from this peer (which says nothing of any address).
    """
    core.db.write(lambda tx: mail_limits.count_mail(core, tx, Cause(None, peer), ""))
    address = address.strip()

    def write(tx: Tx) -> None:
        now, nobody = core.clock.seconds(), AccountId(0)
        accounts = list_leading_to(tx, address)
        for number in range(LETTERS_A_DAY):
            if accounts and not was_answered(tx, nobody, f"stop links {number}", address.lower(), now - 86_400):
                save_answer(tx, nobody, f"stop links {number}", address.lower(), now)
                break
        else:
            return
        for account in accounts[:10]:
            owner, forwarding = get_account(tx, account), get_forwarding(tx, account)
            link = make_stop_link(core, tx, account, forwarding.target)
            letter = notices.prepare(
                core,
                "forwarding_stop_link",
                owner.language,
                forwarding.target,
                link=link,
                **notice_values(core, owner, forwarding.target),
            )
            notices.queue(core, tx, letter, forwarding.target, account)

    core.db.write(write)


def notify_owner(core: Core, tx: Tx, owner: Account, name: str, target: str, **more: str) -> None:
    """Notify the owner in the mailbox and at the contact address, unless that is where the trouble is."""
    words = notice_values(core, owner, target) | more
    account_notices.deliver_to_inbox(core, tx, owner, name, **words)
    if owner.contact.lower() != target.lower():
        account_notices.send_to_contacts(core, tx, owner, name, **words)


# Once a year


def ask_yearly(core: Core) -> None:
    """Ask each target that agreed a year ago again, and suspend what was not answered within thirty days; a job."""
    now = core.clock.seconds()
    for account in core.db.read(lambda tx: list_to_ask(tx, now - YEAR_SECONDS, BATCH)):
        core.db.write(partial(_send_yearly_question, core, account=account, now=now))
    for account in core.db.read(lambda tx: list_unanswered(tx, now - ANSWER_SECONDS, BATCH)):
        core.db.write(partial(_suspend_unanswered, core, account=account))


def _send_yearly_question(core: Core, tx: Tx, account: AccountId, now: int) -> None:
    owner, forwarding = get_account(tx, account), get_forwarding(tx, account)
    token = secrets.token_urlsafe(24)
    save_question(tx, account, hashlib.sha256(token.encode()).hexdigest(), forwarding.target, now)
    letter = notices.prepare(
        core,
        "forwarding_again",
        owner.language,
        forwarding.target,
        link=f"{core.config.url}/forwarding/confirm/{token}",
        stop=make_stop_link(core, tx, account, forwarding.target),
        **notice_values(core, owner, forwarding.target),
    )
    notices.queue(core, tx, letter, forwarding.target, account)
    audit.note(core, tx, account, Event.FORWARDING_YEARLY, detail=forwarding.target)


def _suspend_unanswered(core: Core, tx: Tx, account: AccountId) -> None:
    owner, forwarding = get_account(tx, account), get_forwarding(tx, account)
    delete_question(tx, account)
    if forwarding.state not in (ForwardingState.HEALTHY, ForwardingState.FAILING):
        return
    save_forwarding(tx, account, dataclasses.replace(forwarding, state=ForwardingState.UNCONFIRMED, confirmed_at=None))
    filters.regenerate(core, tx, account)
    audit.note(core, tx, account, Event.FORWARDING_UNANSWERED, detail=forwarding.target)
    notify_owner(core, tx, owner, "forwarding_unanswered", forwarding.target)
