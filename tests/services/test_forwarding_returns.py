"""Forwarded mail that comes back, targets that say stop, yearly questions, digests, rolling copies (N1 to N5, S25, S27)."""

import asyncio
from dataclasses import replace

import pytest
from click.testing import CliRunner

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config, ForwardingSettings
from mailcore.domain import Disposition, Envelope, ForwardingState, Outcome, Verdict
from mailcore.errors import ForwardingRefused, LinkExpired, TooMany, UnknownRecipient
from mailcore.mail.passing import srs
from mailcore.mail.reading import header
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import consent, copy_expiry, digest, forwarding
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import health
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from mailcore.store.forwarding import onward
from mailcore.store.queue.items import delete_item, list_items, read_octets
from portal.forwarding.forms import ForwardingForm
from tests.readers import text_of

TARGET = "secret@private.example"
MESSAGE = b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nHei\r\n"


@pytest.fixture
def ola(core):
    return accounts.add_account(
        core, "ola", display_name="Ola", contact="ola@home.example", password="correct horse battery"
    )


def arrive(
    core, to: str = "ola@alumni.example", octets: bytes = MESSAGE, sender: str = "kari@outside.example", verdict=None
):
    async def run():
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, None))
        envelope = Envelope(sender, (to,))
        return (await delivery.accept(core, envelope, [found], octets, b"", verdict or Verdict()))[0]

    return asyncio.run(run())


def queued(core, origin: str | None = None):
    items = core.db.read(lambda tx: list_items(tx))
    return [item for item in items if origin is None or item.origin == origin]


def octets_of(core, item) -> bytes:
    return core.db.read(lambda tx: read_octets(tx, core.blobs, item))


def inbox(core, account) -> list[bytes]:
    def read(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        return [core.mail.octets(tx, box.id, uid) for uid in core.mail.uids(tx, box.id)]

    return core.db.read(read)


def sent_on(core, state: str = "delivered") -> str:
    """As if the target's server had taken it; the envelope sender that it came with."""
    [item] = queued(core, "forward")
    now = core.clock.seconds()
    core.db.write(lambda tx: onward.save_answer(tx, item.id, state, host="h", code=250, reply="250 OK", now=now))
    core.db.write(lambda tx: delete_item(tx, item.id))
    return item.sender


def report(action: str = "failed", status: str = "5.1.1") -> bytes:
    return (
        "From: MAILER-DAEMON@private.example\r\nSubject: returned\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\r\n"
        f"{TARGET} is no more\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; private.example\r\n\r\n"
        f"Final-Recipient: rfc822; {TARGET}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} <{TARGET}> unknown\r\n\r\n--x--\r\n"
    ).encode()


@pytest.mark.parametrize("copy", [True, False])
def test_n2_s25_a_report_that_comes_back_counts_and_the_message_stands_in_the_inbox_once(core, ola, clock, copy):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=copy, confirmed=True)
    assert arrive(core).outcome is (Outcome.FILED if copy else Outcome.FORWARDED)
    sender = sent_on(core)
    assert len(sender.partition("@")[0]) <= 64
    clock.forward(days=2)
    health.sweep_orphans(core)  # what was forwarded without a copy is not forgotten while a report may come
    before = len(queued(core))
    arrive(core, sender.upper(), report(), sender="")
    assert sum(octets.endswith(MESSAGE) for octets in inbox(core, ola)) == 1
    found = forwarding.read_forwarding(core, ola.id)
    assert (found.state, found.failures) == (ForwardingState.FAILING, 1)
    assert "5.1.1" in found.last_reply
    told = core.db.read(lambda tx: onward.list_latest(tx, ola.id, 1))[0]
    assert told.state == "refused"
    assert len(queued(core)) == before  # the sender hears nothing, least of all where it went
    health.check_installation(core, repair=False)


def test_n2_a_report_whose_message_is_forgotten_stands_in_the_inbox_itself(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    arrive(core)
    sender = sent_on(core)
    for days in (10, 2):  # a blob that nothing names is marked, and gone a day later
        clock.forward(days=days)
        health.sweep_orphans(core)
    arrive(core, sender, report(), sender="")
    assert inbox(core, ola)[-1].endswith(report())


def test_n2_a_message_fails_once_however_often_somebody_says_so(core, ola, clock):
    """The reader at the target knows the envelope sender, and reports are taken whatever the quota."""
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    arrive(core)
    address = sent_on(core)
    clock.forward(days=10)
    health.sweep_orphans(core)
    arrive(core, address, report("delayed", "4.4.1"), sender="")
    arrive(core, address, report(), sender="")
    before = len(inbox(core, ola))
    with pytest.raises(UnknownRecipient):
        arrive(core, address, report(status="5.2.1"), sender="")
    assert (len(inbox(core, ola)), forwarding.read_forwarding(core, ola.id).failures) == (before, 1)


@pytest.mark.parametrize(
    ("octets", "sender", "outcome"),
    [
        (
            b"Subject: away\r\nAuto-Submitted: auto-replied\r\n\r\nI am at secret@private.example\r\n",
            "",
            Outcome.DISCARDED,
        ),
        (b"Subject: buy\r\n\r\nspam\r\n", "spam@crook.example", Outcome.REJECTED),
        (report("delayed", "4.4.1"), "", Outcome.FILED),
        (report("delivered", "2.0.0"), "", Outcome.FILED),
    ],
)
def test_what_else_comes_to_such_an_address_changes_nothing_and_goes_to_nobody(core, ola, octets, sender, outcome):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True)
    arrive(core)
    address, before = sent_on(core), (len(inbox(core, ola)), len(queued(core)))
    assert arrive(core, address, octets, sender).outcome is outcome
    assert (len(inbox(core, ola)), len(queued(core))) == before
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY


def test_envelope_senders_are_refused_after_thirty_days_and_when_forged(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True)
    arrive(core)
    address = sent_on(core)
    clock.forward(days=29)
    core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))
    clock.forward(days=2)
    for wrong in (
        address,
        "srs0=" + "a" * 32 + "@srs.alumni.example",
        "srs0=@srs.alumni.example",
        "x@srs.alumni.example",
    ):
        with pytest.raises(UnknownRecipient):
            core.db.read(lambda tx, wrong=wrong: recipients.check_recipient(core, tx, wrong, None))


def test_a_long_sender_has_a_short_local_part():
    assert len(srs.PREFIX + srs.token(b"key", b"x" * 1000)) == 37


def test_n2_five_refusals_pause_it_and_the_owner_is_told_here_and_outside(core, ola):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    for _ in range(5):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target="another@x.example", ok=False, permanent=True, reply="550 no"
            )
        )
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target=TARGET, ok=False, permanent=True, reply="550 no such person"
            )
        )
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.PAUSED
    assert b"550 no such person" in inbox(core, ola)[-1]
    letters = [item for item in queued(core, "notice") if item.recipient == "ola@home.example"]
    assert b"550 no such person" in octets_of(core, letters[-1])
    assert arrive(core).outcome is Outcome.FILED  # nothing is lost while it rests
    # known, so not asked again
    assert forwarding.set_forwarding(core, ola.id, TARGET, copy=False).state is ForwardingState.HEALTHY


def links(octets: bytes) -> dict[str, str]:
    words = octets.decode().split()
    return {
        kind: word.rsplit("/", 1)[1] for word in words for kind in ("confirm", "stop") if f"/forwarding/{kind}/" in word
    }


def test_n1_the_target_can_say_stop_by_the_link_in_its_letter(core, ola):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False)
    letter = links(octets_of(core, queued(core, "notice")[0]))
    forwarding.confirm_by_link(core, letter["confirm"])
    arrive(core)
    assert len(queued(core, "forward")) == 1
    with pytest.raises(LinkExpired):
        consent.stop_by_target(core, letter["stop"][:-1] + ("a" if letter["stop"][-1] != "a" else "b"))
    consent.stop_by_target(core, letter["stop"])
    arrive(core)
    assert len(queued(core, "forward")) == 1
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF
    assert any(TARGET.encode() in octets for octets in inbox(core, ola))  # the owner is told
    with pytest.raises(LinkExpired):
        consent.stop_by_target(core, letter["stop"])
    with pytest.raises(ForwardingRefused):  # and does not ask again at once
        forwarding.set_forwarding(core, ola.id, TARGET, copy=False)


@pytest.mark.parametrize("word", ["", "1", "1-", "-", "x-y", "999-" + "a" * 32, "1-æ", "9" * 30 + "-a"])
def test_odd_stop_links_stop_nothing(core, ola, word):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    with pytest.raises(LinkExpired):
        consent.stop_by_target(core, word)


def test_n1_the_stop_page_sends_the_link_to_the_address_and_to_nobody_else(core, ola):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    before = len(queued(core))
    consent.send_stop_links(core, "nobody@private.example")
    assert len(queued(core)) == before
    for _ in range(5):
        consent.send_stop_links(core, " Secret@Private.example ")
    letters = queued(core)[before:]
    assert [item.recipient for item in letters] == [TARGET] * consent.LETTERS_A_DAY
    consent.stop_by_target(core, links(octets_of(core, letters[0]))["stop"])
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_n1_once_a_year_the_target_is_asked_again(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True)
    consent.ask_yearly(core)
    assert not [item for item in queued(core) if item.recipient == TARGET]
    clock.forward(days=366)
    consent.ask_yearly(core)
    consent.ask_yearly(core)
    [letter] = [item for item in queued(core) if item.recipient == TARGET]
    arrive(core)
    assert queued(core, "forward")  # meanwhile it goes on
    core.db.write(
        lambda tx: forwarding.record_reply(core, tx, ola.id, target=TARGET, ok=False, permanent=True, reply="550 once")
    )  # and answers do no harm
    found = links(octets_of(core, letter))
    assert set(found) == {"confirm", "stop"}
    assert forwarding.confirm_by_link(core, found["confirm"]).confirmed_at == clock.now()
    clock.forward(days=40)
    consent.ask_yearly(core)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY


def test_n1_a_target_that_does_not_answer_gets_no_more_and_the_owner_is_told(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    clock.forward(days=366)
    consent.ask_yearly(core)
    clock.forward(days=31)
    consent.ask_yearly(core)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED
    assert TARGET.encode() in inbox(core, ola)[-1]
    assert arrive(core).outcome is Outcome.FILED


def test_n1_a_forwarding_that_is_paused_when_the_answer_is_due_stays_paused(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    clock.forward(days=366)
    consent.ask_yearly(core)
    for _ in range(forwarding.MAX_REFUSALS):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target=TARGET, ok=False, permanent=True, reply="550 no"
            )
        )
    heard = len(inbox(core, ola))
    clock.forward(days=31)
    consent.ask_yearly(core)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.PAUSED
    assert len(inbox(core, ola)) == heard


def test_n1_a_question_of_last_year_agrees_to_no_other_target(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True)
    clock.forward(days=366)
    consent.ask_yearly(core)
    [letter] = [item for item in queued(core) if item.recipient == TARGET]
    forwarding.set_forwarding(core, ola.id, "other@private.example", copy=False)
    with pytest.raises(LinkExpired):
        forwarding.confirm_by_link(core, links(octets_of(core, letter))["confirm"])
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED


def test_nobodys_mailbox_is_filled_with_our_questions(core, ola):
    for _ in range(forwarding.QUESTIONS_A_DAY):
        forwarding.set_forwarding(core, ola.id, TARGET, copy=True)
    with pytest.raises(TooMany):
        forwarding.set_forwarding(core, ola.id, TARGET, copy=True)
    assert len([item for item in queued(core) if item.recipient == TARGET]) == 3


def test_the_site_says_where_mail_may_go(tmp_path):
    settings = ForwardingSettings(allowed_domains=("private.example",), denied_domains=("bad.private.example",))
    made = cores.build(Config(data=str(tmp_path), forwarding=settings))
    assert forwarding.check_target(made, "a@private.example")
    assert forwarding.check_target(made, "a@mail.private.example")
    for refused in (
        "else.example",
        "bad.private.example",
        "x.bad.private.example",
        "notprivate.example",
        "sub.alumni.example",
    ):
        with pytest.raises(ForwardingRefused):
            forwarding.check_target(made, f"a@{refused}")
    cores.close(made)


UNSAFE = Verdict(author="bank.example", spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True)
SPOOF = replace(UNSAFE, spf="fail", dmarc="fail", spf_aligned=False, disposition=Disposition.JUNK)


def test_n3_what_is_kept_back_is_listed_once_a_day_in_a_mail_of_our_own(core, ola, clock):
    dkim_keys.ensure_keys(core.config)
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True, unsafe="keep")
    statement = MESSAGE.replace(b"Subject: hei", b"Subject: =?utf-8?q?=C3=85rsoppgave?=")
    assert arrive(core, octets=statement, verdict=UNSAFE).mailboxes == ("INBOX",)
    assert arrive(core, octets=MESSAGE + b"2", verdict=SPOOF).mailboxes == ("Junk",)
    assert not queued(core, "forward")
    assert digest.send_digests(core) == 1
    [letter] = [item for item in queued(core, "notice") if item.recipient == TARGET]
    octets = octets_of(core, letter)
    assert header.values(header.split(octets)[0], "from") == ["Alumnimail <noreply@alumni.example>"]
    assert octets.startswith(b"DKIM-Signature:")
    assert "kari@outside.example\n    Årsoppgave" in text_of(octets)
    assert "I tillegg ble 1 meldinger" in text_of(octets)
    assert digest.send_digests(core) == 0


def test_n3_without_the_wish_for_it_there_is_no_digest(core, ola):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True, unsafe="keep", digest=False)
    arrive(core, verdict=UNSAFE)
    assert digest.send_digests(core) == 0


def test_n3_no_digest_of_junk_alone_or_to_a_target_that_takes_nothing_and_none_without_end(core, ola):
    dkim_keys.ensure_keys(core.config)
    forwarding.set_forwarding(core, ola.id, TARGET, copy=False, confirmed=True, unsafe="keep")
    arrive(core, verdict=SPOOF)
    assert digest.send_digests(core) == 0
    for number in range(digest.MOST_LISTED + 1):
        arrive(core, octets=MESSAGE.replace(b"hei", b"number %d." % number), verdict=UNSAFE)
    assert digest.send_digests(core) == 1
    [letter] = [item for item in queued(core, "notice") if item.recipient == TARGET]
    assert octets_of(core, letter).count(b"    number ") == digest.MOST_LISTED
    arrive(core, verdict=UNSAFE)
    for _ in range(forwarding.MAX_REFUSALS):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target=TARGET, ok=False, permanent=True, reply="550 no"
            )
        )
    assert digest.send_digests(core) == 0


def test_n5_s27_kept_copies_roll_away_when_they_are_outside_and_nobody_touched_them(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True, rolling_days=30)
    mark = 'require "imap4flags"; if header :is "subject" "marked by a script" { addflag "\\\\Flagged"; keep; }'
    filters.put_script(core, ola.id, "mine", mark)
    filters.set_active_script(core, ola.id, "mine")
    kinds = (
        "untouched", "read", "flagged", "answered", "moved", "unread again", "marked by a script", "refused", "came back",
        "for one of us", "not taken",
    )  # fmt: skip
    states = {"refused": "refused", "for one of us": "here"}
    for kind in kinds:
        arrive(core, octets=MESSAGE.replace(b"hei", kind.encode()))
        sender = "" if kind == "not taken" else sent_on(core, states.get(kind, "delivered"))
        if kind == "came back":
            arrive(core, sender, report(), sender="")

    def touch(tx):
        box = core.mail.mailbox(tx, ola.id, "INBOX")
        uid = {
            kind: next(
                u for u in core.mail.uids(tx, box.id) if b"Subject: " + kind.encode() in core.mail.octets(tx, box.id, u)
            )
            for kind in kinds
        }
        for kind, flag in (
            ("read", "\\Seen"),
            ("flagged", "\\Flagged"),
            ("answered", "\\Answered"),
            ("unread again", "\\Seen"),
        ):
            core.mail.set_flags(tx, box.id, [(uid[kind], uid[kind])], "add", frozenset({flag}))
        core.mail.set_flags(tx, box.id, [(uid["unread again"],) * 2], "remove", frozenset({"\\Seen"}))
        away = core.mail.create(tx, ola.id, "Elsewhere")
        core.mail.move(tx, box.id, [(uid["moved"],) * 2], away.id)
        core.mail.move(tx, away.id, [(1, 9)], box.id)

    core.db.write(touch)
    assert copy_expiry.expire_copies(core) == 0
    clock.forward(days=31)
    assert copy_expiry.expire_copies(core) == 1
    left = b"".join(inbox(core, ola))
    assert [kind for kind in kinds if b"Subject: " + kind.encode() not in left] == ["untouched"]
    assert health.check_installation(core, repair=False) == []


def test_n5_no_copy_goes_after_the_forwarding_has_ended(core, ola, clock):
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True, rolling_days=30)
    arrive(core)
    sent_on(core)
    link = core.db.write(lambda tx: consent.make_stop_link(core, tx, ola.id, TARGET))
    consent.stop_by_target(core, link.rpartition("/")[2])
    clock.forward(days=31)
    assert copy_expiry.expire_copies(core) == 0


def test_n5_it_is_ninety_days_in_page_service_and_command_unless_the_owner_chose(core, ola, clock, tmp_path):
    accounts.add_account(core, "kari")
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{core.config.data}"\n')
    runner, options = CliRunner(), ["--config", str(file)]
    for more, said in (([], "expire after 90 days"), (["--copy-days", "0"], "keeps a copy\n"), ([], "keeps a copy\n")):
        done = runner.invoke(main, [*options, "forward", "set", "kari", TARGET, "--confirmed", *more])
        assert done.exit_code == 0, done.output
        assert said in done.output
    assert forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True).rolling_days == 90
    assert ForwardingForm.rolling_days.kwargs["default"] == "90"
    arrive(core)
    sent_on(core)
    clock.forward(days=89)
    assert copy_expiry.expire_copies(core) == 0
    clock.forward(days=2)
    assert copy_expiry.expire_copies(core) == 1
    forwarding.set_forwarding(core, ola.id, TARGET, copy=True, confirmed=True, rolling_days=0)
    arrive(core)
    sent_on(core)
    clock.forward(days=4000)
    assert copy_expiry.expire_copies(core) == 0


def test_the_postmaster_of_the_sub_domain_is_there_too(core):
    accounts.ensure_postmaster(core)
    assert arrive(core, "Postmaster@srs.alumni.example").outcome is Outcome.FILED
    assert len(tickets.list_tickets(core)) == 1
