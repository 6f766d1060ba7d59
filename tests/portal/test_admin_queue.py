"""The queue in administration (N37): by destination; held, sent now, given up after password and code."""

import pytest

from mailcore.core import Core
from mailcore.domain import Account, QueueState
from mailcore.queue import giving_up
from mailcore.services import audit
from mailcore.services.delivery import queue_admin
from mailcore.store.queue.items import list_given_up
from portal.admin.queue import hide_token
from tests.portal.conftest import PASSWORD, Browser
from tests.queueing import enqueue

MESSAGE = b"From: ola@alumni.example\r\nSubject: TopSecretSubject\r\n\r\nTopSecretBody\r\n"
PAGE = "/admin/queue/to?domain=elsewhere.example"


@pytest.fixture
def items(core: Core, ola: Account) -> list[int]:
    return enqueue(
        core, "a@elsewhere.example", "b@elsewhere.example", "c@other.example", account=ola.id, octets=MESSAGE
    )


def _states(core: Core) -> dict[int, QueueState]:
    return {item.id: item.state for item in queue_admin.list_queue(core)}


def _entries(core: Core, event: audit.Event) -> list[tuple[str, str]]:
    rows = core.db.read(lambda tx: tx.rows("SELECT actor, detail FROM audit WHERE event=? ORDER BY id", event))
    return [(row[0], row[1]) for row in rows]


def test_n37_the_queue_is_shown_by_destination_and_shows_no_content(eva: Browser, items: list[int]):
    page = eva.get("/admin/queue").text
    assert page.count("elsewhere.example</a>") == page.count("other.example</a>") == 1
    items_page = eva.get(PAGE).text
    assert "a@elsewhere.example" in items_page
    assert "c@other.example" not in items_page
    assert "TopSecret" not in page + items_page


@pytest.mark.parametrize(
    ("action", "before", "after", "event"),
    [
        ("hold", "waiting", QueueState.HELD, audit.Event.QUEUE_HELD),
        ("retry", "waiting", QueueState.WAITING, audit.Event.QUEUE_RETRIED),
    ],
)
def test_n37_items_are_held_and_sent_now_and_the_log_says_who(
    eva: Browser, core: Core, items: list[int], action: str, before: str, after: QueueState, event: audit.Event
):
    chosen = [str(items[0]), str(items[1])]
    assert (
        eva.send(PAGE, to="/admin/queue/to", domain="elsewhere.example", item=chosen, action=action).status_code == 303
    )
    assert {_states(core)[one] for one in items[:2]} == {after}
    assert _entries(core, event) == [("eva", f"2 to elsewhere.example, before {before}: {items[0]}, {items[1]}")]


def test_n37_nothing_chosen_is_said(eva: Browser, items: list[int]):
    answer = eva.send(PAGE, to="/admin/queue/to", domain="elsewhere.example", action="hold")
    assert (answer.status_code, "Choose at least one" in answer.text) == (400, True)


def test_n37_giving_up_asks_once_more_and_then_the_sender_is_told(eva: Browser, core: Core, items: list[int]):
    asked = eva.send(PAGE, to="/admin/queue/to", domain="elsewhere.example", item=str(items[0]), action="bounce")
    assert "Your password" in asked.text
    fields = {"domain": "elsewhere.example", "item": str(items[0])}
    assert eva.send(PAGE, to="/admin/queue/give-up", password="wrong", **fields).status_code == 400
    assert set(_states(core).values()) == {QueueState.WAITING}
    assert eva.send(PAGE, to="/admin/queue/give-up", password=PASSWORD, **fields).status_code == 303
    assert _states(core)[items[0]] is QueueState.GIVEN_UP
    giving_up.give_up_items(core, core.db.read(lambda tx: list_given_up(tx, 10)))  # as the worker does
    assert items[0] not in _states(core)
    reports = [item for item in queue_admin.list_queue(core) if item.origin == "dsn"]
    assert [report.recipient for report in reports] == ["ola@alumni.example"]
    assert _entries(core, audit.Event.QUEUE_BOUNCED) == [("eva", f"1 to elsewhere.example, before waiting: {items[0]}")]


def test_n37_what_was_given_up_twice_is_told_once(core: Core, items: list[int]):
    queue_admin.request_bounce(core, items[:1], actor="eva")
    giving_up.give_up_items(core, items[:1])
    giving_up.give_up_items(core, items[:1])
    assert len([item for item in queue_admin.list_queue(core) if item.origin == "dsn"]) == 1


def test_n37_an_item_that_is_gone_is_said(eva: Browser, core: Core, items: list[int]):
    core.db.write(lambda tx: tx.run("DELETE FROM queue WHERE id=?", items[0]))
    answer = eva.send(PAGE, to="/admin/queue/to", domain="elsewhere.example", item=str(items[0]), action="hold")
    assert answer.status_code == 400


def test_n37_what_opens_a_case_is_not_shown():
    assert hide_token("help+z8kishynzvr5rrvz@alumni.example") == "help+…@alumni.example"
    assert hide_token("ola+shop@alumni.example") == "ola+shop@alumni.example"


def test_n37_the_log_names_no_address(core: Core, items: list[int]):
    queue_admin.hold(core, items, actor="eva")
    entries = core.db.read(lambda tx: tx.rows("SELECT detail FROM audit WHERE event=?", audit.Event.QUEUE_HELD))
    assert len(entries) == 2
    assert not [detail for (detail,) in entries if "@" in detail]
