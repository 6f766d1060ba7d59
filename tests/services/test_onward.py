"""The record of each forwarded message: its target, and the reply of the other server."""

import asyncio

from mailcore.domain import Envelope
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.store.forwarding import onward
from mailcore.store.queue.items import enqueue_mail, find_item
from tests.services.test_queue_worker import at_work, until

MESSAGE = b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"
FRIEND = "ola@elsewhere.example"


async def _forwarded(core, ola, answer: str, octets: bytes = MESSAGE) -> list[onward.Onward]:
    async with at_work(core) as (core, _worker, peer):
        peer.answers[FRIEND] = answer
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
        await delivery.accept(core, Envelope("kari@outside.example", (found.address,)), [found], octets, b"")
        name = core.blobs.prepare(octets).name
        await until(
            lambda: any(one.answered_at for one in core.db.read(lambda tx: onward.list_of_content(tx, ola.id, name)))
        )
        return core.db.read(lambda tx: onward.list_of_content(tx, ola.id, name))


def test_what_the_other_server_said_is_kept_with_the_message(core):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)
    [told] = asyncio.run(_forwarded(core, ola, "250 OK"))
    assert (told.state, told.target, told.code) == ("delivered", FRIEND, 250)
    [refused] = asyncio.run(_forwarded(core, ola, "550 5.1.1 nobody here", MESSAGE + b"2\r\n"))
    assert (refused.state, refused.reply) == ("refused", "550 5.1.1 nobody here")
    [waits] = asyncio.run(_forwarded(core, ola, "451 4.7.1 later", MESSAGE + b"3\r\n"))
    assert (waits.state, waits.code) == ("waiting", 451)
    assert core.db.read(lambda tx: onward.count_results(tx, ola.id, 0)) == {"delivered": 1, "refused": 1, "waiting": 1}


def _answered(core, ola, target: str, answer: Answer, *, require_tls: bool = False) -> str:
    """Return the record of a message that was forwarded and answered so."""
    prepared = core.blobs.prepare(MESSAGE)

    def write(tx):
        [item] = enqueue_mail(
            tx,
            core.blobs,
            sender="kari@outside.example",
            recipients=[target],
            prepared=prepared,
            prefix=b"",
            account=ola.id,
            origin="forward",
            now=core.clock.seconds(),
            require_tls=require_tls,
        )
        onward.add_message(tx, item, ola.id, prepared.name, target, core.clock.seconds())
        queued = find_item(tx, item)
        assert queued is not None
        outcome.record_outcome(core, tx, queued, answer, core.clock.now(), outcome.NO_SEQUEL)
        return onward.list_of_content(tx, ola.id, prepared.name)[-1].state

    return core.db.write(write)


def test_n5_what_one_of_us_has_does_not_count_as_delivered_outside(core):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    assert _answered(core, ola, "kari@alumni.example", Answer("h", 250, "delivered here")) == "here"
    assert _answered(core, ola, FRIEND, Answer("h", 250, "OK")) == "delivered"


def test_n2_what_the_senders_own_wish_for_tls_refused_says_nothing_of_the_forwarding(core):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=False, confirmed=True)
    answer = Answer("h", 550, "5.7.30 REQUIRETLS: the host does not offer it")
    assert _answered(core, ola, FRIEND, answer, require_tls=True) == "refused"
    assert forwarding.read_forwarding(core, ola.id).failures == 0
    assert _answered(core, ola, FRIEND, answer) == "refused"  # as if the target's own server had said so
    assert forwarding.read_forwarding(core, ola.id).failures == 1


def test_a_number_that_the_queue_uses_again_says_nothing_of_the_older_message(core):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    core.db.write(lambda tx: onward.add_message(tx, 7, ola.id, b"a" * 32, FRIEND, 1))
    core.db.write(lambda tx: onward.add_message(tx, 7, ola.id, b"b" * 32, FRIEND, 2))
    core.db.write(lambda tx: onward.save_answer(tx, 7, "delivered", host="h", code=250, reply="250 OK", now=3))
    states = [
        core.db.read(lambda tx, c=c: onward.list_of_content(tx, ola.id, c))[0].state for c in (b"a" * 32, b"b" * 32)
    ]
    assert states == ["unknown", "delivered"]


def test_rows_of_messages_that_are_gone_are_forgotten(core):
    ola = accounts.add_account(core, "ola", password="correct horse battery")
    kept = core.blobs.prepare(MESSAGE)

    def write(tx):
        box = core.mail.mailbox(tx, ola.id, "INBOX")
        core.mail.append(tx, ola.id, box.id, kept, frozenset(), core.clock.now())
        onward.add_message(tx, 1, ola.id, kept.name, FRIEND, 1)
        onward.add_message(tx, 2, ola.id, b"b" * 32, FRIEND, 1)

    core.db.write(write)
    assert core.db.write(lambda tx: onward.delete_old(tx, 2)) == 1
    assert len(core.db.read(lambda tx: onward.list_of_content(tx, ola.id, kept.name))) == 1
