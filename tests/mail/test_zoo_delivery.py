"""The zoo delivered: by SMTP to a mailbox, to the help desk, through a script of every test, to one away, and forwarded."""

import asyncio
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Account, Away, Delivered, Envelope, Outcome, Verdict
from mailcore.mail.reading import header
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import digest, forwarding
from mailcore.services.operations import health
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.services.tickets import tickets
from mailcore.services.transfer import takeout, takeout_import
from mailcore.store.queue.items import list_items, read_octets
from portal import create_app
from tests.mail.zoo.animals import Animal, all_animals
from tests.mail.zoo.keeper import Door
from tests.portal.conftest import Browser
from tests.portal.mailing import put
from tests.services.test_takeout_same import contents
from tests.smtp_talk import PASSWORD, build, inbox, talk

pytestmark = pytest.mark.slow
TRACE = b"Received: from outside.example by mx.alumni.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
PASSES = Verdict("outside.example", spf="pass", dmarc="pass", spf_aligned=True, dkim_aligned=True, outside=True)
STRICT = Verdict("outside.example", spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True)
SETTINGS = '[limits]\nmessages_per_hour = 100000\n[filter]\nlevel = "off"\n'  # spam would stand in another mailbox
SCRIPT = (Path(__file__).parent / "zoo" / "every_test.sieve").read_text()
NUMBERS = count(1)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    made = build(tmp_path_factory.mktemp("zoo"), SETTINGS)
    yield made
    cores.close(made)


def deliver(core: Core, to: str, animal: Animal, verdict: Verdict = PASSES) -> Delivered:
    sender, address = f"zoo{next(NUMBERS)}@outside.example", f"{to}@alumni.example"

    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, address, len(animal.octets)))
    envelope = Envelope(sender, (address,), "192.0.2.1", "outside.example")
    return asyncio.run(delivery.accept(core, envelope, [found], animal.octets, TRACE, verdict))[0]


def queued(core: Core, account: Account) -> list[tuple[str, bytes]]:
    """Recipient and octets of what waits to go out for an account."""

    def read(tx):
        return [
            (one.recipient, read_octets(tx, core.blobs, one)) for one in list_items(tx) if one.account == account.id
        ]

    return core.db.read(read)


def last(core: Core, name: str) -> bytes:
    account = accounts.find_account(core, name)

    def read(tx) -> bytes:
        box = core.mail.mailbox(tx, account.id, "INBOX")
        return core.mail.octets(tx, box.id, box.uidnext - 1)

    return core.db.read(read)


def test_smtp_takes_every_animal_and_keeps_its_octets(core: Core) -> None:
    door = Door("smtp")

    async def play(connect) -> None:
        client = await connect()
        for animal in all_animals():
            stuffed = animal.octets.replace(b"\r\n.", b"\r\n..")
            stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
            end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
            with door.animal(animal.id):
                await client.say("MAIL FROM:<ann@outside.example>\r\n")
                await client.say("RCPT TO:<ola@alumni.example>\r\n")
                [ready] = await client.say("DATA\r\n")
                assert ready.startswith("354"), ready
                client.writer.write(stuffed + end)
                [answer] = await client.replies(1)
                wanted = animal.right.get("smtp", "250")
                assert answer.startswith(wanted if animal.by_smtp else ("250", "5")), answer
                if animal.by_smtp and wanted == "250":
                    kept = last(core, "ola")
                    whole = animal.octets if animal.octets.endswith(b"\r\n") else animal.octets + b"\r\n"
                    block, body = header.split(whole)
                    block = header.without(
                        block, lambda name, _: name.lower() in ("return-path", "authentication-results")
                    )
                    assert kept.endswith(block + whole[body:]), "other octets"
                [again] = await client.say("RSET\r\n")
                assert again.startswith("250")

    talk(core, play)
    door.close()


def test_the_help_desk_takes_every_animal(core: Core) -> None:
    accounts.add_account(core, "agnes", display_name="Agnes", password=PASSWORD, language="en")
    accounts.set_role(core, "agnes", "desk")
    browser = Browser(create_app(core).test_client())
    browser.log_in("agnes", PASSWORD)
    browser.get("/desk/")  # what is read and compiled once is nobody's
    door = Door("desk")
    before = {one.id for one in tickets.list_tickets(core)}
    for animal in all_animals():
        with door.animal(animal.id):
            done = deliver(core, "help", animal)
            assert done.outcome in (Outcome.FILED, Outcome.REJECTED), done
    for number in sorted({one.id for one in tickets.list_tickets(core)} - before):
        with door.animal(f"case {number}", most=0.5):  # also the templates of its page, once
            page = browser.get(f"/desk/cases/{number}")
            assert page.status_code == 200
            page.get_data().decode()
    door.close()


def test_a_script_of_every_test_reads_every_animal(core: Core) -> None:
    ola = accounts.add_account(core, "skript")
    filters.put_script(core, ola.id, "every", SCRIPT)
    filters.set_active_script(core, ola.id, "every")
    door = Door("sieve")
    before = len(inbox(core, "skript"))
    for number, animal in enumerate(all_animals()):
        with door.animal(animal.id):
            assert deliver(core, "skript", animal).outcome is Outcome.FILED
            assert core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX")).messages == before + number + 1
            assert animal.octets in last(core, "skript")
    door.close()


def test_one_who_is_away_answers_every_animal(core: Core) -> None:
    borte = accounts.add_account(core, "borte", display_name="Åse Borte")
    out_of_office.save_away(core, borte.id, Away(True, date(2020, 1, 1), None, "Borte: æøå", "Jeg er borte, “æøå”."))
    door = Door("vacation")
    for animal in all_animals():
        with door.animal(animal.id):
            assert deliver(core, "borte", animal).outcome is Outcome.FILED
    for _to, octets in queued(core, borte):
        with door.animal("replies"):
            reply = message_from_bytes(octets, policy=policy.default)
            assert reply["Auto-Submitted"] == "auto-replied"
            assert "borte" in reply.get_content()
            assert max(map(len, octets.split(b"\r\n"))) <= 998  # RFC 5322 section 2.1.1
            assert header.split(octets)[0].isascii()
    door.close()


@pytest.mark.parametrize("unsafe", ["rewrite", "keep"])
def test_every_animal_is_forwarded_and_the_digest_lists_what_was_not(core: Core, unsafe: str) -> None:
    name = f"videre{unsafe}"
    owner = accounts.add_account(core, name, contact="x@home.example")
    forwarding.set_forwarding(core, owner.id, "target@elsewhere.example", copy=True, confirmed=True, unsafe=unsafe)
    door = Door(f"forward-{unsafe}")
    for animal in all_animals():
        for verdict in (PASSES, STRICT):
            with door.animal(animal.id):
                done = deliver(core, name, animal, verdict)
                assert done.outcome in (Outcome.FILED, Outcome.FORWARDED), done
                assert animal.octets in last(core, name)
    sent = [octets for to, octets in queued(core, owner) if to == "target@elsewhere.example"]
    assert len(sent) >= len(all_animals())
    whole = b"\0".join(octets for octets in sent)
    for animal in all_animals():
        if animal.octets not in whole:
            door.complain(animal.id, "it did not go on untouched")
    with door.animal("digest", most=3):
        digest.send_digests(core)
    door.close()


def test_out_and_in_again_it_is_the_same_zoo(core: Core) -> None:
    zoo = accounts.add_account(core, "zoo")
    for animal in all_animals():
        put(core, zoo, animal.octets, flags=frozenset({"\\Seen", "zoo"}))
    for form in takeout.FORMS:
        other = accounts.add_account(core, form)
        box = core.db.read(lambda tx, other=other: core.mail.mailbox(tx, other.id, "INBOX"))
        core.db.write(lambda tx, box=box: core.mail.expunge(tx, box.id, None, only_deleted=False))
        file = BytesIO(b"".join(takeout.write_zip(core, zoo.id, takeout.make_plan(core, zoo.id, form))))
        takeout_import.import_takeout(core, other.id, file)
        assert contents(core, other) == contents(core, zoo)


def test_nothing_is_wrong_with_the_store_afterwards(core: Core) -> None:
    assert health.check_installation(core, repair=False) == []
