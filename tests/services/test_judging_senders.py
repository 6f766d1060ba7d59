"""Senders and bulk mail have a history here, of which the spam filter makes evidence."""

import hashlib
import threading
from dataclasses import replace

import pytest

from mailcore.domain import Envelope, Verdict
from mailcore.mail.judging import bulk
from mailcore.mail.judging.history import SITE, Past
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.organisation import organisational
from mailcore.services.accounts import accounts
from mailcore.services.delivery import traces
from mailcore.services.filtering import judging, sender_reputation
from mailcore.store.delivery import records, sender_history, spam_signs
from mailcore.store.delivery.records import About
from mailcore.store.webmail import address_book
from tests.judged import ENVELOPE, NEWS, UNSURE
from tests.round_trips import counted


def past_of(core, sender: str) -> float:
    """Log odds that the history of this sender's mail gives."""
    verdict, envelope = Verdict(outside=True), replace(ENVELOPE, peer="11.22.33.44")
    found = core.db.read(
        lambda tx: sender_reputation.find_evidence(
            tx, sender_reputation.list_keys(envelope, sender, verdict), core.clock.seconds()
        )
    )
    return sum(odds for _, odds in found.shared)


def record(core, owner: str, number: int, author: str, *, is_spam: bool) -> None:
    """Record a delivery as it stands in the trace."""
    account = accounts.find_account(core, owner).id
    about = About(
        author=author.encode(), content=b"%d" % number, checks='{"spf": "none", "dmarc": "none", "peer": "11.22.33.44"}'
    )
    rules = '[["spam", "99 %"]]' if is_spam else ""
    now = core.clock.seconds()
    core.db.write(lambda tx: records.save_record(tx, account, now, author, owner, "filed", "INBOX", about, rules))


def test_no_writer_waits_for_the_list_of_suffixes_while_senders_are_counted(filtering, monkeypatch):
    """It was read within the write: half a second, and four on a busy machine, for everybody who wrote."""
    core, threads = filtering(), []
    record(core, "kari", 1, "good@b.example", is_spam=False)

    def noting(domain: str) -> str:
        threads.append(threading.current_thread().name)
        return organisational(domain)

    monkeypatch.setattr("mailcore.mail.judging.history.organisational", noting)
    sender_reputation.count_deliveries(core)
    assert threads
    assert "writer" not in threads


def test_a_sender_has_a_history_here_counted_once_for_each_message(filtering):
    core = filtering()
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


def test_an_owner_s_words_change_the_history_of_a_sender_a_few_times_a_day(filtering):
    core = filtering()
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


def test_senders_of_long_ago_are_forgotten(filtering):
    core = filtering()
    now = core.clock.seconds()
    core.db.write(
        lambda tx: sender_history.save_pasts(tx, {7: Past(1.0, 0.0, now - 200 * 86_400), 8: Past(1.0, 0.0, now)})
    )
    sender_reputation.sweep_history(core)
    assert set(core.db.read(lambda tx: sender_history.get_pasts(tx, [7, 8]))) == {8}


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
        lambda tx: sender_reputation.find_evidence(
            tx, sender_reputation.list_keys(BULK, "news@b.example", verdict), now, verdict.scan.bulk
        )
    )
    return [(name, odds) for name, odds in evidence.shared if name.startswith("bulk")]


def test_messages_of_one_sender_that_are_alike_are_one_decision(filtering):
    good, bad, fresh = filtering(), filtering(), filtering()
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


def test_two_owners_decide_on_the_rest_of_a_campaign_and_one_does_not(filtering):
    core = filtering()
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


def test_a_campaign_is_forgotten_after_some_hours(filtering):
    core = filtering()
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


def test_mail_of_a_peer_of_a_private_network_has_a_history_too_and_our_own_has_none(filtering):
    core = filtering()
    near = replace(ENVELOPE, peer="10.0.0.7")
    keys = sender_reputation.list_keys(near, "good@b.example", Verdict(outside=True))
    assert keys == {}
    assert sender_reputation.list_bands(keys, "good@b.example", near.peer, range(40))
    assert sender_reputation.list_keys(near, "good@b.example", Verdict()) is None
    assert sender_reputation.list_bands(None, "good@b.example", near.peer, range(40)) == ()
    assert core.db.read(lambda tx: sender_reputation.find_evidence(tx, None, core.clock.seconds())).shared == ()


@pytest.mark.parametrize(
    ("verdict", "fall"),
    [
        (Verdict(outside=True, dmarc="pass"), 0.2),
        (Verdict(outside=True, dmarc="none"), 0.05),
        (Verdict(outside=True, dmarc="fail"), 0.0),
        (Verdict(), 0.0),
    ],
    ids=["confirmed", "by name alone", "disowned", "from inside"],
)
def test_whom_the_owner_wrote_to_is_trusted_by_that_owner_alone(filtering, verdict, fall):
    core = filtering()
    kari, ola = (accounts.find_account(core, name).id for name in ("kari", "ola"))
    author, message = "kari@b.example", Message(UNSURE.encode())

    def percents() -> list[float]:
        judged = core.db.read(lambda tx: judging.judge_for(core, tx, ENVELOPE, message, verdict, [ola, kari]))
        assert [account for account, _ in judged] == [ola, kari]
        return [scan.percent for _, scan in judged]

    before = percents()
    core.db.write(lambda tx: address_book.collect_contacts(tx, kari, [("Kari Holm", author)], 1))
    after = percents()
    assert before[0] == before[1] == after[0]
    assert after[1] <= before[1] * (1 - fall)
    assert (after[1] < before[1]) is (fall > 0)


def test_owners_who_know_the_author_and_taught_nothing_share_one_judgement(filtering):
    core = filtering()
    accounts.add_account(core, "siri", display_name="Siri", quota=2**30, password="a long enough word 7")
    kari, ola, siri = (accounts.find_account(core, name).id for name in ("kari", "ola", "siri"))
    for owner in (kari, siri):
        core.db.write(lambda tx, owner=owner: address_book.collect_contacts(tx, owner, [("K", "kari@b.example")], 1))
    message, verdict = Message(UNSURE.encode()), Verdict(outside=True, dmarc="pass")
    scans = dict(core.db.read(lambda tx: judging.judge_for(core, tx, ENVELOPE, message, verdict, [kari, ola, siri])))
    assert scans[kari] is scans[siri]
    assert scans[kari].percent < scans[ola].percent


def test_a_judgement_asks_three_questions_whatever_the_number_of_owners(filtering):
    core = filtering()
    numbers = [n for _, n in judging.number_signs(list_signs(Message(NEWS.encode())))]
    owners = [accounts.find_account(core, name).id for name in ("kari", "ola")]

    def judge_news() -> int:
        message = Message(NEWS.encode())
        with counted() as waited:
            core.db.read(
                lambda tx: judging.judge_for(core, tx, ENVELOPE, message, Verdict(outside=True, dmarc="pass"), owners)
            )
        return len(waited)

    assert judge_news() == 2
    for owner in (*owners, spam_signs.TRAINED):
        core.db.write(lambda tx, owner=owner: spam_signs.add_message(tx, owner, numbers, "ham", 0))
    assert judge_news() == 3
