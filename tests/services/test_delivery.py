"""Delivery of a message: filed, forwarded, refused or answered, in one transaction for all recipients."""

import asyncio
from datetime import timedelta

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Delivered, Envelope, Outcome
from mailcore.errors import OverQuota, RelayDenied, UnknownRecipient
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import health
from mailcore.services.sieve_scripts import filters
from mailcore.store.queue.items import list_items, read_octets

MESSAGE = (
    b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n"
    b"Message-ID: <1@outside.example>\r\n\r\nhei\r\n"
)
TRACE = b"Received: from outside.example by mx.alumni.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", display_name="Ola", password="correct horse battery")


@pytest.fixture
def kari(core: Core) -> Account:
    return accounts.add_account(core, "kari", password="correct horse battery")


def deliver(core: Core, *names: str, octets: bytes = MESSAGE, sender: str = "kari@outside.example") -> list[Delivered]:
    addresses = tuple(name if "@" in name else f"{name}@alumni.example" for name in names)
    found = [core.db.read(lambda tx, a=a: recipients.check_recipient(core, tx, a, None)) for a in addresses]
    return asyncio.run(delivery.accept(core, Envelope(sender, addresses), found, octets, TRACE))


def count(core: Core, account: Account, mailbox: str = "INBOX") -> int:
    return core.db.read(lambda tx: core.mail.mailbox(tx, account.id, mailbox)).messages


def queued(core: Core, origin: str) -> list:
    return [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == origin]


def personal(core: Core, account: Account, source: str) -> None:
    filters.put_script(core, account.id, "mine", source)
    filters.set_active_script(core, account.id, "mine")


def test_a_message_is_filed_with_its_trace_and_stored_once_for_all(core, ola, kari):
    before = core.db.read(lambda tx: tx.row("SELECT count(*) FROM blob"))[0]
    done = deliver(core, "ola", "kari")
    assert [one.outcome for one in done] == [Outcome.FILED, Outcome.FILED]
    assert core.db.read(lambda tx: tx.row("SELECT count(*) FROM blob"))[0] == before + 1
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    octets = core.db.read(lambda tx: core.mail.octets(tx, box.id, box.uidnext - 1))
    assert octets.startswith(b"Return-Path: <kari@outside.example>\r\nDelivered-To: ola@alumni.example\r\nReceived:")
    assert octets.endswith(MESSAGE)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("nobody@alumni.example", UnknownRecipient),
        ("ola@elsewhere.example", RelayDenied),
        ("ola", RelayDenied),
        ("o.la@alumni.example", UnknownRecipient),
        ("srs0=x=y=z@srs.alumni.example", UnknownRecipient),
    ],
)
def test_addresses_that_are_nobodys(core, ola, address, error):
    with pytest.raises(error):
        core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))


def test_the_personal_script_files_and_a_missing_mailbox_means_inbox(core, ola):
    personal(core, ola, 'require ["fileinto","mailbox"];\nif header "subject" "hei" { fileinto "nowhere"; }\n')
    before = count(core, ola)
    deliver(core, "ola")
    assert count(core, ola) == before + 1
    personal(core, ola, 'require ["fileinto","mailbox"];\nfileinto :create "New/Box";\n')
    deliver(core, "ola")
    assert count(core, ola, "New/Box") == 1


def test_a_script_that_fails_keeps_the_message(core, ola):
    redirects = "".join(f'redirect "a{n}@outside.example";\n' for n in range(9))
    personal(core, ola, redirects)
    before = count(core, ola)
    assert deliver(core, "ola")[0].outcome is Outcome.FILED
    assert count(core, ola) == before + 1
    assert queued(core, "forward") == []


def test_a_rejection_is_the_senders_to_hear_and_nothing_is_stored(core, ola, kari):
    personal(core, ola, 'require "reject";\nreject "no thanks";\n')
    before = count(core, ola)
    done = deliver(core, "ola")
    assert (done[0].outcome, done[0].reason) == (Outcome.REJECTED, "no thanks")
    assert count(core, ola) == before
    # Another recipient accepts: the session can say only one thing, so its sender, who is known, gets a report.
    deliver(core, "ola", "kari")
    assert (count(core, ola), count(core, ola, "Junk")) == (before, 0)
    assert len(queued(core, "dsn")) == 1


def test_s25_forwarding_keeps_a_copy_and_the_octets_stay_untouched(core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    before = count(core, ola)
    deliver(core, "ola")
    assert count(core, ola) == before + 1
    item = queued(core, "forward")[0]
    assert (item.recipient, item.sender.endswith("@srs.alumni.example")) == ("ola@elsewhere.example", True)
    assert core.db.read(lambda tx: read_octets(tx, core.blobs, item)).endswith(MESSAGE)


def test_s24_a_message_that_was_here_before_is_kept_and_not_forwarded_again(core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=False, confirmed=True)
    before = count(core, ola)
    deliver(core, "ola", octets=b"Delivered-To: ola@alumni.example\r\n" + MESSAGE)
    assert (count(core, ola), queued(core, "forward")) == (before + 1, [])


def test_s20_full_and_forwarding_goes_on_without_a_copy(core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    accounts.set_quota(core, "ola", 1)
    before = count(core, ola)
    assert deliver(core, "ola")[0].outcome is Outcome.FORWARDED
    assert (count(core, ola), len(queued(core, "forward"))) == (before, 1)


def test_s20_a_full_box_is_refused_at_rcpt_also_for_plus_addresses_and_null_senders(core, ola):
    accounts.set_quota(core, "ola", 1)
    for address in ("ola@alumni.example", "ola+x@alumni.example"):
        with pytest.raises(OverQuota):
            core.db.read(lambda tx, a=address: recipients.check_recipient(core, tx, a, 10))


def test_the_counts_are_right_after_all_of_it(core, ola, kari):
    personal(core, ola, 'require ["fileinto","copy"];\nfileinto :copy "Archive";\n')
    for _ in range(3):
        deliver(core, "ola", "kari")
    assert health.check_installation(core, repair=False) == []


VACATION = 'require "vacation";\nvacation :days 7 "Borte til mandag";\n'


def test_vacation_answers_a_person_once_a_week(core, ola):
    personal(core, ola, VACATION)
    deliver(core, "ola")
    deliver(core, "ola")
    items = queued(core, "vacation")
    assert [(item.sender, item.recipient) for item in items] == [("", "kari@outside.example")]
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, items[0]))
    for field in (
        b"Auto-Submitted: auto-replied",
        b"In-Reply-To: <1@outside.example>",
        b"To: Kari <kari@outside.example>",
    ):
        assert field in octets
    late = core.clock.now() + timedelta(days=8)
    object.__setattr__(core, "clock", _At(late))
    deliver(core, "ola")
    assert len(queued(core, "vacation")) == 2


class _At:
    def __init__(self, at) -> None:
        self._at = at

    def now(self):
        return self._at

    def seconds(self) -> int:
        return int(self._at.timestamp())


@pytest.mark.parametrize(
    ("sender", "octets"),
    [
        ("", MESSAGE),
        ("ola@alumni.example", MESSAGE),
        ("mailer-daemon@outside.example", MESSAGE),
        ("list-request@outside.example", MESSAGE),
        ("kari@outside.example", b"Auto-Submitted: auto-generated\r\n" + MESSAGE),
        ("kari@outside.example", b"List-Id: <x.outside.example>\r\n" + MESSAGE),
        ("kari@outside.example", b"Precedence: bulk\r\n" + MESSAGE),
        ("kari@outside.example", MESSAGE.replace(b"To: ola@", b"To: everyone@")),
    ],
    ids=["null", "own", "daemon", "request", "auto", "list", "bulk", "not to us"],
)
def test_vacation_never_answers(core, ola, sender, octets):
    personal(core, ola, VACATION)
    deliver(core, "ola", sender=sender, octets=octets)
    assert queued(core, "vacation") == []


@pytest.mark.parametrize(
    ("script", "author"),
    [
        ('vacation :from "Ola <ola@alumni.example>" "x";', "Ola <ola@alumni.example>"),
        ('vacation :from "Rektor <rektor@university.example>" "x";', "ola@alumni.example"),
        ('vacation :addresses "everyone@university.example" "x";', "ola@alumni.example"),
    ],
    ids=["own", "another's", "another's that was written to"],
)
def test_vacation_answers_in_nobody_elses_name(core, ola, script, author):
    personal(core, ola, f'require "vacation"; {script}')
    written_to = b"To: everyone@university" if "everyone" in script else b"To: ola@alumni"
    deliver(core, "ola", octets=MESSAGE.replace(b"To: ola@alumni", written_to))
    [item] = queued(core, "vacation")
    assert f"From: {author}\r\n".encode() in core.db.read(lambda tx: read_octets(tx, core.blobs, item))


def test_a_changed_message_is_filed_as_it_was_changed(core, ola):
    personal(core, ola, 'require "editheader"; addheader "X-Kept" "yes";')
    deliver(core, "ola")
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    octets = core.db.read(lambda tx: core.mail.octets(tx, box.id, box.uidnext - 1))
    assert b"\r\nX-Kept: yes\r\nFrom: Kari <kari@outside.example>\r\n" in octets


def test_a_duplicate_is_known_at_the_second_delivery(core, ola):
    personal(core, ola, 'require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Again"; }')
    deliver(core, "ola")
    deliver(core, "ola")
    assert count(core, ola, "Again") == 1


def test_a_notification_goes_out_with_its_copy(core, ola):
    personal(
        core, ola, 'require ["enotify", "fcc"]; notify :fcc "Sent" :message "ny post" "mailto:phone@outside.example";'
    )
    deliver(core, "ola")
    [item] = queued(core, "vacation")
    assert (item.sender, item.recipient) == ("ola@alumni.example", "phone@outside.example")
    assert b"Subject: ny post\r\n" in core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert count(core, ola, "Sent") == 1
