"""CWE-770, CWE-799: how much mail one person or place may cause to somebody who did not ask, and what stands in it."""

import asyncio
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config, Limits
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope, Scope
from mailcore.errors import ForwardingRefused, TooMany
from mailcore.services.accounts import accounts, closing, orders
from mailcore.services.credentials import contact_addresses, credentials, login
from mailcore.services.delivery import delivery, queue_admin, recipients
from mailcore.services.forwarding import consent, forwarding
from mailcore.services.limits import mail_limits
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.notices import account_notices, notices
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from tests.services.conftest import SetClock

VICTIM = "victim@elsewhere.example"
SPAM = "Win at https://casino.example/now"
MARKS = ("casino", "Win at")
PASSWORD = "en lang setning om fjell"
_number = iter(range(10**9))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def core(tmp_path: Path, clock: SetClock) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path), limits=Limits(trusted=("127.0.0.0/8",))), clock)
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", display_name=SPAM)


def mails(core: Core) -> list[EmailMessage]:
    return [
        message_from_bytes(queue_admin.octets(core, item.id), policy=policy.default)
        for item in queue_admin.list_queue(core)
    ]


def to(core: Core, address: str) -> list[EmailMessage]:
    return [one for one in mails(core) if address in str(one["To"])]


def someone() -> str:
    return f"somebody{next(_number)}@elsewhere.example"


# Every page by which a mail goes to an address that nobody has proved

Page = Callable[[Core, AccountId, str, str], object]  # who is logged in, from where, to whom


def ask(core: Core, owner: AccountId, peer: str, address: str) -> object:
    return tickets.submit_form(
        core, kind="other", subject=SPAM, text=SPAM, reply_to=address, owner=None, peer=peer, language="en", name=SPAM
    )


def order(core: Core, owner: AccountId, peer: str, address: str) -> object:
    return orders.submit_order(
        core,
        name=f"name{next(_number)}",
        display_name=SPAM,
        contact=address,
        affiliation=SPAM,
        language="en",
        terms=True,
        key=f"k{next(_number)}",
        peer=peer,
    )


def contact(core: Core, owner: AccountId, peer: str, address: str) -> object:
    return contact_addresses.request_verification(core, owner, address, peer=peer)


def forward(core: Core, owner: AccountId, peer: str, address: str) -> object:
    return forwarding.set_forwarding(core, owner, address, copy=True, cause=Cause(owner, peer))


STRANGERS: tuple[Page, ...] = (ask, order)
PERSONS: tuple[Page, ...] = (contact, forward)
PAGES = (*STRANGERS, *PERSONS)


def answers(
    pages: tuple[Page, ...], core: Core, owner: AccountId, peers: list[str], to: Callable[[], str], times: int
) -> int:
    """How many were done."""
    done = 0
    for number in range(times):
        try:
            pages[number % len(pages)](core, owner, peers[number % len(peers)], to())
            done += 1
        except (TooMany, ForwardingRefused):
            pass
    return done


@pytest.mark.parametrize("page", PAGES)
def test_no_word_of_the_asker_s_goes_to_somebody_who_did_not_ask(core: Core, ola: Account, page: Page) -> None:
    page(core, ola.id, "192.0.2.1", VICTIM)
    [sent] = to(core, VICTIM)
    text = sent.as_string() + sent.get_content()
    assert not [mark for mark in MARKS if mark in text]


def test_nor_by_the_notices_of_an_account_whose_contact_address_is_not_verified(core: Core) -> None:
    eve = accounts.add_account(core, "eve", display_name=SPAM, contact=VICTIM)
    for _ in range(mail_limits.NOTICES_A_DAY + 20):
        core.db.write(lambda tx: account_notices.notify_owner(core, tx, eve, "second_factor_added", box=False))
    assert len(to(core, VICTIM)) == mail_limits.NOTICES_A_DAY
    assert not [mark for one in to(core, VICTIM) for mark in MARKS if mark in one.as_string() + one.get_content()]
    # to a verified one a notice of theft always goes
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, eve.id, VICTIM))
    for _ in range(20):
        core.db.write(lambda tx: account_notices.notify_owner(core, tx, eve, "password_changed", box=False))
    assert len(to(core, VICTIM)) == mail_limits.NOTICES_A_DAY + 20


@pytest.mark.parametrize(
    "cause",
    [
        lambda core, eve: login.authenticate(core, "eve", PASSWORD, peer="192.0.2.9", scope=Scope.PORTAL, agent=SPAM),
        lambda core, eve: confirmed(core, eve, "casino@evil.example"),
        lambda core, eve: contact_addresses.remove_address(core, eve.id, VICTIM),
        lambda core, eve: closing.close_account(core, "eve"),
        lambda core, eve: credentials.set_password(core, eve.id, "en helt annen setning"),
    ],
)
def test_nothing_that_an_account_does_brings_its_words_there(
    core: Core, cause: Callable[[Core, Account], object]
) -> None:
    """A browser's name for itself, the next contact address: all are somebody's words."""
    eve = accounts.add_account(core, "eve", display_name=SPAM, contact=VICTIM, password=PASSWORD)
    login.authenticate(core, "eve", PASSWORD, peer="198.51.100.1", scope=Scope.PORTAL)
    core.db.write(lambda tx: None)  # log-ins are noted behind
    cause(core, eve)
    core.db.write(lambda tx: None)
    assert len(to(core, VICTIM)) == 1
    assert not [mark for one in to(core, VICTIM) for mark in MARKS if mark in one.as_string() + one.get_content()]


def confirmed(core: Core, owner: Account, address: str) -> None:
    contact_addresses.request_verification(core, owner.id, address)
    [letter] = to(core, address)
    contact_addresses.confirm_address(core, letter.get_content().partition("/account/contact/")[2].split()[0])


@pytest.mark.parametrize(
    "peers",
    [
        ["192.0.2.1"],
        [f"2001:db8:1:2::{n:x}" for n in range(1, 200)],
        [f"::ffff:192.0.2.{n % 1 + 1}" for n in range(200)],
    ],
)
def test_one_place_causes_few_whatever_page_it_asks(core: Core, ola: Account, peers: list[str]) -> None:
    assert answers(STRANGERS, core, ola.id, peers, someone, 40) <= tickets.PER_HOUR + orders.OPEN_PER_PLACE
    assert len(mails(core)) <= tickets.PER_HOUR + orders.OPEN_PER_PLACE
    accounts_there = [accounts.add_account(core, f"eve{n}").id for n in range(12)]
    for one in accounts_there:  # also logged in, as many people
        answers(PERSONS, core, one, peers, someone, 10)
    assert len(mails(core)) <= mail_limits.PLACE_HOUR


def test_a_wider_network_causes_a_few_times_more(core: Core, ola: Account) -> None:
    """A /48 network has 65,536 places."""
    peers = [f"2001:db8:1:{n:x}::1" for n in range(250)]
    assert answers((ask,), core, ola.id, peers, someone, 250) == tickets.PER_HOUR * 2  # within one /56
    peers = [f"2001:db8:2:{n:x}00::1" for n in range(250)]
    assert answers((ask,), core, ola.id, peers, someone, 250) == tickets.PER_HOUR * 4  # within one /48
    peers = [f"198.51.100.{n}" for n in range(250)]
    assert answers((ask,), core, ola.id, peers, someone, 250) == tickets.PER_HOUR * 4
    assert answers((ask,), core, ola.id, ["203.0.113.1"], someone, 1) == 1  # elsewhere one asks as ever


def test_one_person_causes_few_from_anywhere(core: Core, ola: Account) -> None:
    peers = [f"10.{n}.1.1" for n in range(60)]
    assert answers(PERSONS, core, ola.id, peers, someone, 60) == mail_limits.PERSON_HOUR
    assert len(mails(core)) == mail_limits.PERSON_HOUR


def test_a_day_has_a_bound_too(core: Core, ola: Account, clock: SetClock) -> None:
    for hour in range(8):
        answers(PERSONS, core, ola.id, [f"10.{hour}.1.1"], someone, 20)
        clock.forward(hours=1, seconds=1)
    assert len(mails(core)) == mail_limits.PERSON_DAY


def test_one_address_is_written_to_seldom_whoever_asks(core: Core, ola: Account) -> None:
    names = iter(f"vic.tim+{n}@elsewhere.example" for n in range(10**6))
    peers = [f"10.{n}.1.1" for n in range(200)]
    eves = [accounts.add_account(core, f"eve{n}").id for n in range(10)]
    for eve in eves:
        answers(PAGES, core, eve, peers, lambda: next(names), 12)
    assert len(mails(core)) <= mail_limits.ADDRESS_HOUR


def test_what_was_refused_does_not_count(core: Core, ola: Account, clock: SetClock) -> None:
    assert answers((ask,), core, ola.id, ["192.0.2.1"], someone, 100) == tickets.PER_HOUR
    clock.forward(minutes=30)
    assert answers((ask,), core, ola.id, ["192.0.2.1"], someone, 100) == 0
    clock.forward(minutes=31)
    assert answers((ask,), core, ola.id, ["192.0.2.1"], someone, 100) == tickets.PER_HOUR


def test_who_is_logged_in_sends_nothing_to_others_by_the_help_form(core: Core, ola: Account) -> None:
    for number in range(tickets.OWNER_PER_HOUR):
        tickets.submit_form(
            core,
            kind="other",
            subject=SPAM,
            text=SPAM,
            reply_to=someone() if number else VICTIM,
            owner=ola,
            peer=f"10.{number}.1.1",
            language="en",
        )
    assert {str(one["To"]) for one in mails(core)} == {"ola@alumni.example"}
    assert {ticket.reply_to for ticket in tickets.list_own(core, ola.id)} >= {VICTIM}  # where the desk answers
    with pytest.raises(TooMany):
        tickets.submit_form(
            core, kind="other", subject="x", text="x", reply_to="", owner=ola, peer="10.1.1.1", language="en"
        )


def test_who_is_logged_in_hears_at_a_verified_address(core: Core, ola: Account) -> None:
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, ola.id, "ola@outside.example"))
    for address in ("ola@outside.example", "ola@alumni.example"):
        tickets.submit_form(
            core, kind="other", subject="x", text="x", reply_to=address, owner=ola, peer="10.1.1.1", language="en"
        )
        assert str(mails(core)[-1]["To"]) == address


def test_links_that_stop_a_forwarding_are_asked_for_seldom(core: Core, ola: Account) -> None:
    for _ in range(mail_limits.PLACE_HOUR):
        consent.send_stop_links(core, someone(), peer="192.0.2.1")
    with pytest.raises(TooMany):
        consent.send_stop_links(core, someone(), peer="192.0.2.1")
    consent.send_stop_links(core, someone(), peer="192.0.2.2")


def test_closing_and_opening_again_asks_the_target_no_more_than_others_may(core: Core, ola: Account) -> None:
    forwarding.set_forwarding(core, ola.id, VICTIM, copy=True, cause=Cause(ola.id))
    for _ in range(10):
        _account, link = closing.close_account(core, "ola")
        closing.undo_closing(core, link.rpartition("/")[2])
    assert len(to(core, VICTIM)) <= forwarding.QUESTIONS_A_DAY


def test_a_script_tells_few_of_what_comes(
    core: Core, ola: Account, monkeypatch: pytest.MonkeyPatch, clock: SetClock
) -> None:
    """An owner writes to somebody by mail to themselves, which no count of what they send sees."""
    monkeypatch.setattr(mail_limits, "NOTIFIED_HOUR", 3)
    filters.put_script(core, ola.id, "x", f'require "enotify";\r\nnotify :message "{SPAM}" "mailto:{VICTIM}";\r\n')
    filters.set_active_script(core, ola.id, "x")

    async def come(number: int) -> None:
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
        message = f"From: a@b.example\r\nMessage-ID: <{number}@b.example>\r\n\r\nx\r\n".encode()
        await delivery.accept(core, Envelope("a@b.example", ("ola@alumni.example",)), [found], message, b"")

    for number in range(8):
        asyncio.run(come(number))
    assert len(to(core, VICTIM)) == 3
    assert core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX")).messages == 9  # all came, after the welcome
    clock.forward(minutes=61)
    asyncio.run(come(8))
    assert len(to(core, VICTIM)) == 4


def test_trusted_networks_and_staff_are_free(core: Core, ola: Account) -> None:
    done = answers((order,), core, ola.id, ["127.0.0.1"], someone, mail_limits.PLACE_HOUR + 5)
    assert done == mail_limits.PLACE_HOUR + 5
    core.db.write(lambda tx: [mail_limits.count_mail(core, tx, mail_limits.NOBODY, VICTIM) for _ in range(50)])


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("Vic.Tim+x@Elsewhere.example", "victim@elsewhere.example"),
        ("..+@x.example", "..+@x.example"),
        ("a@b", "a@b"),
    ],
)
def test_names_of_one_reader_are_counted_together(address: str, same: str) -> None:
    assert mail_limits.canonical_address(address) == same


@pytest.mark.parametrize(
    "name", ["order_received", "order_ready", "contact_confirm", "forwarding_confirm", "ticket_confirm"]
)
@pytest.mark.parametrize("language", notices.LANGUAGES)
def test_questions_to_strangers_have_no_place_for_words(name: str, language: str) -> None:
    template = (notices._FOLDER / f"{name}.{language}.txt").read_text("utf-8")
    assert "$display_name" not in template
    assert "$subject" not in template
    assert "$text" not in template
