"""N30: accounts that nobody uses cannot be stolen; N22: their owners are asked what shall become of them."""

import asyncio
import hashlib
import re
from base64 import b64encode
from email import message_from_bytes
from email.policy import default

import pytest

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Account, Envelope, Proven, Scope
from mailcore.errors import LinkExpired, MailError, NotAllowed, ProofNeeded, WrongPassword
from mailcore.services import audit
from mailcore.services.accounts import accounts, closing, sleeping
from mailcore.services.audit import Event
from mailcore.services.credentials import app_passwords, credentials, login, login_log, waking
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.limits import throttle
from mailcore.services.signin import oidc_login, password_requests, recovery
from mailcore.store.people import contact_addresses, orders, presence
from mailcore.store.queue.items import list_items, read_octets
from tests.services.conftest import SetClock
from tests.smtp_talk import PASSWORD, build, inbox

MONTH = sleeping.MONTH
STRANGER, HOME = "203.0.113.7", "192.0.2.10"


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def core(tmp_path, clock):
    built = build(tmp_path, "", names=("ola",), clock=clock)
    with_contact(built, "ola")
    yield built
    cores.close(built)


def with_contact(core: Core, name: str) -> Account:
    account = accounts.find_account(core, name)

    def write(tx):
        contact_addresses.save_verified(tx, account.id, f"{name}@elsewhere.example", core.clock.seconds())

    core.db.write(write)
    return account


def ola(core: Core) -> Account:
    return accounts.find_account(core, "ola")


def nights(core: Core, clock: SetClock, days: int) -> list[str]:
    """Return the subjects that the job sent into the mailbox in so many nights."""
    before = len(inbox(core, "ola"))
    for _ in range(days):
        clock.forward(days=1)
        sleeping.send_letters(core)
    return [str(message_from_bytes(one, policy=default)["subject"]) for one in inbox(core, "ola")[before:]]


def put_to_sleep(core: Core, name: str = "ola") -> None:
    account = accounts.find_account(core, name).id

    def write(tx):
        presence.add_missing(tx)
        presence.put_to_sleep(tx, account, core.clock.seconds())

    core.db.write(write)


def mailed_links(core: Core, to: str = "ola@elsewhere.example") -> list[str]:
    texts = [
        str(
            message_from_bytes(core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)), policy=default)
            .get_body()
            .get_content()
        )
        for item in core.db.read(list_items)
        if item.recipient == to
    ]
    return re.findall(r"http\S+/(?:password/link|here)/\S+", "\n".join(texts))


def enters(core: Core, scope: Scope, *, peer: str = STRANGER, password: str = PASSWORD, device: str = "") -> bool:
    try:
        login.authenticate(core, "ola", password, peer=peer, scope=scope, device=device)
    except MailError:
        return False
    return True


def log_in(core: Core, scope: Scope = Scope.PORTAL) -> None:
    login.authenticate(core, "ola", PASSWORD, peer=HOME, scope=scope)
    core.db.write(lambda tx: None)  # what is posted is written


# How an account falls asleep


def test_after_twelve_silent_months_and_three_letters_by_two_ways_it_sleeps(core, clock):
    log_in(core)
    sent = nights(core, clock, 400)
    assert [subject.startswith("Bruker du fortsatt") for subject in sent] == [True, True, True, False]
    assert sent[-1] == "Kontoen din sover"
    assert ola(core).asleep
    outside = [item for item in core.db.read(list_items) if item.recipient == "ola@elsewhere.example"]
    assert len(outside) == 4


@pytest.mark.parametrize(
    ("step", "told", "silent", "due"),
    [
        ("", 0, 304, ""),
        ("", 0, 306, "before 60"),
        ("before 60", 1, 400, ""),
        ("before 60", 30, 400, "before 30"),
        ("before 30", 22, 400, ""),
        ("before 30", 23, 400, "before 7"),
        ("before 7", 6, 400, ""),
        ("before 7", 7, 400, "sleep"),
        ("before 7", 7, 364, ""),
        ("", 0, 4000, "before 60"),
    ],
)
def test_nobody_falls_asleep_who_was_not_told_three_times(core, step, told, silent, due):
    now = core.clock.seconds()
    one = presence.Presence(ola(core).id, now - silent * 86_400, step, now - told * 86_400, None)
    assert sleeping.find_step(one, now, 12) == due


@pytest.mark.parametrize("sign", ["log-in", "mail program", "button", "contact", "password"])
def test_a_sign_of_the_owner_begins_the_months_anew(core, clock, sign):
    log_in(core)
    assert len(nights(core, clock, 340)) == 2
    if sign == "log-in":
        log_in(core)
    elif sign == "mail program":
        log_in(core, Scope.IMAP)
    elif sign == "button":
        sleeping.confirm_presence(core, mailed_links(core)[-1].rpartition("/")[2])
    elif sign == "contact":
        core.db.write(lambda tx: _note_contact(core, tx))
    else:
        credentials.set_password(core, ola(core).id, "en helt annen lang setning")
    assert nights(core, clock, 300) == []
    assert not ola(core).asleep


def _note_contact(core: Core, tx) -> None:
    audit.note(core, tx, ola(core).id, Event.CONTACT_ADDRESS_VERIFIED)


def test_mail_that_is_passed_on_is_no_sign_but_the_targets_yes_is(core, clock):
    log_in(core)
    forwarding.set_forwarding(core, ola(core).id, "ola@target.example", copy=False, confirmed=True)
    clock.forward(days=300)
    receive(core)
    assert len(nights(core, clock, 40)) == 2
    letters = [item.recipient for item in core.db.read(list_items) if item.recipient == "ola@target.example"]
    assert len(letters) >= 3  # the mail, and both letters
    core.db.write(lambda tx: audit.note(core, tx, ola(core).id, Event.FORWARDING_CONFIRMED))
    assert nights(core, clock, 200) == []


def test_never_means_never(tmp_path, clock):
    built = build(tmp_path, "[sleep]\nmonths = 0\n", names=("ola",), clock=clock)
    try:
        log_in(built)
        assert nights(built, clock, 400) == []
        assert not ola(built).asleep
    finally:
        cores.close(built)


def test_postmaster_and_closed_accounts_hear_nothing(core, clock):
    closing.close_account(core, "ola")
    before = len(core.db.read(list_items))
    for _ in range(5):
        clock.forward(days=100)
        assert sleeping.send_letters(core) == 0
    assert len(core.db.read(list_items)) == before
    assert not accounts.find_account(core, "postmaster").asleep


# What a sleeping account does


def receive(core: Core) -> None:
    to = "ola@alumni.example"
    recipient = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, None, sender="a@b.example"))
    message = b"From: a@b.example\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"
    asyncio.run(delivery.accept(core, Envelope("a@b.example", (to,), STRANGER), [recipient], message, b""))


def test_mail_comes_in_and_is_forwarded_while_it_sleeps(core):
    forwarding.set_forwarding(core, ola(core).id, "ola@target.example", copy=True, confirmed=True)
    put_to_sleep(core)
    before = len(inbox(core, "ola"))
    receive(core)
    assert len(inbox(core, "ola")) == before + 1
    assert [item.recipient for item in core.db.read(list_items) if item.origin == "forward"] == ["ola@target.example"]


@pytest.mark.parametrize("scope", list(Scope))
def test_a_right_password_opens_nothing_while_it_sleeps(core, scope):
    assert enters(core, scope, peer=HOME)
    put_to_sleep(core)
    assert not enters(core, scope, peer=HOME)
    assert login.authenticate_remembered(core, "ola", PASSWORD, peer=HOME, scope=scope) is None
    made = app_passwords.create_app_password(core, ola(core).id, "telefon", [Scope.IMAP, Scope.SMTP])
    assert not enters(core, scope, password=made)
    assert login.list_usable_credentials(core, "ola", peer=STRANGER, scope=Scope.IMAP) == ("ola", [])


@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.SMTP, Scope.SIEVE])
def test_a_mail_program_hears_the_same_for_a_right_and_a_wrong_password(core, scope):
    put_to_sleep(core)
    told = []
    for password in (PASSWORD, "feil"):
        with pytest.raises(WrongPassword) as problem:
            login.authenticate(core, "ola", password, peer=STRANGER, scope=scope)
        told.append(str(problem.value))
    assert told[0] == told[1]
    core.db.write(lambda tx: None)
    assert [one.outcome for one in login_log.list_logins(core, ola(core).id)] == ["asleep"]
    assert (
        len([item for item in core.db.read(list_items) if item.recipient == "ola@elsewhere.example"]) == 1
    )  # once a day


def test_open_connections_end_when_it_falls_asleep(core):
    identity = login.authenticate(core, "ola", PASSWORD, peer=HOME, scope=Scope.IMAP)
    put_to_sleep(core)
    assert not core.db.read(lambda tx: login.is_still_valid(tx, identity))


# Waking


def by_contact(core: Core) -> None:
    password_requests.send_links(core, "ola", peer=HOME)
    credentials.redeem_link(core, mailed_links(core)[-1].rpartition("/")[2], "en helt annen lang setning")


def by_code(core: Core) -> None:
    code = recovery.create_codes(core, ola(core))[0]
    link = recovery.create_link_by_code(core, "ola", code, peer=HOME)
    credentials.redeem_link(core, link.rpartition("/")[2], "en helt annen lang setning")


def by_desk(core: Core) -> None:
    accounts.add_account(core, "agnes")
    accounts.set_role(core, "agnes", "desk")
    issued = recovery.issue_link(core, "ola", agent="agnes", proof="pass")
    credentials.redeem_link(core, issued.link.rpartition("/")[2], "en helt annen lang setning")


def by_log_in_elsewhere(core: Core) -> None:
    core.db.write(lambda tx: orders.save_link(tx, ola(core).id, "idporten", "m", core.clock.seconds()))
    assert oidc_login.log_in(core, Proven("idporten", "", mark="m"), peer=HOME) is not None


def by_own_browser(core: Core) -> None:
    device = throttle.create_device_mark(core, ola(core).id)
    assert enters(core, Scope.PORTAL, peer=HOME, device=device)


@pytest.mark.parametrize("way", [by_contact, by_code, by_desk, by_log_in_elsewhere, by_own_browser])
def test_each_way_of_recovery_wakes_it_at_once_and_the_owner_is_told(core, way):
    put_to_sleep(core)
    way(core)
    assert not ola(core).asleep
    letters = [item for item in core.db.read(list_items) if item.recipient == "ola@elsewhere.example"]
    texts = [core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)) for item in letters]
    assert any(
        b"sov, og noen har vist" in message_from_bytes(one, policy=default).get_body().get_content().encode()
        for one in texts
    )


def test_somebody_elses_browser_mark_wakes_nothing(core):
    put_to_sleep(core)
    other = accounts.add_account(core, "kari", password=PASSWORD)
    with pytest.raises(ProofNeeded):
        login.authenticate(
            core, "ola", PASSWORD, peer=HOME, scope=Scope.PORTAL, device=throttle.create_device_mark(core, other.id)
        )
    assert ola(core).asleep


def test_waking_what_is_awake_does_nothing(core):
    assert not waking.wake_account(core, ola(core).id)
    put_to_sleep(core)
    assert sleeping.wake(core, "ola", actor="command line")
    assert enters(core, Scope.IMAP)


# What shall become of it (N22)


def test_after_24_months_three_letters_ask_and_without_an_answer_it_is_kept(core, clock):
    log_in(core)
    nights(core, clock, 400)
    sent = nights(core, clock, 800)
    assert [subject.startswith("Hva skal skje med") for subject in sent] == [True] * 3
    assert ola(core).state == "active"
    assert recipients.is_ours(core, "ola@alumni.example")
    receive(core)


def test_the_owner_may_keep_it_by_the_link_which_opens_nothing(core, clock):
    log_in(core)
    nights(core, clock, 400 + 340)
    token = mailed_links(core)[-1].rpartition("/")[2]
    assert sleeping.may_close(core, ola(core).id)
    sleeping.confirm_presence(core, token)
    assert ola(core).asleep
    assert not sleeping.may_close(core, ola(core).id)
    with pytest.raises(NotAllowed):
        sleeping.close_by_link(core, token)
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, token)


@pytest.mark.parametrize("new", ["", "ola@new.example"])
def test_the_owner_may_close_it_by_the_link_with_or_without_a_new_address(core, clock, new):
    log_in(core)
    nights(core, clock, 400 + 340)
    token = mailed_links(core)[-1].rpartition("/")[2]
    assert sleeping.close_by_link(core, token, new).state == "closed"
    with pytest.raises(LinkExpired):
        sleeping.find_owner(core, token)
    reopened = closing.reopen_account(core, accounts.find_account(core, "ola").id)
    assert reopened.state == "active"


@pytest.mark.parametrize("token", ["", "x", "æ" * 50, "\x00"])
def test_a_link_that_is_none_does_nothing(core, token):
    for act in (sleeping.find_owner, sleeping.confirm_presence, sleeping.close_by_link):
        with pytest.raises(LinkExpired):
            act(core, token)


# A list of stolen passwords


def test_n30_a_list_with_fifty_right_passwords_opens_none_of_a_thousand_sleeping_accounts(core):
    right = {f"user{number}": f"stjålet passord {number}" for number in range(50)}
    names = [f"user{number}" for number in range(1000)]
    hashed = {
        name: "{SHA256}" + b64encode(hashlib.sha256(right.get(name, f"et annet {name}").encode()).digest()).decode()
        for name in names
    }
    list(accounts.import_accounts(core, [accounts.NewAccount(name, password=hashed[name]) for name in names]))

    def sleep(tx):
        presence.add_missing(tx)
        tx.run("UPDATE account SET asleep_at=1 WHERE name LIKE 'user%'")

    core.db.write(sleep)
    forwarding.set_forwarding(
        core, accounts.find_account(core, "user7").id, "u7@target.example", copy=False, confirmed=True
    )
    opened = []
    for number, name in enumerate(names):
        scope = list(Scope)[number % 4]
        try:
            login.authenticate(core, name, right.get(name, "gjettet"), peer=f"203.0.113.{number % 100}", scope=scope)
            opened.append(name)
        except MailError:
            pass
    assert opened == []
    # and none of their owners is locked out
    for name in list(right)[:5]:
        with_contact(core, name)
        password_requests.send_links(core, name, peer="198.51.100.9")
        link = mailed_links(core, f"{name}@elsewhere.example")[-1]
        credentials.redeem_link(core, link.rpartition("/")[2], "en helt annen lang setning")
        identity = login.authenticate(core, name, "en helt annen lang setning", peer="198.51.100.9", scope=Scope.IMAP)
        assert not identity.account.asleep
    recipient = core.db.read(
        lambda tx: recipients.check_recipient(core, tx, "user7@alumni.example", None, sender="a@b.example")
    )
    message = b"From: a@b.example\r\nSubject: hei\r\n\r\nhei\r\n"
    asyncio.run(
        delivery.accept(core, Envelope("a@b.example", ("user7@alumni.example",), STRANGER), [recipient], message, b"")
    )
    assert "u7@target.example" in [item.recipient for item in core.db.read(list_items) if item.origin == "forward"]
