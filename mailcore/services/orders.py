"""Requests for an account.  Nothing is created before approval; an order that nobody decides is erased."""

from mailcore.core import Core
from mailcore.domain import Account, Order
from mailcore.errors import AccountExists, InvalidName, NotAllowed, OrderNotFound
from mailcore.services import accounts, audit, credentials, notices
from mailcore.store.db import Tx

TERMS = "2026-1"  # the version that is accepted and stored
EXPIRE_SECONDS = 60 * 86_400


def submit(
    core: Core, *, name: str, display_name: str, contact: str, affiliation: str, language: str, terms: bool, key: str
) -> Order:
    """Hand in an order; the same `key` again gives the same order.

    Raises:
        NotAllowed: the terms were not accepted.
        InvalidName, AccountExists: the name or the contact address cannot be used.
    """
    name = accounts.check_name(name)
    contact = contact.strip()
    if not terms:
        raise NotAllowed("the terms must be accepted")
    localpart, _, domain = contact.rpartition("@")
    if not localpart or "." not in domain or len(contact) > 254 or len(contact.split()) != 1:
        raise InvalidName(f"{contact!r} is not an e-mail address")
    if domain.lower() == core.config.domain.lower():
        raise InvalidName("the contact address must be another one than the new account's")
    language = language if language in notices.LANGUAGES else "nb"

    def store(tx: Tx) -> Order:
        before = core.people.order_by_key(tx, key)
        if before is not None:
            return before
        pending = any(order.name == name for order in core.people.orders(tx, "submitted"))
        if pending or not accounts.is_free(core, tx, name):
            raise AccountExists(f"{name} is taken")
        order = core.people.add_order(
            tx, key, name, display_name.strip()[:200], contact, affiliation.strip()[:2000], language, TERMS,
            core.clock.seconds(),
        )  # fmt: skip
        return _get(core, tx, order)

    return core.db.write(store)


def _get(core: Core, tx: Tx, order: int) -> Order:
    found = core.people.order(tx, order)
    if found is None:
        raise OrderNotFound(f"there is no order {order}")
    return found


def get(core: Core, order: int) -> Order:
    """Raises OrderNotFound."""
    return core.db.read(lambda tx: _get(core, tx, order))


def listing(core: Core, state: str | None = None) -> list[Order]:
    return core.db.read(lambda tx: core.people.orders(tx, state))


def approve(core: Core, order: int, *, actor: str = "") -> tuple[Order, str]:
    """Make the account and mail its first-password link to the contact address.

    Returns:
        The order, and the link for those who tell it by other means.

    Raises:
        OrderNotFound: no such order, or decided already.
        AccountExists: the name was taken meanwhile.
    """

    def store(tx: Tx) -> tuple[Order, Account, str]:
        found = _get(core, tx, order)
        if found.state != "submitted":
            raise OrderNotFound(f"order {order} is {found.state}")
        account = accounts.add(
            core, found.name, display_name=found.display_name, contact=found.contact, language=found.language
        )
        core.people.decide_order(tx, order, "approved", account.id, core.clock.seconds())
        link = credentials.make_link(core, tx, account.id, credentials.FIRST_SECONDS, proves=found.contact)
        audit.note(core, tx, account.id, "order approved", actor=actor, detail=str(order))
        return _get(core, tx, order), account, link

    done, account, link = core.db.write(store)
    accounts.send_link(core, account, link)
    return done, link


def reject(core: Core, order: int, reason: str, *, actor: str = "") -> Order:
    """Raises OrderNotFound."""

    def store(tx: Tx) -> Order:
        found = _get(core, tx, order)
        if not core.people.decide_order(tx, order, "rejected", None, core.clock.seconds()):
            raise OrderNotFound(f"order {order} is {found.state}")
        audit.note(core, tx, None, "order rejected", actor=actor, detail=f"{order}: {reason}")
        return _get(core, tx, order)

    return core.db.write(store)


def expire(core: Core) -> int:
    """Erase what was never decided; returns how many."""
    now = core.clock.seconds()
    return core.db.write(lambda tx: core.people.expire_orders(tx, now - EXPIRE_SECONDS, now))
