"""Owners teach the spam filter by what they move; one of them cannot decide for others."""

import pytest

from mailcore.domain import Verdict
from mailcore.errors import Busy, NotAllowed
from mailcore.mail.judging.arithmetic import UNIT
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.reading.message import Message
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services.accounts import accounts
from mailcore.services.filtering import judging, learning
from mailcore.services.forwarding import target_lessons
from mailcore.services.webmail import mail_actions
from mailcore.store.delivery import spam_signs
from mailcore.store.queue.items import enqueue_mail, find_item
from tests.judged import ENVELOPE, NEWS, SPAM, UNSURE, probability, uids
from tests.services.test_norwegian_mail import GOOD, write
from tests.services.test_scanning import send
from tools.generated_mail import generate_mail


def test_an_owner_teaches_by_moves_and_can_take_it_back(filtering):
    core = filtering()
    send(core, NEWS)
    first = probability(core, NEWS, "kari")
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "INBOX", uids(core, "kari", "INBOX")[-1:], "junk")
    learning.teach_filters(core)
    assert probability(core, NEWS, "kari") > first
    assert learning.count_lessons(core, kari) == spam_signs.Total(1, 0)
    mail_actions.apply_action(core, kari, "Junk", uids(core, "kari", "Junk"), "move", "INBOX")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(0, 1)
    assert probability(core, NEWS, "kari") < first
    learning.forget_lessons(core, kari)
    assert probability(core, NEWS, "kari") == first
    assert core.db.read(lambda tx: tx.rows("SELECT COUNT(*) FROM spam_sign WHERE spam+ham>0")) == [(0,)]


def test_a_lesson_waits_while_the_store_of_messages_is_away(filtering, monkeypatch):
    core = filtering()
    send(core, NEWS)
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "INBOX", uids(core, "kari", "INBOX")[-1:], "junk")

    def be_away(*_: object) -> bytes:
        raise Busy("the store of large messages does not answer")

    with monkeypatch.context() as away:
        away.setattr(type(core.blobs), "octets", be_away)
        with pytest.raises(Busy):
            learning.teach_filters(core)
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(1, 0)


def test_junk_that_is_deleted_teaches_nothing(filtering):
    core = filtering()
    send(core, SPAM)
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "Junk", uids(core, "kari", "Junk"), "delete")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total()


def test_a_flood_of_one_owner_s_votes_moves_nothing_for_others_and_two_owners_do(filtering):
    core = filtering()
    before = probability(core, NEWS, "ola")
    kari, ola = (accounts.find_account(core, name).id for name in ("kari", "ola"))
    numbers = sorted({n for _, n in judging.number_signs(list_signs(Message(NEWS.encode())))})

    def vote(tx, owner, times):
        for _ in range(times):
            spam_signs.add_message(tx, owner, numbers, "spam", 0, UNIT // 4)

    core.db.write(lambda tx: vote(tx, kari, 300))
    assert probability(core, NEWS, "kari") > 100 * 0.99
    assert probability(core, NEWS, "ola") == pytest.approx(before, abs=0.5)
    assert core.db.read(lambda tx: spam_signs.get_totals(tx, [spam_signs.OWNERS])) == {
        spam_signs.OWNERS: spam_signs.Total(spam_signs.VOICE, 0)
    }
    third = accounts.add_account(core, "siri", display_name="Siri", quota=2**30, password="a long enough word 7").id
    core.db.write(lambda tx: vote(tx, third, 1))
    assert probability(core, NEWS, "ola") > before + 5
    assert ola not in core.db.read(lambda tx: spam_signs.get_totals(tx, [ola]))
    weights = "SELECT DISTINCT weight FROM spam_sign WHERE account_id=?"
    assert core.db.read(lambda tx: tx.rows(weights, spam_signs.OWNERS)) == [(2 * spam_signs.VOICE_WEIGHT,)]
    learning.forget_lessons(core, kari)
    assert core.db.read(lambda tx: tx.rows(weights, spam_signs.OWNERS)) == [(spam_signs.VOICE_WEIGHT,)]
    assert probability(core, NEWS, "ola") == pytest.approx(before, abs=0.5)


def test_two_who_conspire_put_nothing_of_what_others_wait_for_in_junk(filtering):
    """Two hundred letters like those that people here wait for, called spam by both of them, as often as a day allows."""
    core = filtering()
    before = [percent_of_letter(core, letter) for letter in GOOD]
    letters = [octets for octets, is_spam in generate_mail(0, 2 * spam_signs.VOTES_A_DAY) if not is_spam]
    conspirers = [
        accounts.find_account(core, "kari").id,
        accounts.add_account(core, "siri", display_name="Siri", quota=2**30, password="a long enough word 7").id,
    ]

    def vote(tx):
        for octets in letters:
            numbers = sorted(set(judging.number_portable(judging.number_signs(list_signs(Message(octets))))))
            for one in conspirers:
                spam_signs.add_message(tx, one, numbers, "spam", 0, UNIT // 2)

    core.db.write(vote)
    after = [percent_of_letter(core, letter) for letter in GOOD]
    assert sum(after) > sum(before)
    assert sum(after) < sum(before) + 15 * len(GOOD)
    assert max(after) < 100


def percent_of_letter(core, letter: list[str]) -> float:
    ola, verdict = accounts.find_account(core, "ola").id, Verdict(outside=True, dmarc="pass")
    message = Message(write(*letter, is_html=False))
    [(_, scan)] = core.db.read(lambda tx: judging.judge_for(core, tx, ENVELOPE, message, verdict, [ola]))
    return scan.percent


def test_what_looked_a_little_like_spam_and_is_left_counts_as_good(filtering):
    """It is read and stands where it stood after two days; what is unread or deleted says nothing."""
    core = filtering()
    kari = accounts.find_account(core, "kari").id
    for word in ("seven", "eight", "nine"):
        send(core, UNSURE.replace("seven", word))
    waiting = core.db.read(lambda tx: tx.rows("SELECT kind FROM spam_vote ORDER BY id"))
    assert waiting == [("left",)] * 3
    first, second, _ = uids(core, "kari", "INBOX")[-3:]
    mail_actions.apply_action(core, kari, "INBOX", [first, second], "read")
    mail_actions.apply_action(core, kari, "INBOX", [second], "delete")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total()
    before = probability(core, UNSURE, "kari")
    core.db.write(lambda tx: tx.run("UPDATE spam_vote SET at=at-?", spam_signs.LEFT_SECONDS + 1))
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(0, 1)
    assert core.db.read(lambda tx: tx.rows("SELECT kind, learned FROM spam_vote")) == [("ham", "ham")]
    assert probability(core, UNSURE, "kari") < before


def test_no_junk_goes_back_to_the_inbox_and_teaches(filtering):
    core = filtering()
    send(core, SPAM)
    kari = accounts.find_account(core, "kari").id
    [uid] = uids(core, "kari", "Junk")
    before = probability(core, SPAM, "kari")
    with pytest.raises(NotAllowed):
        mail_actions.apply_action(core, kari, "INBOX", uids(core, "kari", "INBOX"), "not-junk")
    assert mail_actions.apply_action(core, kari, "Junk", [uid], "not-junk").target == "INBOX"
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(0, 1)
    assert probability(core, SPAM, "kari") <= before


@pytest.mark.parametrize(
    ("code", "reply", "lessons"),
    [
        (550, "550 5.7.1 Our system has detected that this message is likely unsolicited mail", 1),
        (554, "554 5.7.1 Spam message rejected", 1),
        (550, "550 5.1.1 nobody here", 0),
        (550, "550 5.7.26 This mail is unauthenticated", 0),
        (421, "421 4.7.0 looks like spam, try again later", 0),
        (552, "552 5.2.2 full", 0),
    ],
)
def test_what_a_target_refuses_as_spam_is_a_word_of_its_owner(filtering, code, reply, lessons):
    core = filtering()
    kari = accounts.find_account(core, "kari").id
    item = forwarded(core, kari, NEWS)
    answer = Answer("mx.home.example", code, reply.partition(" ")[2])
    core.db.write(lambda tx: outcome.record_outcome(core, tx, item, answer, core.clock.now(), outcome.NO_SEQUEL))
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(lessons, 0)


def test_what_an_owner_has_said_stands_against_a_target(filtering):
    core = filtering()
    kari = accounts.find_account(core, "kari").id
    item = forwarded(core, kari, NEWS)
    core.db.write(lambda tx: spam_signs.add_vote(tx, kari, item.blob, "ham", core.clock.seconds()))
    content = core.blobs.prepare(NEWS.encode()).name
    core.db.write(lambda tx: target_lessons.learn_from_report(core, tx, kari, content, "5.7.1 spam"))
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(0, 1)


def forwarded(core, account, text: str):
    """A forwarded message that waits in the queue."""
    prepared = core.blobs.prepare(text.encode())

    def write(tx):
        names = {"sender": "a@b.example", "recipients": ["kari@home.example"], "account": account, "origin": "forward"}
        [item] = enqueue_mail(tx, core.blobs, prepared=prepared, prefix=b"", now=core.clock.seconds(), **names)
        return find_item(tx, item)

    return core.db.write(write)


def test_a_day_has_so_many_votes_of_an_owner(filtering, monkeypatch):
    core = filtering()
    monkeypatch.setattr(spam_signs, "VOTES_A_DAY", 2)
    for number in range(4):
        send(core, NEWS.replace("seven", str(number)))
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "INBOX", uids(core, "kari", "INBOX"), "junk")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(2, 0)


def test_signs_are_forgotten_where_there_are_too_many(filtering, monkeypatch):
    core = filtering()
    monkeypatch.setattr(spam_signs, "MAX_OWN", 100)
    kari = accounts.find_account(core, "kari").id
    core.db.write(lambda tx: spam_signs.add_message(tx, kari, range(50), "ham", 86_400))
    core.db.write(lambda tx: spam_signs.add_message(tx, kari, range(200), "ham", 0))
    core.db.write(lambda tx: spam_signs.make_room(tx, [kari]))
    left = core.db.read(lambda tx: spam_signs.get_counts(tx, [kari], range(200), range(200)))[kari]
    assert len(left) == 90
    assert set(range(50)) <= set(left)
