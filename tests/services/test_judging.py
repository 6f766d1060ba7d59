"""Spam is judged by our own filter: Junk, scores, levels, and signs of those who pretend to be us."""

import logging

import pytest

from mailcore.domain import Verdict
from mailcore.mail.judging import model
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.filtering import judging
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.store.forwarding import held_back
from mailcore.store.queue.items import list_items
from tests.judged import GTUBE, HEAD, NEWS, SPAM, probability
from tests.services.test_scanning import box, send
from tests.smtp_talk import inbox


def test_spam_is_in_junk_on_the_first_day_and_other_mail_is_not(filtering):
    core = filtering()
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
def test_a_letter_of_few_words_is_no_spam(filtering, message):
    core = filtering()
    assert probability(core, message, "kari") < 70


def test_the_filter_can_be_off(filtering):
    core = filtering('level = "off"')
    send(core, SPAM)
    send(core, GTUBE)
    assert box(core, "kari", "Junk") == []


@pytest.mark.parametrize("level", ["low", "normal", "strict"])
def test_the_test_text_is_spam_at_every_level(filtering, level):
    core = filtering(f'level = "{level}"')
    assert send(core, GTUBE).startswith("250")
    assert len(box(core, "kari", "Junk")) == 1


def test_what_we_call_spam_is_not_forwarded_and_stands_in_the_digest(filtering):
    core = filtering()
    kari = accounts.find_account(core, "kari").id
    forwarding.set_forwarding(core, kari, "kari@home.example", copy=True, confirmed=True)
    before = len(core.db.read(list_items))
    send(core, GTUBE)
    assert len(core.db.read(list_items)) == before
    assert len(box(core, "kari", "Junk")) == 1
    assert "Choir rehearsal" in str(core.db.write(lambda tx: held_back.take_held_back(tx, kari)))


def test_a_script_sees_the_score(filtering):
    core = filtering()
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
def test_an_attached_program_is_known_by_its_octets(filtering, programs, places):
    core = filtering(f'programs = "{programs}"')
    message = NEWS.replace("Subject:", 'MIME-Version: 1.0\r\nContent-Type: image/png; name="a.png"\r\nSubject:')
    message = message.partition("\r\n\r\n")[0] + "\r\n\r\nMZ" + "x" * 60 + "PE\0\0".replace("\0", "\x01") + "\r\n"
    send(core, message)
    assert box(core, "kari", "Junk") == []
    coded = message.partition("\r\n\r\n")[0] + "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    send(core, coded + "TVp4eHh4eHh4eHh4UEUAAHh4eHg=\r\n")
    assert (len(inbox(core, "kari")) - 2, len(box(core, "kari", "Junk"))) == places
    program = (coded + "TVp4eHh4eHh4eHh4UEUAAHh4eHg=\r\n").encode()
    kind = next(name for name, _ in judging.explain_message(core, program).reasons if name.startswith("program:"))
    assert (kind in judging.explain_message(core, program).forced) is (programs == "junk")


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
def test_whoever_looks_like_us_or_the_university_is_likely_spam(filtering, author, sign):
    core = filtering('protected = ["university.example"]')
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


@pytest.mark.parametrize("octets", [b"", b"something else", model.MAGIC + b"no zlib", model.MAGIC + b"x\x9c\x03\x00"])
def test_without_a_model_mail_flows_unjudged_and_that_is_told_once(filtering, monkeypatch, caplog, octets):
    core = filtering()
    monkeypatch.setattr(model, "read_model", lambda _: real(octets))
    judging.get_startup_model.cache_clear()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert send(core, SPAM).startswith("250")
    judging.get_startup_model.cache_clear()
    assert len(inbox(core, "kari")) == 3  # with the welcome
    assert [one.message[:15] for one in caplog.records].count("the spam filter") == 1


real = model.read_model
