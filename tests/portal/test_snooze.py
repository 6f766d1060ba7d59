"""Messages that are put aside come back to the inbox at their time, unseen, and as if they came then."""

from datetime import timedelta

import pytest

from mailcore.errors import MailboxNotFound, NotAllowed
from mailcore.services.accounts import accounts
from mailcore.services.webmail import mail_actions, mailboxes, snooze
from tests.portal.mailing import count, day, later, letter, put

SEEN = frozenset({"\\Seen", "\\Flagged"})


def put_aside(core, ola, *, hours: int = 2, **more) -> int:
    uid = put(core, ola, letter(), flags=SEEN, at=day(1))
    done = snooze.snooze(core, ola.id, "INBOX", [uid], core.clock.now() + timedelta(hours=hours))
    assert done.target == snooze.NAME
    return done.uids[0]


WELCOME = 1  # message of ours that every inbox begins with


def press(inside, address: str, **fields: str) -> str:
    answer = inside.send(address.removesuffix("/snooze"), to=address, **fields)
    return inside.get(answer.location).text


def test_a_message_waits_in_its_mailbox_and_comes_back_unseen_on_top(core, ola):
    put(core, ola, letter(2, subject="Ny"))
    put_aside(core, ola)
    assert (count(core, ola, "INBOX"), count(core, ola, snooze.NAME)) == (WELCOME + 1, 1)
    assert snooze.wake_due(core) == 0
    assert snooze.wake_due(later(core, hours=2)) == 1
    assert snooze.wake_due(later(core, hours=2)) == 0
    assert (count(core, ola, "INBOX"), count(core, ola, snooze.NAME)) == (WELCOME + 2, 0)
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    newest = core.db.read(lambda tx: core.mail.infos(tx, box.id, [(1, 2**32)]))[-1]
    assert newest.flags == {"\\Flagged"}
    assert timedelta(hours=1.9) < newest.internal_date - core.clock.now() < timedelta(hours=2)
    assert box.unseen == WELCOME + 2


def test_an_account_that_fails_keeps_no_other_waiting(core, ola, caplog):
    kari = accounts.add_account(core, "kari")
    for owner in (ola, kari):
        put_aside(core, owner)
    core.db.write(lambda tx: tx.run("UPDATE mailbox SET name='Lost' WHERE account_id=? AND name='INBOX'", ola.id))
    assert snooze.wake_due(later(core, hours=2)) == 1
    assert (count(core, ola, snooze.NAME), count(core, kari, snooze.NAME)) == (1, 0)
    assert f"account {ola.id} wait" in caplog.text
    core.db.write(lambda tx: tx.run("UPDATE mailbox SET name='INBOX' WHERE account_id=? AND name='Lost'", ola.id))
    assert snooze.wake_due(later(core, hours=2)) == 1


def test_a_new_time_replaces_the_old_one(core, ola):
    uid = put_aside(core, ola)
    snooze.snooze(core, ola.id, snooze.NAME, [uid], core.clock.now() + timedelta(hours=5))
    assert snooze.wake_due(later(core, hours=3)) == 0
    assert snooze.wake_due(later(core, hours=6)) == 1


def test_what_was_moved_out_meanwhile_stays_where_it_is(core, ola):
    uid = put_aside(core, ola)
    mail_actions.apply_action(core, ola.id, snooze.NAME, [uid], "archive")
    assert snooze.wake_due(later(core, hours=3)) == 0
    assert count(core, ola, "Archive") == 1


def test_a_mailbox_that_was_renamed_or_deleted_loses_nothing(core, ola):
    put_aside(core, ola)
    mailboxes.rename_mailbox(core, ola.id, snooze.NAME, "Senere")
    put_aside(core, ola)
    mailboxes.delete_mailbox(core, ola.id, snooze.NAME)
    assert snooze.wake_due(later(core, hours=3)) == 1
    assert (count(core, ola, "INBOX"), count(core, ola, "Senere"), count(core, ola, "Trash")) == (WELCOME + 1, 0, 1)


def test_many_of_one_account_come_back_together(core, ola):
    uids = [put(core, ola, letter(number)) for number in range(30)]
    snooze.snooze(core, ola.id, "INBOX", uids, core.clock.now() + timedelta(hours=1))
    assert snooze.wake_due(later(core, hours=2)) == 30


@pytest.mark.parametrize("hours", [-1, 0, 24 * 366 * 6])
def test_a_time_that_is_none_is_refused(core, ola, hours):
    uid = put(core, ola)
    with pytest.raises(NotAllowed):
        snooze.snooze(core, ola.id, "INBOX", [uid], core.clock.now() + timedelta(hours=hours))
    with pytest.raises(MailboxNotFound):
        snooze.snooze(core, ola.id, "INBOX", [uid + 1], core.clock.now() + timedelta(hours=1))


@pytest.mark.parametrize("when", ["evening", "morning", "monday"])
def test_the_page_offers_times_and_undo(inside, core, ola, when):
    uid = put(core, ola)
    page = press(inside, f"/mail/INBOX/{uid}/snooze", when=when)
    assert "Meldingen er lagt til side. Den kommer tilbake" in page
    assert "Utsatt" in page
    assert "Angre flyttingen" in page


def test_a_chosen_time_is_by_the_clock_of_the_site_and_shown(inside, core, ola):
    uid = put(core, ola)
    at = (core.clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT07:30")
    press(inside, f"/mail/INBOX/{uid}/snooze", when="at", at=at)
    page = inside.get(f"/mail/{snooze.NAME}/1").text
    assert "Den kommer tilbake til innboksen" in page
    assert "07:30" in page
    page = press(inside, f"/mail/{snooze.NAME}/1/snooze", when="now")
    assert "Meldingen er tilbake i innboksen" in page
    assert count(core, ola, "INBOX") == WELCOME + 1


@pytest.mark.parametrize("at", ["", "i morgen", "2020-01-01T08:00", "9999-12-31T23:59"])
def test_a_time_that_cannot_be_is_told(inside, core, ola, at):
    uid = put(core, ola)
    page = press(inside, f"/mail/INBOX/{uid}/snooze", when="at", at=at)
    assert "Velg et tidspunkt" in page
    assert count(core, ola, "INBOX") == WELCOME + 1


def choose(inside, *uids: int, back: str = "") -> str:
    """Press the button of the list, and return where it leads."""
    return inside.send("/mail/INBOX/", action="snooze", uid=[str(uid) for uid in uids], back=back).location


def test_several_from_a_list_are_put_aside_at_once_without_javascript(inside, core, ola):
    uids = [put(core, ola, letter(number, subject=f"Nummer {number}")) for number in range(12)]
    there = choose(inside, *uids, back="?only=unread")
    page = inside.get(there).text
    assert [f"Nummer {number}" in page for number in range(12)] == [True] * 10 + [False] * 2
    assert "og 2 til" in page
    joined = ",".join(map(str, uids))
    answer = inside.send(there, to="/mail/snooze/INBOX", uid=joined, when="morning", back="?only=unread")
    assert answer.location.endswith("/mail/INBOX/?only=unread")
    page = inside.get(answer.location).text
    assert "12 meldinger er lagt til side. De kommer tilbake" in page
    assert "Angre flyttingen" in page
    assert count(core, ola, snooze.NAME) == 12
    assert count(core, ola, "INBOX") == WELCOME


def test_a_list_where_nothing_was_chosen_or_all_is_gone_says_so(inside, core, ola):
    assert "Velg noen meldinger først" in inside.get(choose(inside)).text
    there = choose(inside, 4711)
    assert inside.get(there).status_code == 404
    uid = put(core, ola)
    there = choose(inside, uid)
    mail_actions.apply_action(core, ola.id, "INBOX", [uid], "archive")
    assert inside.get(there).status_code == 404


def test_a_time_that_cannot_be_asks_again_for_the_same_messages(inside, core, ola):
    uid = put(core, ola)
    there = choose(inside, uid)
    answer = inside.send(there, to="/mail/snooze/INBOX", uid=str(uid), when="at", at="2020-01-01T08:00")
    assert answer.location.endswith(there)
    assert "Velg et tidspunkt" in inside.get(answer.location).text
