"""Orders: asked for once, approved or rejected by the desk."""

from typing import Any

import pytest

from mailcore.core import Core
from mailcore.domain import Order, OrderState
from mailcore.errors import AccountExists, InvalidName, NotAllowed, OrderNotFound
from mailcore.services.accounts import accounts, orders
from mailcore.services.credentials import credentials
from mailcore.services.delivery import queue_admin
from tests.services.conftest import SetClock


def order(core: Core, **changed: Any) -> Order:  # Any: whichever field a test is about
    given: dict[str, Any] = {
        "name": "ola",
        "display_name": "Ola Nordmann",
        "contact": "ola@home.example",
        "affiliation": "cand.mag. 1998",
        "language": "nn",
        "terms": True,
        "key": "k1",
    }
    return orders.submit_order(core, **(given | changed))


def test_a_double_submit_is_one_order_and_creates_nothing(core: Core) -> None:
    assert order(core) == order(core)
    assert len(orders.list_orders(core)) == 1
    assert accounts.list_accounts(core) == []


def test_approval_makes_the_account_and_mails_a_link_that_sets_the_password(core: Core) -> None:
    done, link = orders.approve_order(core, order(core).id)
    ola = accounts.find_account(core, "ola")
    assert (done.state, done.account, ola.language, ola.contact) == ("approved", ola.id, "nn", "ola@home.example")
    [received, item] = queue_admin.list_queue(core)
    assert received.recipient == item.recipient == "ola@home.example"
    assert link.encode() in queue_admin.octets(core, item.id)
    credentials.redeem_link(core, link.rpartition("/")[2], "ei god lang setning")
    with pytest.raises(OrderNotFound):
        orders.approve_order(core, done.id)


def test_a_rejected_order_makes_nothing_and_frees_the_name(core: Core) -> None:
    assert orders.reject_order(core, order(core).id, "unknown").state == "rejected"
    assert accounts.list_accounts(core) == []
    assert order(core, key="k2").state == "submitted"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"terms": False}, NotAllowed),
        ({"name": "ø"}, InvalidName),
        ({"name": "root"}, AccountExists),
        ({"name": "kari"}, AccountExists),
        ({"contact": "me"}, InvalidName),
        ({"contact": "x@alumni.example"}, InvalidName),
    ],
)
def test_an_order_that_cannot_be_is_refused(core: Core, changed: dict[str, Any], problem: type[Exception]) -> None:
    accounts.add_account(core, "kari")
    with pytest.raises(problem):
        order(core, **changed)


def test_a_name_that_stands_in_another_order_is_taken(core: Core) -> None:
    order(core)
    with pytest.raises(AccountExists):
        order(core, key="k2")


def test_an_order_that_nobody_decides_is_erased(core: Core, clock: SetClock) -> None:
    order(core)
    clock.forward(days=61)
    assert orders.expire_orders(core) == 1
    [found] = orders.list_orders(core, OrderState.EXPIRED)
    assert (found.display_name, found.contact, found.affiliation) == ("", "", "")
