"""Leaving the university: reminders, the last day, and accounts that go on (S09, S12, S13, N8, N9)."""

import asyncio
import re
from datetime import date, timedelta

import pytest

from mailcore import core as cores
from mailcore.cli import connection_guard
from mailcore.config import Config, Directory
from mailcore.domain import Account, Affiliation, Envelope, Identity, Scope, Verdict
from mailcore.errors import TooManyVanished, WrongPassword
from mailcore.services.accounts import accounts, affiliations, desk, leaving
from mailcore.services.credentials import contact_addresses, credentials, login, login_log
from mailcore.services.delivery import delivery, queue_admin, recipients, submission
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import jobs
from mailcore.services.signin import recovery, web_sessions
from mailcore.services.tickets import tickets
from mailcore.store.people import affiliations as store
from mailcore.store.people.addresses import find_address_owner
from portal import create_app
from tests.directory import university
from tests.portal.conftest import Browser
from tests.readers import text_of

OURS, THEIRS = "en god lang setning", "directory pass æøå"
TODAY = date(2026, 6, 1)  # what the clock of the tests begins with


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with university(tmp_path_factory.mktemp("leaving")) as made:
        yield made


@pytest.fixture
def core(tmp_path, clock, slapd):
    made = cores.build(Config(data=str(tmp_path), directory=slapd.settings()), clock)
    yield made
    cores.close(made)


@pytest.fixture
def alone(tmp_path, clock):
    """A directory that nobody asks: what is known of people is written by the test."""
    made = cores.build(Config(data=str(tmp_path), directory=Directory(url="ldap://127.0.0.1:1", base="o=x")), clock)
    yield made
    cores.close(made)


def knows(core, account: Account, until: date | None, present: bool = True) -> None:
    found = Affiliation(account.person or "", account.name, ("student",), until, True)

    def write(tx):
        store.save_affiliations(tx, [found], core.clock.seconds())
        if not present:
            store.mark_vanished(tx, [found.person], core.clock.seconds())

    core.db.write(write)


def enter(core, name: str, password: str, scope: Scope = Scope.IMAP) -> Identity:
    return login.authenticate(core, name, password, peer="192.0.2.1", scope=scope)


def subjects(core, account: Account) -> list[str]:
    def read(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        rows = tx.rows(
            "SELECT b.header FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=? ORDER BY m.uid", box.id
        )
        return [re.search(rb"Subject: (.*)\r", bytes(row[0]))[1].decode() for row in rows]

    return core.db.read(read)[1:]  # the first is the welcome


# Reminders


def test_n8_one_who_leaves_is_asked_at_90_30_7_and_0_days(alone, clock):
    ola = accounts.add_account(alone, "ola", person="p1", contact="ola@home.example", language="en")
    knows(alone, ola, TODAY + timedelta(days=100))
    asked = []
    for day in range(101):
        if leaving.send_reminders(alone):
            asked.append(100 - day)
        clock.forward(days=1)
    assert asked == [90, 30, 7, 0]
    assert len([i for i in queue_admin.list_queue(alone) if i.recipient == "ola@home.example"]) == 4
    assert subjects(alone, ola)[0] == "Choose an alumni password before 09.09.2026"


def test_n8_choosing_is_not_enough_until_the_password_was_used(alone, clock):
    ola = accounts.add_account(alone, "ola", person="p1", language="en")
    alone.db.write(lambda tx: contact_addresses.mark_verified(alone, tx, ola.id, "ola@home.example"))
    knows(alone, ola, TODAY + timedelta(days=90))
    leaving.send_reminders(alone)
    credentials.set_password(alone, ola.id, OURS)
    clock.forward(days=60)
    assert leaving.send_reminders(alone) == 1
    assert subjects(alone, ola)[-1] == "Try your alumni password"
    enter(alone, "ola", OURS)
    recovery.create_codes(alone, ola)
    clock.forward(days=23)
    assert leaving.send_reminders(alone) == 0
    assert leaving.list_at_risk(alone) == []


def test_n8_without_an_end_in_the_directory_people_are_reminded_twice_a_year(alone, clock):
    ola = accounts.add_account(alone, "ola", person="p1")
    accounts.add_account(alone, "kari", person="p2", password=OURS)
    knows(alone, ola, None)
    told = 0
    for _ in range(365):
        told += leaving.send_reminders(alone)
        clock.forward(days=1)
    assert told == 2


def test_n8_where_no_end_is_known_none_is_told(alone, clock):
    ola = accounts.add_account(alone, "ola", person="p1", contact="ola@home.example", language="en")
    knows(alone, ola, None)
    credentials.set_password(alone, ola.id, OURS)
    assert leaving.send_reminders(alone) == 1
    [text] = [
        text
        for i in queue_admin.list_queue(alone)
        if "not used it yet" in (text := text_of(queue_admin.octets(alone, i.id)))
    ]
    assert "When your affiliation with the university ends, it is" in text


def test_n8_who_is_safe_but_cannot_be_reached_is_asked_for_a_contact_address_twice_a_year(alone, clock):
    ola, kari, far = (
        accounts.add_account(alone, name, person=name, password=OURS, language="en") for name in ("ola", "kari", "far")
    )
    for account, days in ((ola, 80), (kari, 80), (far, 300)):
        knows(alone, account, TODAY + timedelta(days=days))
        enter(alone, account.name, OURS)
    alone.db.write(lambda tx: contact_addresses.mark_verified(alone, tx, kari.id, "kari@home.example"))
    recovery.create_codes(alone, kari)
    assert (leaving.send_reminders(alone), leaving.send_reminders(alone)) == (1, 0)
    assert subjects(alone, ola) == ["How do we reach you if you forget your password?"]
    assert subjects(alone, kari) == subjects(alone, far) == []
    for account in (ola, far):  # who lacks the address is not asked for codes as well
        assert recovery.count_codes(alone, account) == 0
    told = 0
    for _ in range(0, 365, 5):
        clock.forward(days=5)
        told += leaving.send_reminders(alone)
    assert told == 2  # half a year later, and `far` at the 90th day
    assert leaving.list_at_risk(alone) == []


def test_n8_printed_recovery_codes_count_and_who_has_none_left_is_asked_to_print_some_once_a_year(alone, clock):
    printed, none, far = (
        accounts.add_account(alone, name, person=name, password=OURS, language="en")
        for name in ("anna", "berit", "carl")
    )
    for account, days in ((printed, 80), (none, 80), (far, 300)):
        knows(alone, account, TODAY + timedelta(days=days))
        enter(alone, account.name, OURS)
        address = f"{account.name}@home.example"
        alone.db.write(lambda tx, to=address, of=account: contact_addresses.mark_verified(alone, tx, of.id, to))
    codes = recovery.create_codes(alone, printed)
    assert (leaving.send_reminders(alone), leaving.send_reminders(alone)) == (1, 0)
    assert subjects(alone, none) == ["Print recovery codes"]
    assert subjects(alone, printed) == subjects(alone, far) == []
    for code in codes:
        recovery.spend_code(alone, printed, code)
    assert leaving.send_reminders(alone) == 1  # the last one is used
    assert subjects(alone, printed)[-1] == "Print recovery codes"
    clock.forward(days=220)
    assert leaving.send_reminders(alone) == 1  # `far`, whose end is near now
    assert leaving.send_reminders(alone) == 0
    clock.forward(days=150)
    assert leaving.send_reminders(alone) == 2


def test_n8_the_desk_sees_how_many_printed_codes_are_left(alone):
    ola = accounts.add_account(alone, "ola", person="p1")
    knows(alone, ola, TODAY + timedelta(days=5))
    assert [one.codes for one in desk.list_at_risk(alone)] == [0]
    codes = recovery.create_codes(alone, ola)
    recovery.spend_code(alone, ola, codes[0])
    assert [one.codes for one in desk.list_at_risk(alone)] == [9]


def test_n8_the_desk_sees_who_is_at_risk(alone):
    people = [
        ("gone", TODAY - timedelta(days=1), True),
        ("soon", TODAY + timedelta(days=5), True),
        ("later", TODAY + timedelta(days=80), True),
        ("far", TODAY + timedelta(days=200), True),
        ("away", None, False),
    ]
    for number, (name, until, present) in enumerate(people):
        knows(alone, accounts.add_account(alone, name, person=f"p{number}"), until, present)
    assert [leaver.name for leaver in leaving.list_at_risk(alone)] == ["away", "gone", "soon", "later"]


def test_n9_the_outlook_tells_which_password_stops_and_when(alone):
    ola = accounts.add_account(alone, "ola", person="p1")
    assert leaving.find_outlook(alone, ola.id) is None
    knows(alone, ola, TODAY + timedelta(days=12))
    look = leaving.find_outlook(alone, ola.id)
    assert (look.days, look.has_left, look.chosen, look.is_safe) == (12, False, False, False)


# On the day


def test_s13_after_the_last_day_the_directorys_password_is_good_for_choosing_another_only(core, clock, slapd):
    slapd.add("last", "p40", THEIRS, "student", until="20260601")
    accounts.add_account(core, "last", person="p40")
    assert enter(core, "last", THEIRS).source == "directory"
    clock.forward(days=1)
    with pytest.raises(WrongPassword):
        enter(core, "last", THEIRS)
    found = enter(core, "last", THEIRS, Scope.PORTAL)
    assert (found.source, found.ended) == ("directory", True)
    core.db.write(lambda tx: None)
    assert {event.outcome for event in login_log.list_logins(core, found.account.id)} == {"ok", "ended"}


def test_s12_who_is_in_quarantine_at_the_university_is_not_let_in_by_its_password(core, slapd):
    slapd.add("locked", "p41", THEIRS, "student")
    accounts.add_account(core, "locked", person="p41", password=OURS)
    slapd.set("locked", "accountStatus", "locked")
    for scope in (Scope.IMAP, Scope.PORTAL):
        with pytest.raises(WrongPassword):
            enter(core, "locked", THEIRS, scope)
    assert enter(core, "locked", OURS).source == "alumni"
    affiliations.sync_directory(core)
    assert affiliations.find_affiliation(core, "locked").blocked


def test_s12_a_changed_user_name_at_the_university_is_no_matter(core, slapd):
    slapd.add("newname", "p42", THEIRS, "student")
    accounts.add_account(core, "oldname", person="p42")
    assert enter(core, "oldname", THEIRS).source == "directory"
    with pytest.raises(WrongPassword):
        enter(core, "newname", THEIRS)


class _Connection:
    def __init__(self, identity: Identity) -> None:
        self.identity, self.why = identity, ""

    def end(self, why: str) -> None:
        self.why = why


def test_s13_what_the_directory_opened_ends_within_fifteen_minutes(core, clock, slapd, monkeypatch):
    slapd.add("leaver", "p43", THEIRS, "student")
    leaver = accounts.add_account(core, "leaver", person="p43", password=OURS)
    by_directory, by_ours = _Connection(enter(core, "leaver", THEIRS)), _Connection(enter(core, "leaver", OURS))
    web_sessions.begin_session(core, "token", leaver.id, "{}", source="directory", peer="192.0.2.1", agent="browser")
    web_sessions.begin_session(core, "other", leaver.id, "{}", source="alumni", peer="192.0.2.1", agent="browser")
    monkeypatch.setattr(connection_guard, "list_open", lambda _listeners: [by_directory, by_ours])

    def look() -> int:
        return asyncio.run(connection_guard.end_revoked(core, []))

    assert look() == 0
    slapd.remove("leaver")
    passed = 0
    while not by_directory.why:
        clock.forward(minutes=1)
        passed += 1
        look()
        affiliations.end_sessions_of_leavers(core)
        assert passed <= 15
    assert by_ours.why == ""
    found = web_sessions.load_session(core, "token")
    assert found is not None  # the offer to choose an alumni password comes first
    assert found.ended_at is not None
    while web_sessions.load_session(core, "token"):
        clock.forward(minutes=1)
        passed += 1
    assert passed <= 15
    assert web_sessions.load_session(core, "other").ended_at is None


@pytest.mark.parametrize("since_checked", [0, 80])
def test_s13_the_offer_and_the_end_come_in_time_at_the_pace_of_the_jobs(core, clock, slapd, since_checked):
    """At the worst moment: the answer is fresh when the entry goes, and the job has just had its turn."""
    slapd.add("worst", "p46", THEIRS, "student")
    worst = accounts.add_account(core, "worst", person="p46")
    web_sessions.begin_session(core, "token", worst.id, "{}", source="directory", peer="192.0.2.1", agent="browser")
    job = next(job for job in jobs.list_jobs(core) if job.run is affiliations.end_sessions_of_leavers)
    affiliations.refresh_affiliation(core, worst)
    clock.forward(seconds=since_checked)
    jobs.run_due(core, job)
    slapd.remove("worst")
    offered = ended = None
    for second in range(0, 1200, 10):
        clock.forward(seconds=10)
        jobs.run_due(core, job)
        found = web_sessions.load_session(core, "token")
        offered = offered or (second if found is not None and found.ended_at is not None else None)
        ended = ended or (second if found is None else None)
    assert offered is not None
    assert ended is not None
    assert offered <= 240
    assert ended - offered >= 590  # ten minutes for choosing
    assert ended <= 900


def test_s13_a_silent_directory_ends_nothing(core, clock, slapd):
    slapd.add("stays", "p44", THEIRS, "student")
    accounts.add_account(core, "stays", person="p44")
    opened = enter(core, "stays", THEIRS)
    slapd.stop()
    try:
        clock.forward(hours=2)
        assert affiliations.is_still_affiliated(core, opened)
    finally:
        slapd.start()
    assert affiliations.is_still_affiliated(core, opened)


def test_s13_one_who_comes_back_after_long_confirms_it_before_mail_opens(core, clock, slapd):
    slapd.add("back", "p45", THEIRS, "student")
    back = accounts.add_account(core, "back", person="p45", password=OURS)
    affiliations.sync_directory(core)
    slapd.remove("back")
    affiliations.sync_directory(core)
    clock.forward(days=400)
    slapd.add("back", "p45", "another " + THEIRS, "employee")
    affiliations.sync_directory(core)
    with pytest.raises(WrongPassword):
        enter(core, "back", "another " + THEIRS)
    assert enter(core, "back", "another " + THEIRS, Scope.PORTAL).source == "directory"
    affiliations.confirm_return(core, back)
    assert enter(core, "back", "another " + THEIRS).source == "directory"


def test_s13_when_too_many_vanish_the_desk_is_told_once(core, slapd):
    for number in range(8):
        slapd.add(f"crowd{number}", f"c{number}", THEIRS, "student")
    affiliations.sync_directory(core)
    for number in range(8):
        slapd.remove(f"crowd{number}")
    for _ in range(2):
        with pytest.raises(TooManyVanished):
            affiliations.sync_directory(core)
    assert len([t for t in tickets.list_tickets(core) if "too many people" in t.subject]) == 1


def test_s13_a_directory_that_is_empty_ends_no_sessions_one_by_one(core, clock, slapd):
    """The log-ins that are open are asked for one at a time: there, too, many at once are not believed."""
    crowd = []
    for number in range(12):
        slapd.add(f"open{number}", f"o{number}", THEIRS, "student")
        crowd.append(accounts.add_account(core, f"open{number}", person=f"o{number}"))
        web_sessions.begin_session(
            core, f"token{number}", crowd[-1].id, "{}", source="directory", peer="192.0.2.1", agent="browser"
        )
    affiliations.sync_directory(core)
    for number in range(12):
        slapd.remove(f"open{number}")
    clock.forward(minutes=5)
    ended = affiliations.end_sessions_of_leavers(core)
    assert ended <= 3
    assert len([t for t in tickets.list_tickets(core) if "too many people" in t.subject]) == 1
    assert (
        leaving.send_reminders(core) >= 9
    )  # those who stand are reminded as ever, not sent the links of those who have gone
    clock.forward(hours=2)
    with pytest.raises(TooManyVanished):
        affiliations.sync_directory(core)
    assert affiliations.sync_directory(core, believe=True).vanished >= 9
    assert affiliations.end_sessions_of_leavers(core) >= 9


def test_s13_a_directory_that_blocks_everybody_at_once_is_not_believed(core, slapd):
    for number in range(8):
        slapd.add(f"block{number}", f"b{number}", THEIRS, "student")
    affiliations.sync_directory(core)
    for number in range(8):
        slapd.set(f"block{number}", *(("accountStatus", "locked") if number % 2 else ("universityUntil", "20200101")))
    with pytest.raises(TooManyVanished):
        affiliations.sync_directory(core)
    for number in range(8):
        slapd.remove(f"block{number}")


def test_s09_without_any_affiliation_everything_goes_on(alone, clock):
    ola = accounts.add_account(alone, "ola", person="p1", password=OURS)
    knows(alone, ola, TODAY, present=False)
    forwarding.set_forwarding(alone, ola.id, "ola@work.example", copy=True, confirmed=True)
    browser = Browser(create_app(alone).test_client())
    for days in (1, 365):
        clock.forward(days=days)
        for job in jobs.list_jobs(alone):
            if job.run not in (affiliations.sync_directory,) and not job.waits:
                jobs.run_due(alone, job)
        for scope in Scope:
            assert enter(alone, "ola", OURS, scope).source == "alumni"
        assert browser.log_in("ola", OURS).headers["Location"] == "/mail/"
        browser.send("/account", to="/logout")
        out, home = f"friend{days}@outside.example", ("ola@alumni.example",)
        letter = b"From: ola@alumni.example\r\nSubject: hei\r\n\r\nHei\r\n"
        asyncio.run(submission.submit(alone, ola, Envelope(home[0], (out,), "192.0.2.1"), letter))
        found = alone.db.read(lambda tx: recipients.check_recipient(alone, tx, "ola@alumni.example", None))
        asyncio.run(
            delivery.accept(
                alone, Envelope(out, home), [found], letter.replace(b"ola@alumni", b"a@out"), b"", Verdict()
            )
        )
        queued = [(item.recipient, item.origin) for item in queue_admin.list_queue(alone)]
        assert out in {recipient for recipient, _origin in queued}
        assert queued.count(("ola@work.example", "forward")) == (1 if days == 1 else 2)
        assert alone.db.read(lambda tx: find_address_owner(tx, "ola", "alumni.example")) == ola.id
    assert accounts.find_account(alone, "ola").state == "active"
