"""The end of the service: twelve months, everybody told, and nothing that ends by itself (N11)."""

import csv
import io
from collections import Counter
from datetime import date
from functools import partial

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import InvalidName, LinkExpired, MailError, NotAllowed
from mailcore.services.accounts import accounts, closing, orders, sunset, sunset_notices, tombstones
from mailcore.services.credentials import contact_addresses, login
from mailcore.services.delivery import queue_admin
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import jobs
from mailcore.store.people import sunset as store
from tests.readers import text_of
from tests.services.conftest import SetClock

PASSWORD = "en god lang setning"
END = date(2027, 6, 1)  # twelve months after the day that the clock of the tests begins with
WHY = {"nb": "Universitetet slår seg sammen med et annet.", "nn": "Universitetet slår seg saman.", "en": "We merge."}


@pytest.fixture
def ola(core: Core) -> Account:
    made = accounts.add_account(
        core, "ola", display_name="Ola Nordmann", password=PASSWORD, contact="ola@home.example", person="p1"
    )
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, made.id, "ola@home.example"))
    return made


@pytest.fixture
def kari(core: Core) -> Account:
    return accounts.add_account(core, "kari", password=PASSWORD, language="en")


def in_box(core: Core, account: Account) -> list[str]:
    """Notices that lie in the box, by the first line of their text."""

    def read(tx):
        rows = tx.rows(
            "SELECT o.octets FROM message m JOIN mailbox b ON b.id=m.mailbox JOIN blob_octets o ON o.blob=m.blob"
            " WHERE b.account_id=? ORDER BY m.uid",
            account.id,
        )
        return [text_of(bytes(row[0])) for row in rows]

    return [text for text in core.db.read(read) if "/sunset" in text or "avsluttes" in text or "would end" in text]


def mailed(core: Core, address: str) -> list[str]:
    return [text_of(queue_admin.octets(core, i.id)) for i in queue_admin.list_queue(core) if i.recipient == address]


def see(core: Core, account: Account) -> None:
    """A mail program shows the newest notice."""
    core.db.write(
        lambda tx: tx.run(
            "UPDATE message SET flags=flags|1 WHERE (mailbox,uid)=(SELECT m.mailbox,m.uid FROM message m JOIN mailbox b"
            " ON b.id=m.mailbox WHERE b.account_id=? ORDER BY m.uid DESC LIMIT 1)",
            account.id,
        )
    )


def run_days(core: Core, clock: SetClock, days: int) -> list[int]:
    """On which days before the end somebody was written to."""
    told = []
    for _ in range(days):
        if sunset_notices.notify_people(core):
            told.append((END - clock.now().date()).days)
        clock.forward(days=1)
    return told


def test_n11_twelve_months_are_the_least(core: Core) -> None:
    with pytest.raises(NotAllowed, match="2027-06-01"):
        sunset.announce_end(core, date(2027, 5, 31))
    assert sunset.find_current(core) is None
    assert sunset.announce_end(core, END).ends == END
    with pytest.raises(NotAllowed):
        sunset.announce_end(core, date(2030, 1, 1))
    assert sunset.add_year(date(2028, 2, 29)) == date(2029, 3, 1)


def test_n11_why_is_told_in_three_languages_or_not_at_all(core: Core) -> None:
    with pytest.raises(InvalidName, match="nn"):
        sunset.announce_end(core, END, words={"nb": "Fordi.", "en": "Because."})
    for bad in ("no address", 'https://x.example/"><script>', "javascript:alert(1)", "x@alumni.example"):
        with pytest.raises(InvalidName):
            sunset.announce_end(core, END, successor=bad)
    assert sunset.announce_end(core, END, words=WHY, successor="https://new.example/mail").words == WHY


def test_n11_everybody_is_told_at_the_address_itself_and_at_the_contact_in_their_language(core, ola, kari) -> None:
    sunset.announce_end(core, END, words=WHY, successor="post@university.example")
    assert sunset_notices.notify_people(core) == 2
    assert sunset_notices.notify_people(core) == 0
    for text in (*in_box(core, ola), *mailed(core, "ola@home.example")):
        assert "Siste dag er 01.06.2027" in text
        assert WHY["nb"] in text
        assert "post@university.example" in text
    assert (len(in_box(core, ola)), len(mailed(core, "ola@home.example"))) == (1, 1)
    [english] = in_box(core, kari)
    assert "The last day is 01.06.2027" in english
    assert WHY["en"] in english


def test_n11_where_the_address_is_forwarded_to_the_notice_goes_too(core, ola) -> None:
    forwarding.set_forwarding(core, ola.id, "ola@work.example", copy=False, confirmed=True)
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    assert len([text for text in mailed(core, "ola@work.example") if "/sunset/read/" in text]) == 1


def test_n11_a_full_box_and_a_script_that_discards_keep_nobody_from_hearing_it(core, ola) -> None:
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=1 WHERE id=?", ola.id))
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    assert len(in_box(core, ola)) == 1


def test_n11_who_has_not_read_it_hears_it_every_month_and_who_has_only_at_the_milestones(
    core, clock, ola, kari
) -> None:
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    sunset.confirm_read(core, ola.id)
    run_days(core, clock, 370)
    assert len(in_box(core, ola)) == 6  # at once, and 180, 90, 30, 7 and 0 days before
    assert 12 <= len(in_box(core, kari)) <= 16
    assert sunset.find_person(core, ola.id).read_at is not None


def test_n11_the_milestones_are_told_on_their_days(core, clock, ola) -> None:
    sunset.announce_end(core, END)
    sunset.confirm_read(core, ola.id)
    assert run_days(core, clock, 370) == [365, 180, 90, 30, 7, 0]


def test_n11_an_outage_of_weeks_is_caught_up_with_one_notice(core, clock, ola) -> None:
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    sunset.confirm_read(core, ola.id)
    clock.forward(days=360)
    assert run_days(core, clock, 3) == [5]


def test_n11_a_notice_that_was_seen_in_the_mailbox_was_read(core, ola, kari) -> None:
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    assert sunset.count_progress(core).read == 0
    see(core, kari)
    found = sunset.count_progress(core)
    assert (found.accounts, found.told, found.read, found.by_mailbox, found.unread) == (2, 2, 1, 1, 1)
    assert sunset.find_person(core, kari.id).how == "mailbox"


def test_n11_another_message_that_was_seen_proves_nothing(core, ola) -> None:
    see(core, ola)  # the welcome
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    assert sunset.count_progress(core).read == 0


def test_n11_the_link_in_the_mail_says_whose_it_is_and_does_nothing_else(core, ola, kari) -> None:
    found = sunset.announce_end(core, END)
    token = sunset.format_link(core, found, ola.id).rpartition("/")[2]
    assert sunset.find_owner(core, token).name == "ola"
    number, _, mark = token.partition("-")
    for forged in (f"{kari.id}-{mark}", f"{number}-{mark[:-1]}", "x", "", "-", f"²-{mark}", f"{'9' * 40}-{mark}"):
        with pytest.raises(LinkExpired):
            sunset.find_owner(core, forged)
    sunset.withdraw_end(core)
    with pytest.raises(LinkExpired):
        sunset.find_owner(core, token)
    again = sunset.announce_end(core, END)
    with pytest.raises(LinkExpired):  # the old announcement's link does not confirm the new one
        sunset.find_owner(core, token)
    assert again.id != found.id


def test_n11_letters_are_for_those_who_cannot_be_reached_or_have_not_read(core, ola, kari) -> None:
    accounts.add_account(core, "per", display_name='=HYPERLINK("http://evil")', person="p9")
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    sunset.confirm_read(core, kari.id)
    found = sunset.list_letters(core)
    assert {one.name: sunset.explain_letter(one) for one in found} == {
        "ola": "not read",
        "per": "no confirmed contact address",
    }
    rows = list(csv.DictReader(io.StringIO(sunset.format_letters_csv(core, found))))
    assert [row["address"] for row in rows] == ["ola@alumni.example", "per@alumni.example"]
    assert rows[1]["name"].startswith("'=")  # no formula in the spreadsheet of the printer's
    sunset.record_letters(core, found)
    assert sunset.list_letters(core) == []
    assert [one.name for one in sunset.list_letters(core, again=True)] == ["ola", "per"]
    progress = sunset.count_progress(core)
    assert (progress.letters, progress.letters_sent) == (0, 2)


def test_n11_no_account_is_ordered_of_a_service_that_ends(core) -> None:
    submit = partial(
        orders.submit_order,
        core,
        name="ny",
        display_name="Ny",
        contact="ny@home.example",
        affiliation="",
        language="nb",
        terms=True,
        key="k",
    )
    sunset.announce_end(core, END)
    with pytest.raises(NotAllowed):
        submit()
    sunset.withdraw_end(core)
    submit()


def test_n11_when_it_is_withdrawn_everybody_who_was_told_hears_of_it_once(core, ola, kari) -> None:
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    late = accounts.add_account(core, "late", password=PASSWORD)
    sunset.withdraw_end(core)
    assert sunset.find_current(core) is None
    assert (sunset_notices.notify_people(core), sunset_notices.notify_people(core)) == (2, 0)
    assert "continues" in outgoing_subjects(core, kari)
    assert in_box(core, late) == []
    with pytest.raises(LinkExpired):
        sunset.withdraw_end(core)


def outgoing_subjects(core: Core, account: Account) -> str:
    def read(tx):
        rows = tx.rows(
            "SELECT b.header FROM message m JOIN mailbox x ON x.id=m.mailbox JOIN blob b ON b.id=m.blob"
            " WHERE x.account_id=?",
            account.id,
        )
        return " ".join(bytes(row[0]).decode() for row in rows)

    return str(core.db.read(read))


def test_n11_nothing_ends_by_itself_and_nothing_at_all_before_the_day(core, clock, ola, kari) -> None:
    sunset.announce_end(core, END)
    table = [job for job in jobs.list_jobs(core) if not job.waits]
    for days in (0, 364, 1, 1, 400):
        clock.forward(days=days)
        if clock.now().date() <= END:
            with pytest.raises(NotAllowed):
                sunset.list_closable(core)
        for job in table:
            jobs.run_due(core, job)
    for name in ("ola", "kari"):
        assert login.authenticate(core, name, PASSWORD, peer="192.0.2.1", scope=Scope.IMAP).account.name == name


def test_n11_after_the_day_a_command_closes_accounts_that_have_known_for_a_year(core, clock, ola, kari) -> None:
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    sunset.set_new_address(core, ola.id, "ola@new.example")
    core.db.write(lambda tx: tx.run("DELETE FROM sunset_person WHERE account_id=?", kari.id))  # she was not told
    clock.forward(days=366)
    ready, waiting = sunset.list_closable(core)
    assert ([one.name for one in ready], waiting) == (["ola"], 1)
    assert [closed.state for closed in sunset.close_accounts(core, ready)] == ["closed"]
    assert accounts.find_account(core, "kari").state == "active"
    undo = closing.reopen_account(core, ola.id)
    assert undo.state == "active"


def test_n12_after_the_end_the_new_address_is_told_to_those_who_were_written_to(core, clock, ola) -> None:
    sent = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Sent"))
    letter = core.blobs.prepare(b"From: ola@alumni.example\r\nTo: friend@far.example\r\nSubject: hei\r\n\r\nHei\r\n")
    core.db.write(lambda tx: core.mail.append(tx, ola.id, sent.id, letter, frozenset(), core.clock.now()))
    sunset.announce_end(core, END)
    sunset_notices.notify_people(core)
    sunset.set_new_address(core, ola.id, "ola@new.example")
    clock.forward(days=366)
    list(sunset.close_accounts(core, sunset.list_closable(core)[0]))

    def told(sender: str) -> str:
        return core.db.read(lambda tx: tombstones.find_new_address(core, tx, "ola", "alumni.example", sender))

    assert told("friend@far.example") == "ola@new.example"
    assert told("stranger@far.example") == ""


def test_n11_a_new_address_must_be_outside(core, ola) -> None:
    sunset.announce_end(core, END)
    with pytest.raises(InvalidName):
        sunset.set_new_address(core, ola.id, "kari@alumni.example")
    sunset.set_new_address(core, ola.id, "ola@new.example")
    sunset.set_new_address(core, ola.id, "")
    assert sunset.find_person(core, ola.id).new_address == ""


def test_n11_without_an_announcement_the_job_does_nothing(core, ola) -> None:
    assert sunset_notices.notify_people(core) == 0
    assert sunset.find_person(core, ola.id) is None
    for ask in (sunset.count_progress, sunset.list_letters, sunset.list_closable):
        with pytest.raises(MailError):
            ask(core)


@pytest.mark.slow
def test_n11_many_people_are_told_in_turns_and_each_once(core, clock, monkeypatch) -> None:
    monkeypatch.setattr(sunset_notices, "AT_ONCE", 50)
    list(accounts.import_accounts(core, [accounts.NewAccount(f"p{n}") for n in range(120)]))
    sunset.announce_end(core, END)
    assert [sunset_notices.notify_people(core) for _ in range(4)] == [50, 50, 20, 0]
    found = core.db.read(lambda tx: Counter(row[0] for row in tx.rows("SELECT account_id FROM sunset_notice")))
    assert set(found.values()) == {1}
    assert core.db.read(lambda tx: store.list_due(tx, 1, clock.seconds(), 10)) == []
