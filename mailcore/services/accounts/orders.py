"""Requests for an account (S03, S06).

Who is proved by a log-in elsewhere and belongs to the university, now or before, has an account at once.  Others write to
the desk: nothing is created before an agent approves, and an order that nobody decides is erased after thirty days.  Until
its contact address has answered, an order holds its name for an hour, and few from one place do.
"""

import contextlib
import hashlib
import secrets
from dataclasses import replace

from mailcore.core import Core
from mailcore.domain import Account, AccountState, Order, OrderState, Proven
from mailcore.errors import NotAllowed, NotEligible, OrderNotFound, TooMany
from mailcore.net.address import place as place_of
from mailcore.services import audit
from mailcore.services.accounts import accounts, sunset, user_names
from mailcore.services.audit import Event
from mailcore.services.credentials import contact_addresses, credentials
from mailcore.services.limits import keys, mail_limits, tries
from mailcore.services.limits.links import hash_token
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.notices import notices
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.people import orders as store
from mailcore.store.people.accounts import find_account_of_person, get_account

TERMS = "2026-1"  # the version that is accepted and stored
EXPIRE_SECONDS = 30 * 86_400
UNCONFIRMED_SECONDS = 3 * 86_400  # within which the contact address must answer
PER_CONTACT = 3  # orders within a day
OPEN_PER_PLACE = 5  # that hold a name and are not confirmed


# With a log-in elsewhere: at once


def check_eligible(core: Core, proven: Proven) -> None:
    """Check that the person has a tie that gives an account.  Raises NotEligible; the text names the ties."""
    wanted = {kind.lower() for kind in core.config.order.affiliations}
    if not proven.person:
        raise NotEligible("the university does not know this person by that log-in")
    if not wanted & {kind.lower() for kind in proven.kinds}:
        raise NotEligible(", ".join(proven.kinds) or "no affiliation")


def find_account_of(core: Core, proven: Proven) -> Account | None:
    """Find the account that the person has already."""

    def read(tx: Tx) -> Account | None:
        account = find_account_of_person(tx, proven.person) if proven.person else None
        if account is None and proven.mark and (linked := store.find_linked(tx, proven.source, proven.mark)):
            account = get_account(tx, linked)
        return account if account and account.state == AccountState.ACTIVE else None

    return core.db.read(read)


def propose_names(core: Core, proven: Proven) -> list[str]:
    """List user names that are free, for the form."""
    return core.db.read(lambda tx: user_names.propose_names(core, tx, proven.login, proven.display_name, proven.person))


def create_at_once(
    core: Core, proven: Proven, *, name: str, contact: str, language: str, terms: bool, key: str, peer: str = ""
) -> tuple[Order, Account]:
    """Create the account of somebody who has just proved who they are; the same `key` again gives the same account.

    Raises:
        NotAllowed: the terms were not accepted, or the service ends.
        NotEligible: no tie to the university that counts.
        InvalidName: the name or the contact address cannot be used.
        AccountExists: the name cannot be had, or the person has an account.
    """
    if not terms:
        raise NotAllowed("the terms must be accepted")
    sunset.check_open(core)
    contact, key = contact_addresses.check_address(core, contact), _own_key(key, proven.source, proven.person)
    language = language if language in notices.LANGUAGES else "nb"

    def write(tx: Tx) -> tuple[Order, Account, bool]:
        before = store.find_order_by_key(tx, key)
        if before is not None and before.account is not None and before.person == proven.person:
            return before, get_account(tx, before.account), False
        check_eligible(core, proven)
        wanted = user_names.check_name(core, tx, name, person=proven.person)
        new_account = accounts.NewAccount(
            accounts.check_name(wanted), proven.display_name, proven.person, contact=contact, language=language
        )
        account = accounts.create_account(core, tx, new_account)
        now = core.clock.seconds()
        order = store.add_order(
            tx,
            key,
            name=wanted,
            display_name=proven.display_name,
            contact=contact,
            affiliation=", ".join(proven.kinds),
            language=language,
            terms=TERMS,
            person=proven.person,
            proof=proven.source,
            token="",
            now=now,
        )
        store.save_decision(tx, order.id, OrderState.APPROVED, account.id, now)
        if proven.mark:
            store.save_link(tx, account.id, proven.source, proven.mark, now)
        audit.note(core, tx, account.id, Event.ORDERED, detail=f"{proven.source}, terms {TERMS}")
        return _get_order(tx, order.id), account, True

    order, account, is_new = core.db.write(write)
    if is_new:
        with contextlib.suppress(TooMany):  # the account is there, and its page sends the link again
            contact_addresses.request_verification(core, account.id, contact, notice="order_ready", peer=peer)
    return order, account


def _own_key(key: str, *whose: str) -> str:
    """Combine a form's key with whose form it was, so that somebody else's key gives an order of its own."""
    return hashlib.sha256("\0".join((key, *whose)).encode("utf-8", "replace")).hexdigest()


# Without: the desk decides


def submit_order(
    core: Core,
    *,
    name: str,
    display_name: str,
    contact: str,
    affiliation: str,
    language: str,
    terms: bool,
    key: str,
    peer: str = "",
    proven: Proven | None = None,
) -> Order:
    """Submit an order; the same `key` again gives the same order.

    Args:
        proven: the result of a log-in elsewhere, for somebody whom the university does not know by it.

    Raises:
        NotAllowed: the terms were not accepted, or the service ends.
        InvalidName, AccountExists: the name or the contact address cannot be used.
        TooMany: too many orders from this place, or for this contact.
    """
    if not terms:
        raise NotAllowed("the terms must be accepted")
    sunset.check_open(core)
    contact = contact_addresses.check_address(core, contact)
    language = language if language in notices.LANGUAGES else "nb"
    token = secrets.token_urlsafe(24)
    key = _own_key(key, name, contact)
    if (before := core.db.read(lambda tx: store.find_order_by_key(tx, key))) is not None:
        return before
    place = _hash_place(core, peer)

    def write(tx: Tx) -> Order:
        before = store.find_order_by_key(tx, key)
        if before is not None:
            return before
        wanted = user_names.check_name(core, tx, name)
        now = core.clock.seconds()
        if place and store.count_unconfirmed(tx, place, now - user_names.HELD_SECONDS) >= OPEN_PER_PLACE:
            raise TooMany("too many orders that wait for their confirmation")
        if peer and tries.is_over_limit(
            core, tx, "order for", mail_limits.canonical_address(contact), limit=PER_CONTACT, seconds=tries.DAY
        ):
            raise TooMany("too many orders for this address")
        mail_limits.count_mail(core, tx, Cause(None, peer), contact)
        order = store.add_order(
            tx,
            key,
            name=wanted,
            display_name=display_name.strip()[:200],
            contact=contact,
            affiliation=affiliation.strip()[:2000],
            language=language,
            terms=TERMS,
            person=proven.person if proven else "",
            proof=f"{proven.source} {proven.mark}" if proven else "",
            token=hash_token(token),
            now=now,
            place=place,
        )
        prepared = notices.prepare(
            core, "order_received", order.language, order.contact, link=_format_link(core, token)
        )
        notices.queue(core, tx, prepared, order.contact, None)
        return order

    return core.db.write(write)


def _hash_place(core: Core, peer: str) -> str:
    """Return a hash of the network place, "" where orders are not counted."""
    if not peer or core.config.limits.is_trusted(peer):
        return ""
    return keys.compute_hmac(core.config, "tries", f"order\0{place_of(peer)}").hex()


def _format_link(core: Core, token: str) -> str:
    return f"{core.config.url}/order/status/{token}"


def _notify(core: Core, tx: Tx, order: Order, notice: str, **words: str) -> None:
    name = order.display_name if order.confirmed else ""  # else it may be anybody's words
    prepared = notices.prepare(
        core, notice, order.language, order.contact, display_name=name or order.name, user=order.name, **words
    )
    notices.queue(core, tx, prepared, order.contact, None)


def _get_order(tx: Tx, order: int) -> Order:
    saved = store.find_order(tx, order)
    if saved is None:
        raise OrderNotFound(f"there is no order {order}")
    return saved


def get_order(core: Core, order: int) -> Order:
    """Get an order by number.  Raises OrderNotFound."""
    return core.db.read(lambda tx: _get_order(tx, order))


def list_orders(core: Core, *states: OrderState) -> list[Order]:
    """List the orders in any of `states`, of all states when none is named; oldest first."""
    return core.db.read(lambda tx: store.list_orders(tx, states or tuple(OrderState)))


def _find_by_token(tx: Tx, token: str) -> Order:
    saved = store.find_order_by_token(tx, hash_token(token))
    if saved is None:
        raise OrderNotFound("there is no such order, or it is decided")
    return saved


def find_by_token(core: Core, token: str) -> Order:
    """Find an order for the person who has the link.  Raises OrderNotFound."""
    return core.db.read(lambda tx: _find_by_token(tx, token))


def confirm_order(core: Core, token: str) -> Order:
    """Confirm the contact address of an order; the desk gets a case to talk in.

    Raises:
        OrderNotFound.
        AccountExists: it took long, and the name is another's by now.
    """

    def write(tx: Tx) -> Order:
        order = _find_by_token(tx, token)
        _confirm_order(core, tx, order)
        return _get_order(tx, order.id)

    return core.db.write(write)


def _confirm_order(core: Core, tx: Tx, order: Order) -> None:
    if order.confirmed:
        return
    if order.created_at.timestamp() <= core.clock.seconds() - user_names.HELD_SECONDS:
        user_names.check_name(core, tx, order.name, order=order.id)
    store.save_confirmation(tx, order.id)
    tickets.open_ticket(
        core,
        tx,
        kind="order",
        subject=f"{order.name}@{core.config.domain}",
        text=order.affiliation or "-",
        reply_to=order.contact,
        language=order.language,
        name=order.display_name,
        notify=False,
    )


def answer_question(core: Core, token: str, *, name: str, more: str) -> Order:
    """Save another name, or more about the person; the order goes back to the desk.

    Raises:
        OrderNotFound, InvalidName, AccountExists.
    """

    def write(tx: Tx) -> Order:
        order = _find_by_token(tx, token)
        wanted = (
            user_names.check_name(core, tx, name, order=order.id) if name.strip().lower() != order.name else order.name
        )
        text = "\n\n".join(part for part in (order.affiliation, more.strip()[:2000]) if part)[:6000]
        store.save_change(tx, order.id, name=wanted, affiliation=text)
        _confirm_order(core, tx, replace(order, name=wanted, affiliation=text))
        store.save_state(tx, order.id, OrderState.SUBMITTED)
        return _get_order(tx, order.id)

    return core.db.write(write)


def ask_for_proof(core: Core, order: int, question: str, *, actor: str = "") -> Order:
    """Ask the person who they are; mailed with a link to answer by.  Raises OrderNotFound."""
    token = secrets.token_urlsafe(24)

    def write(tx: Tx) -> Order:
        current = _get_order(tx, order)
        if not store.save_state(tx, order, OrderState.AWAITING_PROOF):
            raise OrderNotFound(f"order {order} is {current.state}")
        store.save_token(tx, order, hash_token(token))
        _notify(
            core, tx, current, "order_proof", link=_format_link(core, token), question=question.strip()[:2000] or "-"
        )
        audit.note(core, tx, None, Event.ORDER_PROOF, actor=actor, detail=str(order))
        return _get_order(tx, order)

    return core.db.write(write)


def approve_order(core: Core, order: int, *, actor: str = "") -> tuple[Order, str]:
    """Create the account and mail its first-password link to the contact address.

    Returns:
        The order, and the link for those who tell it by other means.

    Raises:
        OrderNotFound: no such order, or decided already.
        AccountExists: the name was taken meanwhile.
    """

    def write(tx: Tx) -> tuple[Order, Account, str]:
        current = _get_order(tx, order)
        if current.state not in (OrderState.SUBMITTED, OrderState.AWAITING_PROOF):
            raise OrderNotFound(f"order {order} is {current.state}")
        new_account = accounts.NewAccount(
            accounts.check_name(current.name),
            current.display_name,
            current.person or None,
            contact=current.contact,
            language=current.language,
        )
        account = accounts.create_account(core, tx, new_account)
        now = core.clock.seconds()
        store.save_decision(tx, order, OrderState.APPROVED, account.id, now)
        source, _, mark = current.proof.partition(" ")
        if mark:
            store.save_link(tx, account.id, source, mark, now)
        link = credentials.create_link(core, tx, account.id, credentials.FIRST_SECONDS, proves=current.contact)
        audit.note(core, tx, account.id, Event.ORDER_APPROVED, actor=actor, detail=f"{order}, terms {TERMS}")
        return _get_order(tx, order), account, link

    done, account, link = core.db.write(write)
    accounts.send_password_link(core, account, link)
    return done, link


def reject_order(core: Core, order: int, reason: str, *, actor: str = "") -> Order:
    """Reject an order by mail, with the reason.  Raises OrderNotFound."""

    def write(tx: Tx) -> Order:
        current = _get_order(tx, order)
        if not store.save_decision(tx, order, OrderState.REJECTED, None, core.clock.seconds()):
            raise OrderNotFound(f"order {order} is {current.state}")
        _notify(core, tx, current, "order_rejected", reason=reason.strip()[:2000] or "-")
        audit.note(core, tx, None, Event.ORDER_REJECTED, actor=actor, detail=f"{order}: {reason}")
        return _get_order(tx, order)

    return core.db.write(write)


def expire_orders(core: Core) -> int:
    """Erase orders never decided or confirmed, and the details of rejected ones; returns how many expired."""
    now = core.clock.seconds()

    def write(tx: Tx) -> int:
        store.erase_decided_orders(tx, now - EXPIRE_SECONDS)
        return store.expire_orders(tx, now - EXPIRE_SECONDS, now - UNCONFIRMED_SECONDS, now)

    return core.db.write(write)
