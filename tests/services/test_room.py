"""Making room: what is offered, what it weighs, what is removed (S21, S27, N6)."""

import pytest

from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.services.quota import cleanup
from mailcore.services.quota.cleanup import Choice
from mailcore.store.forwarding import onward


@pytest.fixture
def ola(core) -> Account:
    return accounts.add_account(core, "ola", quota=100_000)


def put(core, account, subject, *, size=1000, mailbox="INBOX", days=0, flags=(), more=""):
    """A message of that size and age; gives its octets' name."""
    head = f"From: {subject} <{subject}@list.example>\r\nSubject: {subject}\r\n{more}\r\n".encode()
    prepared = core.blobs.prepare(head.ljust(size, b"x"))

    def write(tx):
        box = core.mail.mailbox(tx, account.id, mailbox)
        at = core.clock.at
        core.clock.forward(days=-days)
        core.mail.append(tx, account.id, box.id, prepared, frozenset(flags), core.clock.now(), enforce_quota=False)
        core.clock.at = at

    core.db.write(write)
    return prepared.name


def sent_on(core, account, content, state="delivered"):
    def write(tx):
        onward.add_message(tx, 1, account.id, content, "ola@elsewhere.example", core.clock.seconds())
        onward.save_answer(tx, 1, state, host="mx", code=250, reply="250 OK", now=core.clock.seconds())

    core.db.write(write)


def subjects(items):
    return [item.subject for item in items]


def test_n6_the_largest_and_the_oldest_come_first(core, ola):
    put(core, ola, "small", size=500, days=9)
    put(core, ola, "large", size=9000, days=1, mailbox="Archive")
    put(core, ola, "middle", size=4000, days=500)
    assert subjects(cleanup.list_largest(core, ola.id))[:2] == ["large", "middle"]
    assert subjects(cleanup.list_oldest(core, ola.id))[:2] == ["middle", "small"]


def test_s27_only_copies_that_are_known_to_be_outside_are_offered(core, ola):
    for state in ("delivered", "refused", "waiting", "here", "unknown"):
        sent_on(core, ola, put(core, ola, state, days=100), state)
    sent_on(core, ola, put(core, ola, "fresh", days=10))
    sent_on(core, ola, put(core, ola, "flagged", days=100, flags=["\\Flagged"]))
    sent_on(core, ola, put(core, ola, "answered", days=100, flags=["\\Answered"]))
    put(core, ola, "never forwarded", days=100)
    items, heap = cleanup.list_forwarded(core, ola.id, 90)
    assert (subjects(items), heap.count, heap.octets) == (["delivered"], 1, 1000)
    freed = cleanup.remove_chosen(core, ola.id, Choice(forwarded_days=90))
    assert (freed.count, freed.octets) == (1, 1000)
    assert cleanup.list_forwarded(core, ola.id, 90)[1].count == 0
    assert cleanup.list_forwarded(core, ola.id, 0)[1].count == 1  # the fresh one


def test_s27_a_copy_of_another_owner_is_not_touched(core, ola):
    kari = accounts.add_account(core, "kari")
    sent_on(core, ola, put(core, kari, "same octets", days=100))
    assert cleanup.list_forwarded(core, ola.id)[1].count == 0


def test_n6_newsletters_stand_together_by_sender(core, ola):
    for number in range(3):
        put(core, ola, f"week{number}", size=2000, more="List-Id: The News <news.list.example>\r\n")
    put(core, ola, "shop", size=9000, more="list-unsubscribe: <mailto:x@list.example>\r\n")
    put(core, ola, "friend", more="X-List-Id: no\r\n")
    put(core, ola, "kept", flags=["\\Flagged"], more="List-Id: <news.list.example>\r\n")
    found = cleanup.list_newsletters(core, ola.id)
    assert [(one.key, one.count, one.octets) for one in found] == [
        ("shop@list.example", 1, 9000),
        ("news.list.example", 3, 6000),
    ]
    assert cleanup.measure_choice(core, ola.id, Choice(senders=("news.list.example",))) == cleanup.Total(3, 6000)
    assert cleanup.remove_chosen(core, ola.id, Choice(senders=("news.list.example",))) == cleanup.Total(3, 6000)
    assert [one.key for one in cleanup.list_newsletters(core, ola.id)] == ["shop@list.example"]


def test_n6_works_at_105_percent_and_counts_what_it_freed(core, ola):
    put(core, ola, "much", size=104_000)
    put(core, ola, "rubbish", size=3000, mailbox="Trash")
    put(core, ola, "spam", size=2000, mailbox="Junk")
    before = accounts.load_account(core, ola.id)
    assert before.percent >= 105
    assert cleanup.remove_chosen(
        core, ola.id, Choice(special_uses=("\\Trash", "\\Junk", "\\Sent", "\\Archive"))
    ) == cleanup.Total(2, 5000)
    [first, *_] = cleanup.list_largest(core, ola.id)
    assert cleanup.measure_choice(core, ola.id, Choice(messages=(first.name,))) == cleanup.Total(1, 104_000)
    assert cleanup.remove_chosen(core, ola.id, Choice(messages=(first.name, first.name))) == cleanup.Total(1, 104_000)
    assert accounts.load_account(core, ola.id).used == before.used - 109_000
    assert health.check_installation(core, repair=False) == []
    assert cleanup.remove_chosen(core, ola.id, Choice(messages=(first.name,))) == cleanup.Total(0, 0)


def test_n6_many_messages_go_in_several_transactions(core, ola, monkeypatch):
    monkeypatch.setattr(cleanup, "BATCH", 3)
    for number in range(10):
        put(core, ola, f"m{number}", size=500, mailbox="Trash")
    choice = Choice(special_uses=("\\Trash",))
    assert (
        cleanup.measure_choice(core, ola.id, choice)
        == cleanup.remove_chosen(core, ola.id, choice)
        == cleanup.Total(10, 5000)
    )
    assert health.check_installation(core, repair=False) == []


@pytest.mark.parametrize(
    "name", ["", ".", "1", "1.", ".1", "1.1.1", "-1.1", "a.b", "²." + "1", "9" * 30 + ".1", "1.99999999999"]
)
def test_names_that_a_form_may_hold_free_nothing(core, ola, name):
    assert cleanup.measure_choice(core, ola.id, Choice(messages=(name,))) == cleanup.Total(0, 0)


def test_a_message_of_another_owner_cannot_be_named(core, ola):
    kari = accounts.add_account(core, "kari")
    put(core, kari, "private")
    [item, *_] = cleanup.list_largest(core, kari.id)
    assert cleanup.remove_chosen(core, ola.id, Choice(messages=(item.name,))) == cleanup.Total(0, 0)
    assert len(cleanup.list_largest(core, kari.id)) == 2
