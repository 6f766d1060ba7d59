"""Spam is judged by our own filter: Junk, scores, lessons of owners, and what one of them cannot do to others."""

import hashlib
import logging
import threading
from dataclasses import replace

import pytest

from mailcore import core as cores
from mailcore.domain import Envelope, Verdict
from mailcore.errors import NotAllowed
from mailcore.mail.judging import bulk, model
from mailcore.mail.judging.arithmetic import UNIT
from mailcore.mail.judging.history import SITE, Past
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.organisation import organisational
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services.accounts import accounts
from mailcore.services.delivery import traces
from mailcore.services.filtering import judging, learning, sender_reputation
from mailcore.services.forwarding import forwarding, target_lessons
from mailcore.services.sieve_scripts import filters
from mailcore.services.webmail import mail_actions
from mailcore.store.delivery import records, sender_history, spam_signs
from mailcore.store.delivery.records import About
from mailcore.store.forwarding import held_back
from mailcore.store.queue.items import enqueue_mail, find_item, list_items
from tests.services.test_norwegian_mail import GOOD, write
from tests.services.test_scanning import box, send
from tests.smtp_talk import build, inbox
from tools.generated_mail import generate_mail

ENVELOPE = Envelope("kari@b.example", ("kari@alumni.example",), "192.0.2.7", "b.example")
HEAD = "From: Kari Holm <kari@b.example>\r\nTo: kari@alumni.example\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
SPAM = (
    "From: Deals <offer@b.example>\r\nSubject: Earn $5,000 weekly from home, guaranteed free credit!!!\r\n\r\n"
    "Click here to receive your free mortgage quote. No obligation! To be removed from our mailing list, reply with remove\r\n"
    "in the subject line. Lowest rates, guaranteed. Earn money from home. Order now, limited time offer, 100% free.\r\n"
    "You are receiving this because you opted in. Credit cards accepted: million dollars, investment, viagra.\r\n"
)
NEWS = (
    HEAD
    + "Subject: Choir rehearsal in the old canteen\r\n\r\nDear singers, the rehearsal begins at seven, bring the notes.\r\n"
)
UNSURE = NEWS.replace("Choir", "Free")
GTUBE = NEWS + judging.GTUBE.decode() + "\r\n"


@pytest.fixture
def house(tmp_path):
    made = []

    def make(settings: str = ""):
        made.append(build(tmp_path / f"house{len(made)}", f"[filter]\n{settings}\n"))
        return made[-1]

    yield make
    for core in made:
        cores.close(core)


def probability(core, message: str, name: str) -> float:
    account = accounts.find_account(core, name).id
    [(_, scan)] = core.db.read(
        lambda tx: judging.judge_for(core, tx, ENVELOPE, Message(message.encode()), Verdict(outside=True), [account])
    )
    return scan.percent


def uids(core, name: str, mailbox: str) -> list[int]:
    account = accounts.find_account(core, name).id
    return core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, account, mailbox).id))


def test_spam_is_in_junk_on_the_first_day_and_other_mail_is_not(house):
    core = house()
    assert send(core, SPAM).startswith("250")
    assert send(core, NEWS).startswith("250")
    [junk] = box(core, "kari", "Junk")
    assert b"X-Spam-Status: Yes, score=" in junk
    assert b"X-Spam-Flag: YES" in junk
    assert junk.endswith(SPAM.encode())
    assert b"X-Spam-Status: No, score=" in inbox(core, "kari")[-1]


SHORT = (
    "From: friend@outside.example\r\nSubject: minutes\r\n\r\nHello.\r\n",
    "Subject: test\r\n\r\ntest\r\n",
    HEAD + "Subject: Lunch tomorrow?\r\n\r\nHi, are you free for lunch tomorrow?\r\n",
    HEAD + "Subject: Hei\r\n\r\nHei, kjem du i morgon?\r\n",
    HEAD + "Subject: Kontrakt\r\n\r\nHei, se vedlagt kontrakt. Svar innen fredag.\r\n",
    HEAD + "Subject: Free software\r\n\r\nClick on the link: https://a.example/\r\n",
)


@pytest.mark.parametrize("message", SHORT)
def test_a_letter_of_few_words_is_no_spam(house, message):
    core = house()
    assert probability(core, message, "kari") < 70


def test_the_filter_can_be_off(house):
    core = house('level = "off"')
    send(core, SPAM)
    send(core, GTUBE)
    assert box(core, "kari", "Junk") == []


@pytest.mark.parametrize("level", ["low", "normal", "strict"])
def test_the_test_text_is_spam_at_every_level(house, level):
    core = house(f'level = "{level}"')
    assert send(core, GTUBE).startswith("250")
    assert len(box(core, "kari", "Junk")) == 1


def test_what_we_call_spam_is_not_forwarded_and_stands_in_the_digest(house):
    core = house()
    kari = accounts.find_account(core, "kari").id
    forwarding.set_forwarding(core, kari, "kari@home.example", copy=True, confirmed=True)
    before = len(core.db.read(list_items))
    send(core, GTUBE)
    assert len(core.db.read(list_items)) == before
    assert len(box(core, "kari", "Junk")) == 1
    assert "Choir rehearsal" in str(core.db.write(lambda tx: held_back.take_held_back(tx, kari)))


def test_a_script_sees_the_score(house):
    core = house()
    kari = accounts.find_account(core, "kari").id
    source = 'require ["spamtestplus", "relational", "comparator-i;ascii-numeric", "fileinto"];\n'
    source += 'if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "95" { fileinto :create "Odd"; }'
    filters.put_script(core, kari, "own", source.replace('"fileinto"', '"fileinto", "mailbox"'))
    filters.set_active_script(core, kari, "own")
    send(core, GTUBE)
    assert len(box(core, "kari", "Odd")) == 1
    send(core, NEWS)
    assert len(box(core, "kari", "Odd")) == 1


@pytest.mark.parametrize(("programs", "places"), [("junk", (0, 1)), ("mark", (1, 0))])
def test_an_attached_program_is_known_by_its_octets(house, programs, places):
    core = house(f'programs = "{programs}"')
    message = NEWS.replace("Subject:", 'MIME-Version: 1.0\r\nContent-Type: image/png; name="a.png"\r\nSubject:')
    message = message.partition("\r\n\r\n")[0] + "\r\n\r\nMZ" + "x" * 60 + "PE\0\0".replace("\0", "\x01") + "\r\n"
    send(core, message)
    assert box(core, "kari", "Junk") == []
    coded = message.partition("\r\n\r\n")[0] + "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    send(core, coded + "TVp4eHh4eHh4eHh4UEUAAHh4eHg=\r\n")
    assert (len(inbox(core, "kari")) - 2, len(box(core, "kari", "Junk"))) == places


def test_an_owner_teaches_by_moves_and_can_take_it_back(house):
    core = house()
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


def test_junk_that_is_deleted_teaches_nothing(house):
    core = house()
    send(core, SPAM)
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "Junk", uids(core, "kari", "Junk"), "delete")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total()


def test_a_flood_of_one_owner_s_votes_moves_nothing_for_others_and_two_owners_do(house):
    core = house()
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


def test_two_who_conspire_put_nothing_of_what_others_wait_for_in_junk(house):
    """Two hundred letters like those that people here wait for, called spam by both of them, as often as a day allows."""
    core = house()
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


def test_what_looked_a_little_like_spam_and_is_left_counts_as_good(house):
    """It is read and stands where it stood after two days; what is unread or deleted says nothing."""
    core = house()
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


def past_of(core, sender: str) -> float:
    """Log odds that the history of this sender's mail gives."""
    verdict, envelope = Verdict(outside=True), replace(ENVELOPE, peer="11.22.33.44")
    found = core.db.read(
        lambda tx: sender_reputation.find_evidence(tx, envelope, sender, verdict, core.clock.seconds())
    )
    return sum(odds for _, odds in found)


def record(core, owner: str, number: int, author: str, *, is_spam: bool) -> None:
    """Record a delivery as it stands in the trace."""
    account = accounts.find_account(core, owner).id
    about = About(
        author=author.encode(), content=b"%d" % number, checks='{"spf": "none", "dmarc": "none", "peer": "11.22.33.44"}'
    )
    rules = '[["spam", "99 %"]]' if is_spam else ""
    now = core.clock.seconds()
    core.db.write(lambda tx: records.save_record(tx, account, now, author, owner, "filed", "INBOX", about, rules))


def test_no_writer_waits_for_the_list_of_suffixes_while_senders_are_counted(house, monkeypatch):
    """It was read within the write: half a second, and four on a busy machine, for everybody who wrote."""
    core, threads = house(), []
    record(core, "kari", 1, "good@b.example", is_spam=False)

    def noting(domain: str) -> str:
        threads.append(threading.current_thread().name)
        return organisational(domain)

    monkeypatch.setattr("mailcore.mail.judging.history.organisational", noting)
    sender_reputation.count_deliveries(core)
    assert threads
    assert "writer" not in threads


def test_a_sender_has_a_history_here_counted_once_for_each_message(house):
    core = house()
    for number in range(20):
        for owner in ("kari", "ola"):
            record(core, owner, number, "good@b.example", is_spam=False)
            record(core, owner, 100 + number, "bad@c.example", is_spam=True)
    sender_reputation.count_deliveries(core)
    good, bad = past_of(core, "good@b.example"), past_of(core, "bad@c.example")
    assert good < -1 < 1 < bad
    sender_reputation.count_deliveries(core)
    assert past_of(core, "good@b.example") == pytest.approx(good, abs=0.01)
    assert core.db.read(lambda tx: sender_history.get_pasts(tx, [SITE]))[SITE].ham == pytest.approx(20, abs=0.1)


def test_an_owner_s_words_change_the_history_of_a_sender_a_few_times_a_day(house):
    core = house()
    kari = accounts.find_account(core, "kari").id
    for number in range(40):
        record(core, "kari", number, "good@b.example", is_spam=False)
    sender_reputation.count_deliveries(core)

    def say(number: int) -> None:
        content = b"%d" % number
        core.db.write(lambda tx: sender_reputation.correct_history(core, tx, kari, content, is_spam=True))

    before = past_of(core, "good@b.example")
    for number in range(40):
        say(number)
    assert before < past_of(core, "good@b.example") < -1
    site = core.db.read(lambda tx: sender_history.get_pasts(tx, [SITE]))[SITE]
    assert site.spam == pytest.approx(sender_reputation.WORDS_A_DAY, abs=0.1)


def test_senders_of_long_ago_are_forgotten(house):
    core = house()
    now = core.clock.seconds()
    core.db.write(
        lambda tx: sender_history.save_pasts(tx, {7: Past(1.0, 0.0, now - 200 * 86_400), 8: Past(1.0, 0.0, now)})
    )
    sender_reputation.sweep_history(core)
    assert set(core.db.read(lambda tx: sender_history.get_pasts(tx, [7, 8]))) == {8}


@pytest.mark.parametrize(
    ("author", "sign"),
    [
        ("Alumni <news@a1umni.example>", "lookalike:alumni.example"),
        ("University <rector@univers1ty.example>", "lookalike:university.example"),
        ('"rector@university.example" <x@outside.example>', "impersonates:university.example"),
        ('"kari@alumni.example" <x@outside.example>', "impersonates:alumni.example"),
        ('"ann@friends.example" <x@outside.example>', "name shape:an address of another"),
        ("Kari <kari@outside.example>", ""),
    ],
)
def test_whoever_looks_like_us_or_the_university_is_likely_spam(house, author, sign):
    core = house('protected = ["university.example"]')
    message = Message((f"From: {author}\r\nSubject: Meeting\r\n\r\n" + NEWS.partition("\r\n\r\n")[2]).encode())
    assert judging.list_impersonations(core, message, Verdict(outside=True)) == ([sign] if sign else [])
    honest = NEWS.replace("Kari Holm <kari@b.example>", "Kari <kari@outside.example>")
    if sign:
        changed = NEWS.replace("Kari Holm <kari@b.example>", author)
        assert probability(core, changed, "kari") > probability(core, honest, "kari") + 1


def test_the_bar_falls_for_owners_who_sort_their_mail():
    bars = [judging.find_bar("normal", lessons) for lessons in (0, 20, 40, 4000)]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] == judging.BARS["normal"]
    assert bars[2] == bars[3] == pytest.approx(judging.TAUGHT_BARS["normal"])


def test_no_junk_goes_back_to_the_inbox_and_teaches(house):
    core = house()
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
def test_what_a_target_refuses_as_spam_is_a_word_of_its_owner(house, code, reply, lessons):
    core = house()
    kari = accounts.find_account(core, "kari").id
    item = forwarded(core, kari, NEWS)
    answer = Answer("mx.home.example", code, reply.partition(" ")[2])
    core.db.write(lambda tx: outcome.record_outcome(core, tx, item, answer, core.clock.now(), outcome.NO_SEQUEL))
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(lessons, 0)


def test_what_an_owner_has_said_stands_against_a_target(house):
    core = house()
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


def test_a_day_has_so_many_votes_of_an_owner(house, monkeypatch):
    core = house()
    monkeypatch.setattr(spam_signs, "VOTES_A_DAY", 2)
    for number in range(4):
        send(core, NEWS.replace("seven", str(number)))
    kari = accounts.find_account(core, "kari").id
    mail_actions.apply_action(core, kari, "INBOX", uids(core, "kari", "INBOX"), "junk")
    learning.teach_filters(core)
    assert learning.count_lessons(core, kari) == spam_signs.Total(2, 0)


def test_signs_are_forgotten_where_there_are_too_many(house, monkeypatch):
    core = house()
    monkeypatch.setattr(spam_signs, "MAX_OWN", 100)
    kari = accounts.find_account(core, "kari").id
    core.db.write(lambda tx: spam_signs.add_message(tx, kari, range(50), "ham", 86_400))
    core.db.write(lambda tx: spam_signs.add_message(tx, kari, range(200), "ham", 0))
    core.db.write(lambda tx: spam_signs.make_room(tx, [kari]))
    left = core.db.read(lambda tx: spam_signs.get_counts(tx, [kari], range(200)))[kari]
    assert len(left) == 90
    assert set(range(50)) <= set(left)


@pytest.mark.parametrize("octets", [b"", b"something else", model.MAGIC + b"no zlib", model.MAGIC + b"x\x9c\x03\x00"])
def test_without_a_model_mail_flows_unjudged_and_that_is_told_once(house, monkeypatch, caplog, octets):
    core = house()
    monkeypatch.setattr(model, "read_model", lambda _: real(octets))
    judging.get_startup_model.cache_clear()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert send(core, SPAM).startswith("250")
    judging.get_startup_model.cache_clear()
    assert len(inbox(core, "kari")) == 3  # with the welcome
    assert [one.message[:15] for one in caplog.records].count("the spam filter") == 1


real = model.read_model


BULK = Envelope("news@b.example", ("kari@alumni.example",), "11.22.33.44", "b.example")
CAMPAIGN = (
    "From: News <news@b.example>\r\nSubject: Boats\r\n\r\nDear {name}, the harbour has new boats for a fortnight on the"
    " fjord, with skippers who know each island, lighthouse, current and landing place between here and the northern cape;"
    " bring warm clothes, rubber boots, something to read and whoever likes herring. Your number is {name}{name}.\r\n"
)


def judge_bulk(core, owner: str, message: str):
    account = accounts.find_account(core, owner).id
    verdict = Verdict(outside=True)
    [(_, scan)] = core.db.read(
        lambda tx: judging.judge_for(core, tx, BULK, Message(message.encode()), verdict, [account])
    )
    return account, replace(verdict, judged=((account, scan),), scan=scan)


def receive_bulk(core, owner: str, name: str, *, is_spam: bool = False) -> bytes:
    """Judge a message of a campaign, and record its delivery as the trace has it; return its content."""
    message = Message(CAMPAIGN.format(name=name).encode())
    account, verdict = judge_bulk(core, owner, CAMPAIGN.format(name=name))
    content = hashlib.sha256(message.octets).digest()
    about = traces.about(message.header, content, message.size, verdict, BULK.peer)
    rules, now = '[["spam", "99 %"]]' if is_spam else "", core.clock.seconds()
    core.db.write(lambda tx: records.save_record(tx, account, now, "news@b.example", owner, "filed", "", about, rules))
    return content


def say_bulk(core, owner: str, content: bytes, *, is_spam: bool) -> None:
    account = accounts.find_account(core, owner).id
    core.db.write(lambda tx: sender_reputation.correct_history(core, tx, account, content, is_spam=is_spam))


def percent_of_bulk(core, owner: str = "ola", name: str = "Turid") -> float:
    return judge_bulk(core, owner, CAMPAIGN.format(name=name))[1].scan.percent


def list_bulk_evidence(core) -> list[tuple[str, float]]:
    verdict, now = judge_bulk(core, "ola", CAMPAIGN.format(name="Turid"))[1], core.clock.seconds()
    evidence = core.db.read(
        lambda tx: sender_reputation.find_evidence(tx, BULK, "news@b.example", verdict, now, verdict.scan.bulk)
    )
    return [(name, odds) for name, odds in evidence if name.startswith("bulk")]


def test_messages_of_one_sender_that_are_alike_are_one_decision(house):
    good, bad, fresh = house(), house(), house()
    for number in range(4):
        receive_bulk(good, "kari", f"Name{number}")
        receive_bulk(bad, "kari", f"Name{number}", is_spam=True)
    for core in (good, bad):
        sender_reputation.count_deliveries(core)
    assert percent_of_bulk(good) < percent_of_bulk(fresh) < percent_of_bulk(bad)
    assert list_bulk_evidence(good) == [("bulk:others like it are not in Junk", -1.0)]
    assert list_bulk_evidence(bad) == [("bulk:others like it are in Junk", 1.5)]
    assert list_bulk_evidence(fresh) == []
    judged = judge_bulk(bad, "ola", CAMPAIGN.format(name="Turid"))[1].scan.bulk
    other = judge_bulk(bad, "ola", NEWS.replace("b.example", "c.example") + CAMPAIGN.partition("\r\n\r\n")[2])[
        1
    ].scan.bulk
    assert judged
    assert not set(judged) & set(other)


def test_two_owners_decide_on_the_rest_of_a_campaign_and_one_does_not(house):
    core = house()
    accounts.add_account(core, "siri", display_name="Siri", quota=2**30, password="a long enough word 7")
    owners = ["kari", "kari", "kari", *["siri"] * 17]
    contents = [receive_bulk(core, owner, f"Name{number}") for number, owner in enumerate(owners)]
    sender_reputation.count_deliveries(core)
    before = percent_of_bulk(core)
    for content in contents[:3]:
        say_bulk(core, "kari", content, is_spam=True)
    assert percent_of_bulk(core) < before + 5
    say_bulk(core, "siri", contents[3], is_spam=True)
    assert percent_of_bulk(core) > before + 10
    say_bulk(core, "siri", contents[3], is_spam=False)
    assert percent_of_bulk(core) < before + 5


def test_a_campaign_is_forgotten_after_some_hours(house):
    core = house()
    for number in range(4):
        receive_bulk(core, "kari", f"Name{number}", is_spam=True)
    sender_reputation.count_deliveries(core)
    core.db.write(lambda tx: tx.run("UPDATE sender_history SET at=at-? WHERE sender<0", bulk.KEPT_SECONDS + 1))
    rows = "SELECT COUNT(*) FROM sender_history WHERE sender<0"
    assert core.db.read(lambda tx: tx.rows(rows)) > [(0,)]
    assert list_bulk_evidence(core) == []
    record(core, "kari", 1, "good@b.example", is_spam=False)
    sender_reputation.count_deliveries(core)
    assert core.db.read(lambda tx: tx.rows(rows)) == [(0,)]
