"""CWE-837: an order that nobody confirms holds its name for an hour, and few from one place do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.config import Config, Limits
from mailcore.core import Core
from mailcore.domain import Order
from mailcore.errors import AccountExists, OrderNotFound, TooMany
from mailcore.services.accounts import orders, user_names
from mailcore.services.delivery import queue_admin
from portal import create_app
from tests.portal.conftest import Browser
from tests.services.conftest import SetClock

_number = iter(range(10**9))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def core(tmp_path: Path, clock: SetClock) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path), limits=Limits(trusted=("127.0.0.0/8",))), clock)
    yield made
    cores.close(made)


def order(core: Core, name: str = "", peer: str = "192.0.2.1", **more: Any) -> Order:
    number = next(_number)
    wish = {"display_name": "X", "contact": f"c{number}@elsewhere.example", "affiliation": "", "language": "en"}
    return orders.submit_order(
        core, name=name or f"name{number}", terms=True, key=f"k{number}", peer=peer, **{**wish, **more}
    )


def token(core: Core) -> str:
    """Return the token of the last order."""
    text = queue_admin.octets(core, max(item.id for item in queue_admin.list_queue(core))).decode()
    return text.partition("/order/status/")[2].split()[0]


def test_a_name_is_free_again_after_an_hour(core: Core, clock: SetClock) -> None:
    order(core, "ola")
    with pytest.raises(AccountExists):
        order(core, "ola", "198.51.100.1")
    clock.forward(seconds=user_names.HELD_SECONDS + 1)
    order(core, "ola", "198.51.100.1")


def test_a_confirmed_order_keeps_it(core: Core, clock: SetClock) -> None:
    order(core, "ola")
    orders.confirm_order(core, token(core))
    assert core.db.read(lambda tx: tx.rows("SELECT place FROM orders")) == [("",)]  # it is of no use any more
    clock.forward(days=20)
    with pytest.raises(AccountExists):
        order(core, "ola", "198.51.100.1")


def test_one_that_the_desk_has_asked_about_keeps_it(core: Core, clock: SetClock) -> None:
    orders.ask_for_proof(core, order(core, "ola").id, "Who are you?")
    clock.forward(days=2)
    with pytest.raises(AccountExists):
        order(core, "ola", "198.51.100.1")


def test_who_confirms_late_takes_no_name_from_another(core: Core, clock: SetClock) -> None:
    late = order(core, "ola")
    link = token(core)
    clock.forward(seconds=user_names.HELD_SECONDS + 1)
    order(core, "ola", "198.51.100.1")
    orders.confirm_order(core, token(core))
    with pytest.raises(AccountExists):
        orders.confirm_order(core, link)
    with pytest.raises(AccountExists):
        orders.answer_question(core, link, name="ola", more="It is me")
    page = Browser(create_app(core).test_client())
    assert page.send(f"/order/status/{link}", name="ola", more="").status_code == 409
    assert orders.answer_question(core, link, name="ola2", more="").name == "ola2"
    assert orders.get_order(core, late.id).confirmed


def test_who_confirms_late_has_the_name_if_it_is_free(core: Core, clock: SetClock) -> None:
    order(core, "ola")
    clock.forward(hours=5)
    assert orders.confirm_order(core, token(core)).confirmed


@pytest.mark.parametrize("peers", [["192.0.2.1"], [f"2001:db8::{n:x}" for n in range(1, 99)]])
def test_few_from_one_place_hold_names(core: Core, clock: SetClock, peers: list[str]) -> None:
    for number in range(orders.OPEN_PER_PLACE):
        order(core, peer=peers[number % len(peers)])
    with pytest.raises(TooMany):
        order(core, peer=peers[-1])
    orders.confirm_order(core, token(core))  # those that are confirmed are honest
    order(core, peer=peers[-1])
    with pytest.raises(TooMany):
        order(core, peer=peers[0])
    order(core, peer="203.0.113.1")
    clock.forward(seconds=user_names.HELD_SECONDS + 1)
    order(core, peer=peers[0])


def test_one_that_was_never_confirmed_is_erased_after_three_days(core: Core, clock: SetClock) -> None:
    forgotten = order(core, "ola")
    link = token(core)
    clock.forward(days=3, seconds=1)
    assert orders.expire_orders(core) == 1
    assert (orders.get_order(core, forgotten.id).state, orders.get_order(core, forgotten.id).contact) == ("expired", "")
    with pytest.raises(OrderNotFound):
        orders.confirm_order(core, link)
    [(row,)] = core.db.read(lambda tx: tx.rows("SELECT place FROM orders"))
    assert row == ""
