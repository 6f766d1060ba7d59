"""Room: counted once, never twice promised, warned of by state, lent for a while (S18, S20, S22, S23, N21)."""

import asyncio
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import core as cores
from mailcore.config import Config, Quota
from mailcore.domain import Away, Envelope
from mailcore.errors import MailError, NotAllowed, OverQuota
from mailcore.mail.reading import header
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import health
from mailcore.services.quota import quota, quota_warnings
from mailcore.services.quota.quota_warnings import LEVELS, level_reached, still_warned
from mailcore.services.sieve_scripts import out_of_office
from mailcore.store.mail.quota import Warned
from mailcore.store.queue.items import delete_item, list_items

MIB = 2**20
MESSAGE = b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\n"


@pytest.fixture
def ola(core):
    return accounts.add_account(
        core,
        "ola",
        display_name="Ola Nordmann",
        password="correct horse battery",
        contact="ola@elsewhere.example",
        quota=10 * MIB,
    )


def fill(core, account, percent, mailbox="INBOX"):
    """Put so much in that this is what is used."""
    now = accounts.load_account(core, account.id)
    octets = b"Subject: fill\r\n\r\n".ljust(now.quota * percent // 100 - now.used + 1, b"x")

    def write(tx):
        box = core.mail.mailbox(tx, account.id, mailbox)
        core.mail.append(
            tx, account.id, box.id, core.blobs.prepare(octets), frozenset(), core.clock.now(), enforce_quota=False
        )

    core.db.write(write)


def empty(core, account):
    def write(tx):
        for box in core.mail.mailboxes(tx, account.id):
            core.mail.expunge(tx, box.id, None, only_deleted=False)

    core.db.write(write)


def subjects(core, account):
    def read(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        return [f.header for f in core.mail.fetch(tx, box.id, [(1, 2**31)], frozenset({"header"}))]

    return [" ".join(header.values(block, "subject")) for block in core.db.read(read)]


def warnings(core, account):
    return [subject for subject in subjects(core, account) if "full" in subject or "plass" in subject]


def outside(core):
    return [item.recipient for item in core.db.read(lambda tx: list_items(tx))]


def receive(core, size=2000):
    address = "ola@alumni.example"
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))
    octets = MESSAGE.ljust(size, b"x")
    return asyncio.run(delivery.accept(core, Envelope("kari@outside.example", (address,)), [found], octets, b""))[0]


def test_s18_a_new_account_has_the_default_and_a_new_default_is_for_new_accounts_only(tmp_path):
    first = cores.build(Config(data=str(tmp_path)))
    assert accounts.add_account(first, "ola").quota == 2 * 2**30
    cores.close(first)
    later = cores.build(Config(data=str(tmp_path), quota=Quota(default="5G")))
    assert (accounts.add_account(later, "kari").quota, accounts.find_account(later, "ola").quota) == (
        5 * 2**30,
        2 * 2**30,
    )
    cores.close(later)


def test_s18_deliveries_at_the_same_time_cannot_share_the_last_room(tmp_path):
    """Several processes, each with a writer of its own; grace lets one message cross, never two."""
    made = [cores.build(Config(data=str(tmp_path))) for _ in range(3)]
    account = accounts.add_account(made[0], "ola", quota=1 * MIB)
    size, taken, refused = 100_000, [], []

    def deliver(core, number):
        prepared = core.blobs.prepare(b"Subject: %d\r\n\r\n".ljust(size, b"x") % number)
        box = core.db.read(lambda tx: core.mail.mailbox(tx, account.id, "INBOX"))
        try:
            core.db.write(lambda tx: core.mail.append(tx, account.id, box.id, prepared, frozenset(), core.clock.now()))
            taken.append(number)
        except OverQuota:
            refused.append(number)

    threads = [threading.Thread(target=deliver, args=(made[n % 3], n)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = accounts.load_account(made[0], account.id)
    assert now.used <= now.quota
    assert now.used > now.quota - size - 10  # and no room was wasted
    assert len(taken) + len(refused) == 30
    assert health.check_installation(made[0], repair=False) == []
    for core in made:
        cores.close(core)


def test_s18_the_recount_gives_the_same_number_and_mends_a_wrong_one(core, ola):
    for _ in range(5):
        receive(core)
    assert health.check_installation(core, repair=False) == []
    right = accounts.load_account(core, ola.id).used
    core.db.write(lambda tx: tx.run("UPDATE account SET used=used+17"))
    assert f"counts {right + 17} octets, its messages have {right}" in health.check_installation(core, repair=True)[0]
    assert accounts.load_account(core, ola.id).used == right


def test_s23_each_level_is_told_once_to_the_box_and_to_the_contact_address(core, ola):
    for percent, expected in ((79, 0), (81, 1), (85, 1), (91, 2), (96, 3), (101, 4), (120, 4)):
        fill(core, ola, percent)
        quota_warnings.warn_all(core)
        quota_warnings.warn_all(core)
        assert len(warnings(core, ola)) == expected, percent
    assert outside(core) == ["ola@elsewhere.example"] * 4
    assert warnings(core, ola)[-1] == "Postboksen din er full"


def test_s23_it_is_told_again_only_after_a_fall_of_five_points(core, ola):
    fill(core, ola, 81)
    quota_warnings.warn_all(core)
    for percent, told in ((76, 1), (81, 1), (75, 1), (82, 2)):
        empty(core, ola)
        fill(core, ola, percent)
        quota_warnings.warn_all(core)
        assert len(outside(core)) == told, percent


def test_s23_a_smaller_quota_warns_too(core, ola):
    fill(core, ola, 50)
    accounts.set_quota(core, "ola", 5 * MIB)
    assert warnings(core, ola) == ["Postboksen din er full"]
    assert accounts.load_account(core, ola.id).percent >= 100  # nothing was deleted


def test_s23_the_first_refusal_is_told_and_no_vacation_or_forwarding_answers(core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@gmail.example", copy=True, confirmed=True)
    out_of_office.save_away(core, ola.id, Away(True, None, None, "Borte", "tekst"))
    core.db.write(lambda tx: [delete_item(tx, item.id) for item in list_items(tx)])
    fill(core, ola, 101)
    for _ in range(3):
        core.db.write(
            lambda tx: quota_warnings.warn_refused(core, tx, ["ola+x@alumni.example", "nobody@alumni.example"])
        )
    assert warnings(core, ola) == ["E-post til deg ble avvist fordi det ikke var plass"]
    assert {item.origin for item in core.db.read(lambda tx: list_items(tx))} == {"notice"}
    assert outside(core) == ["ola@elsewhere.example"]


def test_s23_a_delivery_that_crosses_a_level_warns_at_once(core, ola):
    fill(core, ola, 79)
    receive(core, size=200_000)
    assert warnings(core, ola) == ["Postboksen din er 80 % full"]


def test_s23_deliveries_at_the_same_time_warn_once(tmp_path):
    """Several processes cross the same levels together: each is told once, and none passes the limit beside another."""
    made = [cores.build(Config(data=str(tmp_path))) for _ in range(3)]
    account = accounts.add_account(made[0], "ola", contact="ola@elsewhere.example", quota=3 * MIB)
    start, outcomes = threading.Barrier(12), []

    def deliver(core):
        start.wait()
        for _ in range(4):
            try:
                outcomes.append(receive(core, size=80_000).outcome.value)
            except OverQuota:
                outcomes.append("refused")

    threads = [threading.Thread(target=deliver, args=(made[n % 3],)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = sorted(warnings(made[0], account))
    assert len(told) == len(set(told)), told
    assert len(outside(made[0])) == len(told) >= 4
    now = accounts.load_account(made[0], account.id)
    assert now.quota <= now.used <= now.quota + 80_000 + 20_000  # one last message, and the warnings themselves
    assert outcomes.count("filed") < 48
    assert health.check_installation(made[0], repair=False) == []
    for core in made:
        cores.close(core)


def test_s20_after_data_a_message_without_room_is_refused_and_its_owner_told(core, ola):
    fill(core, ola, 50)
    assert receive(core, size=11 * MIB).outcome.value == "rejected"
    assert outside(core) == ["ola@elsewhere.example"]
    receive(core, size=11 * MIB)
    assert outside(core) == ["ola@elsewhere.example"]


def test_s23_an_unlimited_box_is_never_warned(core, ola):
    fill(core, ola, 99)
    accounts.set_quota(core, "ola", 0)
    assert quota_warnings.warn_all(core) == 0
    assert warnings(core, ola) == []


@given(st.lists(st.integers(0, 140), min_size=1, max_size=60))
def test_s23_between_two_warnings_of_one_level_usage_was_five_points_below_it(percents):
    warned, told = Warned(), {}
    for at, percent in enumerate(percents):
        warned = still_warned(warned, percent)
        level = level_reached(percent)
        if level > warned.level:
            warned = Warned(level, warned.refused)
            for crossed in (one for one in LEVELS if one <= level):
                if crossed == level and crossed in told:
                    assert min(percents[told[crossed] : at]) <= crossed - 5
                told[crossed] = at
        assert warned.level >= level_reached(percent)


def test_n21_a_fifth_more_for_fourteen_days_once_a_year(core, clock, ola):
    assert quota.borrow(core, ola.id).quota == 12 * MIB
    assert quota.find_loan(core, ola.id).until == clock.now() + timedelta(days=14)
    with pytest.raises(NotAllowed):
        quota.borrow(core, ola.id)
    clock.forward(days=13)
    assert (quota.end_extras(core), accounts.load_account(core, ola.id).quota) == (0, 12 * MIB)
    clock.forward(days=1)
    assert (quota.end_extras(core), accounts.load_account(core, ola.id).quota) == (1, 10 * MIB)
    assert quota.end_extras(core) == 0
    with pytest.raises(NotAllowed):
        quota.borrow(core, ola.id)
    clock.forward(days=350)  # a day before the year is over
    with pytest.raises(NotAllowed):
        quota.borrow(core, ola.id)
    clock.forward(days=1)
    assert quota.borrow(core, ola.id).quota == 12 * MIB


def test_n21_staff_who_set_the_quota_end_the_loan(core, clock, ola):
    quota.borrow(core, ola.id)
    accounts.set_quota(core, "ola", 20 * MIB)
    clock.forward(days=15)
    assert (quota.end_extras(core), accounts.load_account(core, ola.id).quota) == (0, 20 * MIB)


def test_s22_a_quota_with_an_end_is_told_audited_and_taken_back(core, clock, ola):
    end = clock.now() + timedelta(days=90)
    assert quota.change_quota(core, ola.id, 30 * MIB, actor="agent", until=end, notify=True).quota == 30 * MIB
    assert [entry.actor for entry in audit.list_entries(core, ola.id) if entry.event.startswith("quota")] == ["agent"]
    assert len(subjects(core, ola)) == 2
    clock.forward(days=91)
    assert (quota.end_extras(core), accounts.load_account(core, ola.id).quota) == (1, 10 * MIB)
    with pytest.raises(MailError):
        quota.change_quota(core, ola.id, 1 * MIB, until=end)
