"""A delivery is planned outside of the write; the write does it only while all that the plan rests on still holds."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.domain import AccountId, Delivered, Envelope, Outcome, Refusal, Verdict
from mailcore.errors import Busy, RoomGone
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, planning, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.limits import mail_limits
from mailcore.services.mailauth import dkim_keys
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery import records
from mailcore.store.mail import annotations
from mailcore.store.mail.messages import GRACE
from mailcore.store.webmail import blocked_senders

OLA, KARI = "ola@alumni.example", "kari@alumni.example"
OUTSIDE = Verdict("outside.example", spf="pass", dmarc="pass", spf_aligned=True, dkim_aligned=True, outside=True)
MESSAGE = b"From: ann@outside.example\r\nTo: ola@alumni.example\r\nSubject: hei\r\nMessage-ID: <%d@x>\r\n\r\nbody\r\n"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    for name in ("ola", "kari"):
        accounts.add_account(made, name, quota=2**30, password="en lang hemmelighet")
    made.db.write(lambda tx: tx.run("DELETE FROM queue"))
    yield made
    cores.close(made)


def account(core: Core, name: str = "ola") -> AccountId:
    return accounts.find_account(core, name).id


def personal(core: Core, source: str) -> None:
    filters.put_script(core, account(core), "mine", source)
    filters.set_active_script(core, account(core), "mine")


async def adeliver(core: Core, *to: str, octets: bytes = MESSAGE % 1) -> list[Delivered]:
    envelope = Envelope("ann@outside.example", to)
    found = await core.db.aread(lambda tx: [recipients.check_recipient(core, tx, one, None) for one in to])
    return await delivery.accept(core, envelope, found, octets, b"Received: here\r\n", OUTSIDE)


def deliver(core: Core, *to: str, octets: bytes = MESSAGE % 1) -> list[Delivered]:
    return asyncio.run(adeliver(core, *(to or (OLA,)), octets=octets))


def after_plans(monkeypatch: pytest.MonkeyPatch, change: Callable[[int], None]) -> list[int]:
    """Let something change each time when a plan is made and not written yet; gives the plans made, with their number."""
    made, make_plan = [], planning.make_plan

    def watched(*args, **more):
        plan = make_plan(*args, **more)
        made.append(len(made))
        change(len(made))
        return plan

    monkeypatch.setattr(planning, "make_plan", watched)
    return made


def elsewhere(change: Callable[[], object]) -> None:
    """As another process would: whoever plans may be reading."""
    thread = Thread(target=change)
    thread.start()
    thread.join()


def once(change: Callable[[], object]) -> Callable[[int], None]:
    return lambda number: elsewhere(change) if number == 1 else None


SCRIPTS = {
    "by the loop": 'require "fileinto"; fileinto "Archive";',
    "by a thread": 'require ["fileinto", "body"]; if body :contains "body" { fileinto "Archive"; }',
}


@pytest.mark.parametrize("planned", SCRIPTS)
def test_a_script_that_changes_meanwhile_is_the_one_that_decides(core, monkeypatch, planned):
    personal(core, SCRIPTS[planned])
    made = after_plans(monkeypatch, once(lambda: personal(core, "discard;")))
    assert deliver(core)[0].outcome is Outcome.DISCARDED
    assert len(made) == 2


@pytest.mark.once
def test_a_delivery_whose_owner_changes_the_script_all_the_time_is_written_all_the_same(core, monkeypatch):
    personal(core, "keep;")
    within: list[bool] = []

    def change(number: int) -> None:
        within.append(getattr(core.db._here, "writing", False))
        if not within[-1]:
            elsewhere(lambda: personal(core, f"keep; # {number}"))

    after_plans(monkeypatch, change)
    assert deliver(core)[0].mailboxes == ("INBOX",)
    assert within == [False] * (delivery.PLANS + 1) + [True]  # by the loop, by threads, and then within the write


QUESTIONS = {
    "a mailbox": (
        'require ["mailbox", "fileinto"]; if mailboxexists "Later" { fileinto "Later"; }',
        lambda core, tx: core.mail.create(tx, account_of(tx), "Later"),
        ("Later",),
    ),
    "the address book": (
        'require ["extlists", "envelope", "fileinto"];'
        ' if envelope :list "from" ":addrbook:blocked" { fileinto "Junk"; }',
        lambda core, tx: blocked_senders.save_blocked(tx, account_of(tx), "ann@outside.example", 1),
        ("Junk",),
    ),
    "an annotation": (
        'require ["mboxmetadata", "fileinto"]; if metadata "INBOX" "/private/comment" "x" { fileinto "Junk"; }',
        lambda core, tx: annotations.save_entry(
            tx, account_of(tx), core.mail.mailbox(tx, account_of(tx), "INBOX").id, "/private/comment", b"x"
        ),
        ("Junk",),
    ),
}


def account_of(tx) -> AccountId:
    return AccountId(tx.row("SELECT id FROM account WHERE name='ola'")[0])


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_a_script_has_asked_is_asked_again_in_the_write(core, monkeypatch, name):
    source, change, boxes = QUESTIONS[name]
    personal(core, source)

    made = after_plans(monkeypatch, once(lambda: core.db.write(lambda tx: change(core, tx))))
    assert deliver(core)[0].mailboxes == boxes
    assert len(made) == 2


def test_of_copies_that_come_at_once_duplicate_keeps_one(core):
    personal(core, 'require "duplicate"; if duplicate { discard; }')

    async def play() -> list[Outcome]:
        done = await asyncio.gather(*(adeliver(core, OLA) for _ in range(8)))
        return sorted(one.outcome for [one] in done)

    assert asyncio.run(play()) == [Outcome.DISCARDED] * 7 + [Outcome.FILED]


def test_of_messages_that_come_at_once_one_is_answered(core):
    personal(core, 'require "vacation"; vacation "away";')

    async def play() -> None:
        await asyncio.gather(*(adeliver(core, OLA, octets=MESSAGE % n) for n in range(6)))

    asyncio.run(play())
    assert core.db.read(lambda tx: tx.rows("SELECT recipient FROM queue")) == [("ann@outside.example",)]


def test_a_box_that_is_filled_between_plan_and_write_refuses(core, monkeypatch):
    after_plans(monkeypatch, once(lambda: accounts.set_quota(core, "ola", 10)))
    [done] = deliver(core)
    assert (done.outcome, done.refusal) == (Outcome.REJECTED, Refusal.FULL)


@pytest.mark.parametrize(("before", "after"), [(0, 2**29), (GRACE, GRACE + 100_000)], ids=["much", "little"])
def test_a_box_that_gets_room_between_plan_and_write_takes_the_message(core, monkeypatch, before, after):
    def leave(octets: int) -> None:
        core.db.write(lambda tx: tx.run("UPDATE account SET used=quota-? WHERE name='ola'", octets))

    made = after_plans(monkeypatch, once(lambda: leave(after)))
    [found] = core.db.read(lambda tx: [recipients.check_recipient(core, tx, OLA, None)])
    leave(before)
    envelope, octets = Envelope("ann@outside.example", (OLA,)), MESSAGE % 1 + b"x" * GRACE
    [done] = asyncio.run(delivery.accept(core, envelope, [replace(found, facts=None)], octets, b"", OUTSIDE))
    assert (done.outcome, len(made)) == (Outcome.FILED, 2)


def test_a_box_that_is_filled_between_plan_and_write_beside_others_makes_the_sender_come_again(core, monkeypatch):
    after_plans(monkeypatch, once(lambda: accounts.set_quota(core, "ola", 10)))
    with pytest.raises(RoomGone):
        deliver(core, OLA, KARI)
    assert not core.db.read(lambda tx: records.list_records(tx, account(core, "kari"), 0))


def test_a_full_boxes_rule_is_known_by_its_kind_and_not_by_its_words(core):
    personal(core, 'require "ereject"; ereject "Postboksen er full / The mailbox is full";')
    [done] = deliver(core)
    assert (done.outcome, done.refusal) == (Outcome.REJECTED, Refusal.RULE)


def test_a_personal_script_sends_so_many_copies_on_a_day_and_then_they_stay(core, monkeypatch):
    monkeypatch.setattr(mail_limits, "REDIRECTED_DAY", 2)
    personal(core, 'redirect "friend@elsewhere.example";')
    done = [deliver(core, octets=MESSAGE % n)[0] for n in range(3)]
    assert [one.outcome for one in done] == [Outcome.FORWARDED, Outcome.FORWARDED, Outcome.FILED]
    assert done[-1].mailboxes == ("INBOX",)
    [newest, *_] = core.db.read(lambda tx: records.list_records(tx, account(core), 0))
    assert '["held", "limit"]' in newest.rules
    assert len(core.db.read(lambda tx: tx.rows("SELECT 1 FROM queue"))) == 2


# S25: what cannot be queued stays here


@pytest.fixture
def nothing_goes_on(core: Core) -> Iterator[None]:
    """The last statement that queues a forwarded copy fails."""
    core.db.write(lambda tx: tx.run("ALTER TABLE onward RENAME TO onward_away"))
    yield
    core.db.write(lambda tx: tx.run("ALTER TABLE onward_away RENAME TO onward"))


def queued(core: Core) -> list[tuple[str]]:
    return core.db.read(lambda tx: tx.rows("SELECT recipient FROM queue"))


def inbox(core: Core, name: str = "ola") -> int:
    return core.db.read(lambda tx: core.mail.mailbox(tx, account(core, name), "INBOX")).messages


def newest_rules(core: Core) -> str:
    return core.db.read(lambda tx: records.list_records(tx, account(core), 0))[0].rules


@pytest.mark.parametrize(
    ("script", "boxes"),
    [
        ('redirect "friend@elsewhere.example";', ("INBOX",)),
        ('require "copy"; redirect :copy "friend@elsewhere.example";', ("INBOX",)),
        ('require "fileinto"; redirect "friend@elsewhere.example"; fileinto "Junk";', ("Junk",)),
        ('require "fileinto"; fileinto "Junk"; redirect "friend@elsewhere.example";', ("Junk",)),
        ('redirect "friend@elsewhere.example"; redirect "other@elsewhere.example";', ("INBOX",)),
    ],
)
def test_s25_a_copy_that_cannot_be_queued_is_kept(core, nothing_goes_on, script, boxes):
    personal(core, script)
    [done, other] = deliver(core, OLA, KARI)
    assert (done.outcome, done.mailboxes, other.outcome) == (Outcome.FILED, boxes, Outcome.FILED)
    assert queued(core) == []
    assert '["held", "queue"]' in newest_rules(core)


def test_s25_a_copy_that_cannot_be_queued_harms_nobody_in_the_same_commit(core, nothing_goes_on):
    personal(core, 'redirect "friend@elsewhere.example";')
    before = [inbox(core, name) for name in ("ola", "kari")]

    async def play() -> list[list[Delivered]]:
        return await asyncio.gather(*(adeliver(core, one, octets=MESSAGE % n) for n, one in enumerate((OLA, KARI) * 5)))

    assert {one.outcome for done in asyncio.run(play()) for one in done} == {Outcome.FILED}
    assert [inbox(core, name) for name in ("ola", "kari")] == [number + 5 for number in before]


def test_s25_a_forwarding_without_copies_keeps_what_cannot_be_queued(core, nothing_goes_on):
    forwarding.set_forwarding(core, account(core), "friend@elsewhere.example", copy=False, confirmed=True)
    before = inbox(core)
    assert deliver(core)[0].mailboxes == ("INBOX",)
    assert inbox(core) == before + 1


def test_s25_a_copy_that_cannot_be_made_is_kept(core):
    """A copy of our own mail is signed when it is forwarded, and here the key cannot be read."""
    personal(core, 'redirect "friend@elsewhere.example";')
    dkim_keys.folder(core.config).mkdir(exist_ok=True)
    dkim_keys.path(core.config, "rsa1").write_text("no key")
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, OLA, None))
    envelope = Envelope(KARI, (OLA,))
    [done] = asyncio.run(delivery.accept(core, envelope, [found], MESSAGE % 1, b"Received: here\r\n"))
    assert (done.outcome, done.mailboxes) == (Outcome.FILED, ("INBOX",))
    assert '["held", "queue"]' in newest_rules(core)


def test_s25_where_the_box_is_full_too_the_sender_comes_again(core, nothing_goes_on):
    forwarding.set_forwarding(core, account(core), "friend@elsewhere.example", copy=False, confirmed=True)
    core.db.write(lambda tx: tx.run("UPDATE account SET used=quota WHERE name='ola'"))
    before = inbox(core)
    with pytest.raises(Busy):
        deliver(core)
    assert ("friend@elsewhere.example",) not in queued(core)
    assert inbox(core) == before


def test_s25_what_went_to_one_of_two_targets_is_no_copy_that_expires(core, monkeypatch):
    monkeypatch.setattr(mail_limits, "REDIRECTED_DAY", 1)
    personal(core, 'redirect "friend@elsewhere.example"; redirect "other@elsewhere.example";')
    [done] = deliver(core)
    assert (done.outcome, done.mailboxes) == (Outcome.FILED, ("INBOX",))
    assert len(queued(core)) == 1
    assert core.db.read(lambda tx: tx.rows("SELECT 1 FROM kept_copy")) == []
