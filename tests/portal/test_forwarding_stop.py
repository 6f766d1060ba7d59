"""The reader at a forwarding's target can stop it without an account (N1)."""

import pytest

from mailcore.domain import ForwardingState
from mailcore.services.forwarding import consent, forwarding
from mailcore.store.queue.items import list_items, read_octets

FRIEND = "ola@elsewhere.example"


@pytest.fixture
def link(core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)
    whole = core.db.write(lambda tx: consent.make_stop_link(core, tx, ola.id, FRIEND))
    return whole.removeprefix(core.config.url)


def test_n1_looking_at_the_link_stops_nothing_and_the_button_does(browser, core, ola, link):
    assert browser.get(link).status_code == 200
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY
    assert browser.send(link).status_code == 200
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF
    assert browser.get(link).status_code == 200
    assert browser.send(link).status_code == 410


def test_n1_the_page_answers_the_same_whoever_asks(browser, core, ola, link):
    known = browser.send("/forwarding/stop", "/forwarding/stop-links", address=FRIEND).text
    unknown = browser.send("/forwarding/stop", "/forwarding/stop-links", address="x@else.example").text
    assert known == unknown
    letters = [
        core.db.read(lambda tx, i=i: read_octets(tx, core.blobs, i)) for i in core.db.read(lambda tx: list_items(tx))
    ]
    assert [b"/forwarding/stop/" in letter for letter in letters] == [False, True]  # the first tells the owner
