"""The receiving end of a forwarding: it may say stop at any time, and say yes again once a year (N1)."""

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
from mailcore.store.delivery import deliveries
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import forwardings as store
from mailcore.store.forwarding.settings import get_forwarding, save_forwarding
from mailcore.store.people.accounts import get_account

YEAR_SECONDS, ANSWER_SECONDS = 365 * 86_400, 30 * 86_400
BATCH = 500  # forwardings in one turn of the job
LETTERS_A_DAY = 2  # to one address, asked for on the page


def words_of(core: Core, owner: Account, target: str) -> dict[str, str]:
    return {
        "display_name": owner.display_name or owner.name,
        "address": f"{owner.name}@{core.config.domain}",
        "target": target,
    }


# Stop


def stop_link(core: Core, tx: Tx, account: AccountId, target: str) -> str:
    """Return the link for whoever reads at the target; it is valid as long as mail is forwarded there."""
    return f"{core.config.url}/forwarding/stop/{account}-{_token(tx, account, target)}"


def _token(tx: Tx, account: AccountId, target: str) -> str:
    return srs.token(deliveries.secret(tx, "forwarding stop"), str(account).encode(), target.lower().encode())


def _by_stop_word(tx: Tx, word: str) -> tuple[Account, Forwarding]:
    number, _, token = word.partition("-")
    found = Forwarding()
    if number.isascii() and number.isdigit() and len(number) < 12:
        found = get_forwarding(tx, AccountId(int(number)))
    if found.state is ForwardingState.OFF or not found.target:
        raise LinkExpired("nothing is forwarded to that address any more")
    right = _token(tx, AccountId(int(number)), found.target)
    if not secrets.compare_digest(right.encode(), token.lower().encode("utf-8", "replace")):
        raise LinkExpired("the link is not one of ours")
    return get_account(tx, AccountId(int(number))), found


def stop_by_target(core: Core, word: str) -> None:
    """Stop a forwarding for its target, and notify the owner.  Raises LinkExpired.

    Args:
        word: the last part of the link.
    """

    def write(tx: Tx) -> None:
        owner, found = _by_stop_word(tx, word)
        save_forwarding(tx, owner.id, dataclasses.replace(found, state=ForwardingState.OFF, confirmed_at=None))
        store.forget_question(tx, owner.id)
        filters.regenerate(core, tx, owner.id)
        deliveries.remember_answer(
            tx, owner.id, Event.FORWARDING_STOPPED_BY_TARGET, found.target.lower(), core.clock.seconds()
        )
        audit.note(core, tx, owner.id, Event.FORWARDING_STOPPED_BY_TARGET, detail=found.target)
        tell_owner(core, tx, owner, "forwarding_stopped", found.target)

    core.db.write(write)


def send_stop_links(core: Core, address: str, *, peer: str = "") -> None:
    """Whoever reads at `address` gets the links of what is forwarded there, by mail; nobody learns if there are any.

    Raises:
        TooMany: too much was asked for from this place (which says nothing of any address).
    """
    core.db.write(lambda tx: mail_limits.count_mail(core, tx, Cause(None, peer), ""))
    address = address.strip()

    def write(tx: Tx) -> None:
        now, nobody = core.clock.seconds(), AccountId(0)
        accounts = store.leading_to(tx, address)
        for number in range(LETTERS_A_DAY):
            if accounts and not deliveries.was_answered(
                tx, nobody, f"stop links {number}", address.lower(), now - 86_400
            ):
                deliveries.remember_answer(tx, nobody, f"stop links {number}", address.lower(), now)
                break
        else:
            return
        for account in accounts[:10]:
            owner, found = get_account(tx, account), get_forwarding(tx, account)
            link = stop_link(core, tx, account, found.target)
            letter = notices.prepare(
                core,
                "forwarding_stop_link",
                owner.language,
                found.target,
                link=link,
                **words_of(core, owner, found.target),
            )
            notices.queue(core, tx, letter, found.target, account)

    core.db.write(write)


def tell_owner(core: Core, tx: Tx, owner: Account, name: str, target: str, **more: str) -> None:
    """Notify the owner in the mailbox and at the contact address, unless that is where the trouble is."""
    words = words_of(core, owner, target) | more
    account_notices.deliver_to_inbox(core, tx, owner, name, **words)
    if owner.contact.lower() != target.lower():
        account_notices.send_to_contacts(core, tx, owner, name, **words)


# Once a year


def ask_yearly(core: Core) -> None:
    """The job: a target that said yes a year ago is asked again; who does not answer in thirty days gets no more."""
    now = core.clock.seconds()
    for account in core.db.read(lambda tx: store.to_ask(tx, now - YEAR_SECONDS, BATCH)):
        core.db.write(partial(_ask, core, account=account, now=now))
    for account in core.db.read(lambda tx: store.unanswered(tx, now - ANSWER_SECONDS, BATCH)):
        core.db.write(partial(_end, core, account=account))


def _ask(core: Core, tx: Tx, account: AccountId, now: int) -> None:
    owner, found = get_account(tx, account), get_forwarding(tx, account)
    token = secrets.token_urlsafe(24)
    store.put_question(tx, account, hashlib.sha256(token.encode()).hexdigest(), found.target, now)
    letter = notices.prepare(
        core,
        "forwarding_again",
        owner.language,
        found.target,
        link=f"{core.config.url}/forwarding/confirm/{token}",
        stop=stop_link(core, tx, account, found.target),
        **words_of(core, owner, found.target),
    )
    notices.queue(core, tx, letter, found.target, account)
    audit.note(core, tx, account, Event.FORWARDING_YEARLY, detail=found.target)


def _end(core: Core, tx: Tx, account: AccountId) -> None:
    owner, found = get_account(tx, account), get_forwarding(tx, account)
    store.forget_question(tx, account)
    if found.state not in (ForwardingState.HEALTHY, ForwardingState.FAILING):
        return
    save_forwarding(tx, account, dataclasses.replace(found, state=ForwardingState.UNCONFIRMED, confirmed_at=None))
    filters.regenerate(core, tx, account)
    audit.note(core, tx, account, Event.FORWARDING_UNANSWERED, detail=found.target)
    tell_owner(core, tx, owner, "forwarding_unanswered", found.target)
