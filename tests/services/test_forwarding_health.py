"""The answers of a forwarding's target in kinds, and the test message (N2, N4)."""

import asyncio

import pytest

from mailcore.domain import Envelope, Verdict
from mailcore.errors import ForwardingRefused, NotAllowed, TooMany
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding, health
from mailcore.services.forwarding.health import ReplyKind, classify_reply
from mailcore.services.mailauth import dkim_keys
from mailcore.services.sieve_scripts import filters
from mailcore.store.queue.items import list_items, read_octets
from tests.services.test_queue_worker import at_work, until

FRIEND = "ola@elsewhere.example"


@pytest.fixture
def ola(core):
    made = accounts.add_account(core, "ola", password="correct horse battery")
    forwarding.set_forwarding(core, made.id, FRIEND, copy=True, confirmed=True)
    return made


@pytest.mark.parametrize(("code", "reply", "kind"), [
    (250, "250 2.0.0 OK 1700000000 a1b2 - gsmtp", ReplyKind.TAKEN),
    (550, "550-5.1.1 The email account that you tried to reach does not exist.", ReplyKind.UNKNOWN_THERE),
    (550, "550 5.1.1 <a@b>: Recipient address rejected: User unknown in virtual mailbox table", ReplyKind.UNKNOWN_THERE),
    (550, "550 mailbox unavailable", ReplyKind.UNKNOWN_THERE),
    (452, "452-4.2.2 The recipient's inbox is out of storage space.", ReplyKind.FULL_THERE),
    (552, "552 5.2.2 Over quota", ReplyKind.FULL_THERE),
    (
        550,
        "550-5.7.26 Unauthenticated email from x.example is not accepted due to domain's DMARC policy.",
        ReplyKind.UNAUTHENTICATED,
    ),
    (550, "550 5.7.509 Access denied, sending domain x.example does not pass DMARC verification", ReplyKind.UNAUTHENTICATED),
    (550, "550-5.7.1 [192.0.2.1 12] Gmail has detected that this message is likely unsolicited mail.", ReplyKind.SPAM),
    (554, "554 5.7.1 Message rejected as spam by Content Filtering.", ReplyKind.SPAM),
    (550, "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Part of their network is on our block list (S3140).",
     ReplyKind.BLOCKED),
    (554, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", ReplyKind.BLOCKED),
    (421, "421-4.7.28 Gmail has detected an unusual rate of mail originating from your IP address.", ReplyKind.SLOWED),
    (450, "450 4.2.0 <a@b>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/", ReplyKind.SLOWED),
    (552, "552 5.3.4 Message size exceeds fixed limit", ReplyKind.TOO_LARGE),
    (0, "connection timed out", ReplyKind.UNREACHABLE),
    (556, "556 5.1.10 domain takes no mail", ReplyKind.UNREACHABLE),
    (451, "451 4.3.0 Temporary lookup failure", ReplyKind.LATER),
    (554, "554 5.0.0 no", ReplyKind.REFUSED),
])  # fmt: skip
def test_n2_answers_of_real_servers_have_a_kind(code, reply, kind):
    assert classify_reply(code, reply) is kind


def test_n4_the_test_message_goes_the_way_of_forwarded_mail_and_its_place_is_told(core, ola):
    dkim_keys.ensure_keys(core.config)
    probe = health.send_probe(core, ola.id)
    [item] = [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == "forward"]
    assert (item.recipient, item.sender.endswith("@srs.alumni.example"), item.account) == (FRIEND, True, ola.id)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert probe.code.encode() in octets
    assert b"DKIM-Signature:" in octets
    for found, filtered in (("spam", True), ("missing", True), ("inbox", False)):
        health.record_probe_place(core, ola.id, probe.id, found)
        assert health.get_health(core, ola.id).filtered is filtered
    with pytest.raises(NotAllowed):
        health.record_probe_place(core, ola.id, probe.id, "elsewhere")
    kari = accounts.add_account(core, "kari")
    with pytest.raises(NotAllowed):
        health.record_probe_place(core, kari.id, probe.id, "inbox")


def test_n4_three_test_messages_a_day_and_none_without_a_confirmed_target(core, clock, ola):
    for _ in range(3):
        health.send_probe(core, ola.id)
    with pytest.raises(TooMany):
        health.send_probe(core, ola.id)
    clock.forward(days=1, seconds=1)
    health.send_probe(core, ola.id)
    forwarding.set_forwarding(core, ola.id, "other@elsewhere.example", copy=True)
    with pytest.raises(ForwardingRefused):
        health.send_probe(core, ola.id)


async def _settled(core, ola):
    async with at_work(core) as (core, _worker, peer):
        peer.answers[FRIEND] = "550 5.7.26 DMARC says no"
        health.send_probe(core, ola.id)
        await until(lambda: health.get_health(core, ola.id).answers)
        return health.get_health(core, ola.id)


def test_n2_the_last_answers_are_shown_with_their_kind(core, ola):
    found = asyncio.run(_settled(core, ola))
    assert [(one.kind, one.attempt.code, one.attempt.reply) for one in found.answers] == [
        (ReplyKind.UNAUTHENTICATED, 550, "550 5.7.26 DMARC says no")
    ]
    assert (found.delivered, found.refused) == (0, 1)


def _deliver(core, verdict):
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    octets = b"From: Kari <kari@strict.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"
    asyncio.run(delivery.accept(core, Envelope("kari@strict.example", (found.address,)), [found], octets, b"", verdict))
    return [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == "forward"]


def test_n3_the_owner_chooses_that_what_cannot_pass_stays_here(core, ola):
    verdict = Verdict(
        author="strict.example", spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True
    )
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, unsafe="keep")
    assert _deliver(core, verdict) == []
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, unsafe="rewrite")
    assert len(_deliver(core, verdict)) == 1


def test_a_new_target_keeps_the_other_choices(core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=False, unsafe="keep", digest=False, rolling_days=30)
    found = forwarding.set_forwarding(core, ola.id, "other@elsewhere.example", copy=False)
    assert (found.unsafe, found.digest, found.rolling_days) == ("keep", False, 30)


def test_s24_a_hand_written_script_is_kept_and_runs_on_the_copy(core, ola):
    filters.put_script(core, ola.id, "mine", 'require "fileinto";\nfileinto "Archive";\n')
    filters.set_active_script(core, ola.id, "mine")
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True)
    assert len(_deliver(core, Verdict())) == 1
    assert core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive")).messages == 1
    forwarding.stop_forwarding(core, ola.id)
    assert [(script.name, script.active) for script in filters.read_scripts(core, ola.id)] == [("mine", True)]


def test_n1_the_question_can_be_sent_again_and_the_older_link_is_void(core, ola):
    forwarding.set_forwarding(core, ola.id, "other@elsewhere.example", copy=True)
    for _ in range(3):
        forwarding.ask_again(core, ola.id)
    with pytest.raises(TooMany):
        forwarding.ask_again(core, ola.id)
    questions = [i for i in core.db.read(lambda tx: list_items(tx)) if i.recipient == "other@elsewhere.example"]
    assert len(questions) == 4
    texts = [core.db.read(lambda tx, i=i: read_octets(tx, core.blobs, i)) for i in questions]
    links = [text.partition(b"/confirm/")[2].split()[0].decode() for text in texts]
    assert forwarding.find_question(core, links[-1])[0].id == ola.id
    for link in links[:-1]:
        with pytest.raises(Exception, match="used, too old"):
            forwarding.find_question(core, link)
