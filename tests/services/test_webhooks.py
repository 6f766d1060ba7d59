"""Programs of the university are told of changes: signed, at least once, whatever their servers do (N38)."""

import base64
import dataclasses
import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config, Webhooks
from mailcore.core import Core
from mailcore.domain import Account, Webhook, WebhookDelivery, WebhookState
from mailcore.errors import InvalidName, LinkExpired, TooMany
from mailcore.services import audit, webhook_events
from mailcore.services.accounts import accounts, addresses, closing
from mailcore.services.audit import Event
from mailcore.services.newsletters import topics
from mailcore.services.operations import jobs, webhook_post, webhooks
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.site import webhooks as store
from tests import receiver as receivers
from tests.receiver import HANG, Receiver
from tests.services.conftest import SetClock

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receivers.running(tmp_path / "ca.pem") as made:
        yield made


@pytest.fixture
def house(core: Core, tmp_path: Path, receiver: Receiver) -> Core:
    return _allow(core, Webhooks(LOOPBACK, str(tmp_path / "ca.pem")))


def _allow(core: Core, settings: Webhooks) -> Core:
    return dataclasses.replace(core, config=dataclasses.replace(core.config, webhooks=settings))


def _add(core: Core, url: str, *kinds: str) -> tuple[Webhook, str]:
    return webhooks.add_webhook(core, "CRM of the alumni office", url, kinds or webhooks.KINDS, actor="eva")


def _run(core: Core) -> None:
    """Do what one look of the job does, without its threads."""
    for id_ in core.db.read(lambda tx: store.list_due_webhooks(tx, core.clock.seconds())):
        webhook_post.run_turn(core, id_)


def _read(told: receivers.Told) -> tuple[str, dict[str, object]]:
    document = json.loads(told.body)
    return document["type"], document["data"]


def _list(core: Core, webhook: Webhook) -> list[WebhookDelivery]:
    return webhooks.list_deliveries(core, webhook.id)


def _add_ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", person="p-1", display_name="Ola Nordmann")


def test_n38_each_change_is_told_with_person_and_addresses(house: Core, receiver: Receiver, clock: SetClock) -> None:
    _add(house, receiver.url)
    ola = _add_ola(house)
    addresses.add_address(house, ola.id, "ola.nordmann", actor="eva")
    addresses.set_main(house, ola.id, "ola.nordmann")
    addresses.remove_address(house, ola.id, "ola")
    topic = topics.create_topic(house, {"nb": "Fest", "nn": "Fest", "en": "Party"}, actor="eva")
    topics.set_consents(house, ola.id, {topic}, {topic: "Ja, send meg Fest"})
    topics.set_consents(house, ola.id, set(), {})
    topics.set_consents(house, ola.id, {topic}, {})
    topics.leave_topic(house, topics.create_leave_link(house, ola.id, topic).rpartition("/")[2])
    topics.end_topic(house, topic, actor="eva")
    closing.close_account(house, "ola", actor="eva")
    closing.reopen_account(house, ola.id)
    _run(house)
    told = [_read(one) for one in receiver.told]
    assert [kind for kind, _ in told] == [
        "account.created",
        "address.added",
        "address.changed",
        "address.removed",
        "consent.given",
        "consent.withdrawn",
        "consent.given",
        "consent.withdrawn",
        "topic.ended",
        "account.closed",
        "account.reopened",
    ]
    first, second = "ola@alumni.example", "ola.nordmann@alumni.example"
    of_ola = {"account": ola.id, "person": "p-1"}
    assert told[0][1] == {**of_ola, "main": first, "addresses": [first]}
    assert told[1][1] == {**of_ola, "main": first, "addresses": [first, second], "address": second}
    assert told[2][1] == {**of_ola, "main": second, "addresses": [first, second], "address": second, "before": first}
    assert told[3][1] == {**of_ola, "main": second, "addresses": [second], "address": first}
    consent = {**of_ola, "main": second, "addresses": [second], "topic": topic, "topic_name": "Fest"}
    assert told[4][1] == {**consent, "wording": "Ja, send meg Fest"}
    assert told[5][1] == consent
    assert told[8][1] == {"topic": topic, "topic_name": "Fest"}
    assert (told[9][1]["addresses"], told[9][1]["ended"]) == ([], [second])
    assert (told[10][1]["addresses"], "ended" in told[10][1]) == ([second], False)
    assert "Nordmann" not in b"".join(one.body for one in receiver.told).decode()
    assert {one.path for one in receiver.told} == {"/hooks?crm=1"}


def test_n38_whoever_is_erased_is_told_by_number_and_nothing_else_stays(
    house: Core, receiver: Receiver, clock: SetClock
) -> None:
    webhook, _ = _add(house, receiver.url)
    ola = _add_ola(house)
    closing.close_account(house, "ola")
    clock.forward(days=31)
    closing.erase_closed(house)
    _run(house)
    assert [_read(one) for one in receiver.told] == [("account.erased", {"account": ola.id})]
    assert "p-1" not in "".join(one.body for one in _list(house, webhook))


def test_n38_a_signature_is_that_of_standard_webhooks(house: Core, receiver: Receiver) -> None:
    """The example of its specification, and what is sent."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    fields = webhook_post.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [key])
    assert fields["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    webhook, secret = _add(house, receiver.url, "account.created")
    newer = webhooks.change_key(house, webhook.id, actor="eva")
    _add_ola(house)
    _run(house)
    [told] = receiver.told
    at = told.fields["webhook-timestamp"]
    assert int(at) == house.clock.seconds()
    signed = f"{told.fields['webhook-id']}.{at}.".encode() + told.body
    macs = [
        base64.b64encode(hmac.digest(base64.b64decode(one.removeprefix("whsec_")), signed, hashlib.sha256)).decode()
        for one in (newer, secret)
    ]
    assert told.fields["webhook-signature"] == f"v1,{macs[0]} v1,{macs[1]}"
    assert secret not in str(house.db.read(lambda tx: tx.rows("SELECT * FROM webhook")))


def test_n38_a_former_key_signs_for_a_day(house: Core, receiver: Receiver, clock: SetClock) -> None:
    webhook, _ = _add(house, receiver.url)
    webhooks.change_key(house, webhook.id, actor="eva")
    clock.forward(days=1, seconds=1)
    webhooks.send_test(house, webhook.id, actor="eva")
    _run(house)
    assert receiver.told[0].fields["webhook-signature"].count("v1,") == 1


def test_n38_what_is_not_done_is_not_told(house: Core, receiver: Receiver) -> None:
    """The row stands in the transaction of the change."""
    webhook, _ = _add(house, receiver.url)
    ola = _add_ola(house)

    def fail(tx: Tx) -> None:
        owner = get_account(tx, ola.id)
        addresses.add_in(house, tx, owner, "x.y", "alumni.example", addresses.Origin.DESK, actor="eva")
        raise LinkExpired("no")

    with pytest.raises(LinkExpired):
        house.db.write(fail)
    assert [one.kind for one in _list(house, webhook)] == ["account.created"]


def test_n38_a_server_that_fails_is_tried_again_with_the_same_id(
    house: Core, receiver: Receiver, clock: SetClock
) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [500, 429, 503, 200]
    _add_ola(house)
    _add_kari(house)
    _run(house)
    assert len(receiver.told) == 1  # the next change is not tried at a server that cannot
    tries = 0
    while len(receiver.told) < 5:
        _run(house)
        clock.forward(seconds=5)
        tries += 1
    assert tries > 10  # it is left alone between two tries
    assert len(set(receiver.ids)) == 2
    assert [one.state for one in _list(house, webhook)] == ["delivered", "delivered"]
    assert [one.answer for one in _list(house, webhook)] == ["200", "200"]
    assert webhooks.find_webhook(house, webhook.id).failures == 0


def _add_kari(core: Core) -> Account:
    return accounts.add_account(core, "kari", person="p-2")


def test_n38_a_change_that_is_refused_does_not_hold_up_the_next(house: Core, receiver: Receiver) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [422, 204]
    _add_ola(house)
    _add_kari(house)
    _run(house)
    assert [(one.state, one.answer) for one in _list(house, webhook)] == [("delivered", "204"), ("waiting", "422")]
    assert webhooks.find_webhook(house, webhook.id).failures == 0


def test_n38_after_three_days_one_change_is_given_up_and_may_be_sent_again(
    house: Core, receiver: Receiver, clock: SetClock
) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [400]
    _add_ola(house)
    for _ in range(200):
        _run(house)
        clock.forward(minutes=30)
    [given_up] = _list(house, webhook)
    assert (given_up.state, given_up.tries > 8, given_up.tries < 20) == ("given up", True, True)
    receiver.answers = [204]
    assert webhooks.send_again(house, webhook.id, actor="eva") == 1
    _run(house)
    assert _list(house, webhook)[0].state == "delivered"
    assert len(set(receiver.ids)) == 1


def test_n38_what_waits_longer_than_three_days_for_a_server_arrives_all_the_same(
    house: Core, receiver: Receiver, clock: SetClock
) -> None:
    """While a server is away, few of many changes are tried, and the others wait."""
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [503]
    for number in range(30):
        accounts.add_account(house, f"user{number}")
    for _ in range(18):
        _run(house)
        clock.forward(hours=4)
    receiver.answers = [204]
    for _ in range(18):
        _run(house)
        clock.forward(hours=4)
    states = [one.state for one in _list(house, webhook)]
    assert states == ["delivered"] * 30


def test_n38_a_server_that_is_gone_is_asked_no_more(house: Core, receiver: Receiver) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [410]
    _add_ola(house)
    _run(house)
    _add_kari(house)
    _run(house)
    assert len(receiver.told) == 1
    assert webhooks.find_webhook(house, webhook.id).state is WebhookState.GONE
    assert webhooks.set_state(house, webhook.id, on=True, actor="eva").state is WebhookState.ON


def test_n38_a_redirection_is_not_followed(house: Core, receiver: Receiver) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [302, 204]
    _add_ola(house)
    _run(house)
    assert len(receiver.told) == 1
    assert _list(house, webhook)[0].answer == "302"


def test_n38_a_server_that_hangs_costs_the_others_nothing(
    house: Core, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receivers.running(tmp_path / "other.pem") as hangs:
        both = tmp_path / "both.pem"
        both.write_text((tmp_path / "ca.pem").read_text() + (tmp_path / "other.pem").read_text())
        house = _allow(house, Webhooks(LOOPBACK, str(both)))
        slow, _ = _add(house, hangs.url)
        _add(house, receiver.url)
        hangs.answers = [HANG]
        _add_ola(house)
        webhook_post.work_on_webhooks(house)  # comes back at once
        assert hangs.came.acquire(timeout=30)
        assert receiver.came.acquire(timeout=30)
        _add_kari(house)
        for _ in range(2):  # as often as it is looked: no second thread for the one that hangs
            webhook_post.work_on_webhooks(house)
        _run(house)
        assert len(hangs.told) == 1
        assert _list(house, slow)[0].tries == 0


def test_n38_a_server_that_is_silent_is_left_in_the_end(
    house: Core, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_post, "SECONDS", 0.5)
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [HANG]
    _add_ola(house)
    _run(house)
    assert [(one.answer, one.tries) for one in _list(house, webhook)] == [("silent", 1)]


def test_n38_nobody_there_and_a_certificate_of_somebody_else(house: Core, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody, _ = _add(house, f"https://127.0.0.1:{port}/")
    stranger, _ = _add(house, receiver.url.replace("127.0.0.1", "127.0.0.2"))
    _add_ola(house)
    _run(house)
    assert [_list(house, one)[0].answer for one in (nobody, stranger)] == ["unreachable", "unreachable"]
    untrusting = _allow(house, Webhooks(LOOPBACK))
    webhook, _ = _add(untrusting, receiver.url)
    webhooks.send_test(untrusting, webhook.id, actor="eva")
    _run(untrusting)
    assert _list(house, webhook)[0].answer == "untrusted"
    assert receiver.told == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "localhost"])
def test_n38_a_private_address_is_asked_only_where_the_site_says_so(core: Core, host: str) -> None:
    webhook, _ = _add(core, f"https://{host}/")
    webhooks.send_test(core, webhook.id, actor="eva")
    _run(core)
    assert _list(core, webhook)[0].answer == "no address"


@pytest.mark.parametrize(
    "url",
    ["", "http://crm.example/", "https://", "https:///x", "https://a@crm.example/", "https://crm.example:0/", "ftp://x/",
     "https://crm.example:99999/", "https://crm.example/\r\nX: y", "https://crm.example/ x", "https://crm.example/#x",
     "https://[::1", "https://crm.example/" + "x" * 1000, "https://å.example/"],
)  # fmt: skip
def test_n38_what_is_no_address_is_not_taken(core: Core, url: str) -> None:
    with pytest.raises(InvalidName):
        _add(core, url)
    assert webhooks.list_webhooks(core) == []


def test_n38_only_so_many_wait_and_the_others_are_counted(
    house: Core, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_events, "MOST_WAITING", 2)
    webhook, _ = _add(house, receiver.url)
    for number in range(4):
        accounts.add_account(house, f"user{number}")
    found = webhooks.find_webhook(house, webhook.id)
    assert (found.waiting, found.missed) == (2, 2)
    _run(house)
    _add_ola(house)
    assert webhooks.find_webhook(house, webhook.id).waiting == 1


def test_n38_who_did_what_stands_in_the_log(core: Core) -> None:
    webhook, _ = _add(core, "https://crm.example/in?key=geheim", "consent.given")
    webhooks.set_state(core, webhook.id, on=False, actor="eva")
    webhooks.set_state(core, webhook.id, on=True, actor="eva")
    webhooks.change_key(core, webhook.id, actor="eva")
    webhooks.delete_webhook(core, webhook.id, actor="eva")
    lines = [one.entry for one in audit.search_entries(core, audit.AuditFilter(actor="eva"))]
    assert [one.event for one in reversed(lines)] == [
        Event.WEBHOOK_ADDED,
        *[Event.WEBHOOK_CHANGED] * 3,
        Event.WEBHOOK_REMOVED,
    ]
    assert lines[-1].detail == "1 (CRM of the alumni office): https://crm.example/in; consent.given"
    assert "off, before on" in lines[-2].detail
    with pytest.raises(LinkExpired):
        webhooks.find_webhook(core, webhook.id)


def test_n38_one_that_is_off_or_wants_other_kinds_is_not_told(core: Core) -> None:
    off, _ = _add(core, "https://crm.example/")
    webhooks.set_state(core, off.id, on=False, actor="eva")
    other, _ = _add(core, "https://crm.example/", "consent.given")
    _add_ola(core)
    assert _list(core, off) == _list(core, other) == []
    with pytest.raises(InvalidName):
        _add(core, "https://crm.example/", "everything")


def test_n38_there_are_only_so_many(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 1)
    _add(core, "https://crm.example/")
    with pytest.raises(TooMany):
        _add(core, "https://crm.example/")


def test_n38_old_deliveries_are_deleted_and_what_waits_for_a_month_is_missed(
    house: Core, receiver: Receiver, clock: SetClock
) -> None:
    webhook, _ = _add(house, receiver.url)
    receiver.answers = [204, 400]
    _add_ola(house)
    _add_kari(house)
    _run(house)
    clock.forward(days=29)
    accounts.add_account(house, "nils", person="p-3")
    webhook_post.delete_old_deliveries(house)
    assert len(_list(house, webhook)) == 3
    clock.forward(days=2)
    webhook_post.delete_old_deliveries(house)
    [left] = _list(house, webhook)
    assert "p-3" in left.body
    assert webhooks.find_webhook(house, webhook.id).missed == 1
    assert {"webhooks", "old deliveries to webhooks"} <= {job.name for job in jobs.list_jobs(house)}


_DIE = """
import sys
from mailcore import core as cores
from mailcore.config import Config, Webhooks
from mailcore.services.accounts import accounts
from mailcore.services.operations import webhook_post
core = cores.build(Config(data=sys.argv[1], webhooks=Webhooks(("127.0.0.0/8",), sys.argv[2])))
accounts.add_account(core, "ola", person="p-1")
webhook_post.run_turn(core, 1)
"""


@pytest.mark.sqlite  # the process that is killed has a database of its own
def test_n38_what_was_on_its_way_when_the_process_was_killed_is_sent_again(tmp_path: Path, receiver: Receiver) -> None:
    config = Config(data=str(tmp_path / "data"), webhooks=Webhooks(LOOPBACK, str(tmp_path / "ca.pem")))
    house = cores.build(config)
    webhook, _ = _add(house, receiver.url, "account.created")
    receiver.answers = [HANG, 204]
    victim = subprocess.Popen([sys.executable, "-c", _DIE, config.data, config.webhooks.ca])
    try:
        assert receiver.came.acquire(timeout=60)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    assert [(one.state, one.tries) for one in _list(house, webhook)] == [("waiting", 0)]
    webhook_post.run_turn(house, webhook.id)
    assert len(receiver.told) == 1  # the dead one's lease still counts
    later = dataclasses.replace(house, clock=SetClock())
    later.clock.at = house.clock.now() + timedelta(seconds=webhook_post.LEASE_SECONDS + 1)  # type: ignore[attr-defined]
    webhook_post.run_turn(later, webhook.id)
    assert len(receiver.told) == 2
    assert len(set(receiver.ids)) == 1
    assert _list(house, webhook)[0].state == "delivered"
    cores.close(house)


def test_n38_one_that_wants_to_hear_of_nothing_is_refused(house: Core, receiver: Receiver) -> None:
    with pytest.raises(InvalidName, match="at least one"):
        webhooks.add_webhook(house, "CRM", receiver.url, (), actor="eva")
