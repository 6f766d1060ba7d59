"""N30: when a right password from an unknown place is not enough, and what the owner and the desk hear of it."""

import re

import pytest

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope, TicketState
from mailcore.errors import LinkExpired, MailError, ProofNeeded, WrongPassword
from mailcore.net import regions
from mailcore.services import audit
from mailcore.services.accounts import accounts, sleeping, waves
from mailcore.services.audit import Event
from mailcore.services.credentials import (
    app_passwords,
    breached,
    credentials,
    login,
    login_log,
    second_way,
    stop_links,
    usual_networks,
)
from mailcore.services.limits import throttle
from mailcore.services.tickets import tickets
from mailcore.store.people import contact_addresses
from mailcore.store.queue.items import list_items
from tests.services.conftest import SetClock
from tests.smtp_talk import PASSWORD, build, inbox

OSLO, BERGEN, TOKYO = "81.166.7.7", "84.208.1.1", "126.1.2.3"
WAVE = second_way.WAVE


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def core(tmp_path, clock):
    built = build(tmp_path, "", names=("ola", "kari"), clock=clock)

    def write(tx):
        contact_addresses.save_verified(tx, accounts.find_account(built, "ola").id, "ola@elsewhere.example", 1)

    built.db.write(write)
    yield built
    cores.close(built)


def ola(core: Core) -> Account:
    return accounts.find_account(core, "ola")


def enter(core: Core, peer: str, scope: Scope = Scope.PORTAL, name: str = "ola", password: str = PASSWORD, **more):
    identity = login.authenticate(core, name, password, peer=peer, scope=scope, **more)
    core.db.write(lambda tx: None)  # what is posted is written
    return identity


# From far


@pytest.mark.parametrize(
    ("place", "region"),
    [
        (OSLO, "ripe"),
        (TOKYO, "apnic"),
        ("8.8.8.8", "arin"),
        ("200.1.2.3", "lacnic"),
        ("41.1.2.3", "afrinic"),
        ("2a01:799::/64", "ripe"),
        ("2400:1::1", "apnic"),
        ("::ffff:81.166.7.7", "ripe"),
        ("129.241.1.1", ""),
        ("2001:700::1", ""),
        ("10.0.0.1", ""),
        ("127.0.0.1", ""),
        ("192.168.1.1", ""),
        ("browser x", ""),
        ("", ""),
    ],
)
def test_a_region_is_the_registry_that_gave_out_the_network(place, region):
    assert regions.region_of(place) == region


def test_no_network_is_of_two_regions_and_some_are_of_none():
    numbers = [number for listed in regions._IPV4.values() for number in regions._spread(listed)]
    assert len(numbers) == len(set(numbers))
    assert not {0, 10, 127, 129, 192, 224, 255} & set(numbers)


def test_a_log_in_from_far_needs_a_second_way_and_is_open_after_it(core):
    enter(core, OSLO)
    enter(core, BERGEN)  # near enough, wherever it is
    with pytest.raises(ProofNeeded):
        enter(core, TOKYO)
    login_log.record_login(core, Identity(ola(core), "link"), Scope.PORTAL, TOKYO)  # the link was used there
    core.db.write(lambda tx: None)
    assert enter(core, TOKYO).account.name == "ola"
    assert enter(core, TOKYO, Scope.IMAP).account.name == "ola"


@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.SMTP, Scope.SIEVE])
def test_a_mail_program_from_far_hears_wrong_password_and_the_owner_is_told_once(core, scope):
    enter(core, OSLO)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            enter(core, TOKYO, scope)
    assert login.list_usable_credentials(core, "ola", peer=TOKYO, scope=scope) == ("ola", [])
    assert login.authenticate_remembered(core, "ola", PASSWORD, peer=TOKYO, scope=scope) is None
    letters = [item for item in core.db.read(list_items) if item.recipient == "ola@elsewhere.example"]
    assert len(letters) == 1
    assert "proof needed" in [one.outcome for one in login_log.list_logins(core, ola(core).id)]


def test_what_needs_no_second_way(core):
    enter(core, OSLO)
    made = app_passwords.create_app_password(core, ola(core).id, "telefon", [Scope.IMAP])
    assert enter(core, TOKYO, Scope.IMAP, password=made).source == "app"
    device = throttle.create_device_mark(core, ola(core).id)
    assert enter(core, TOKYO, device=device).account.name == "ola"
    assert enter(core, TOKYO, session="token of an open page").account.name == "ola"
    enter(core, OSLO, name="kari")
    assert enter(core, TOKYO, name="kari").account.name == "kari"  # who has no second way is not locked out
    assert enter(core, "129.241.1.1").account.name == "ola"  # nothing is known of where that is


def test_the_parts_of_the_world_are_remembered_longer_than_the_log_ins(core, clock):
    enter(core, OSLO)
    sleeping.note_signs(core)
    core.db.write(lambda tx: tx.run("DELETE FROM login_event"))
    clock.forward(days=100)
    with pytest.raises(ProofNeeded):
        enter(core, TOKYO)
    assert enter(core, BERGEN).account.name == "ola"


def test_a_site_may_allow_log_ins_from_far(tmp_path):
    built = build(tmp_path, '[limits]\nfar_log_ins = "allow"\n')
    try:
        built.db.write(lambda tx: contact_addresses.save_verified(tx, ola(built).id, "ola@elsewhere.example", 1))
        enter(built, OSLO)
        assert enter(built, TOKYO).account.name == "ola"
    finally:
        cores.close(built)


# From near, where the owner never is

NEIGHBOUR, PHONE, TRAIN = "84.209.1.1", "77.16.2.2", "2a01:799:5::/64"


def live(core: Core, clock: SetClock, *days: tuple[int, str]) -> None:
    """Open ola's account from these places, each so many days after the one before, as the daily job sees it."""
    for after, peer in days:
        clock.forward(days=after)
        login_log.record_login(core, Identity(ola(core), "alumni"), Scope.PORTAL, peer)
        core.db.write(lambda tx: None)
        sleeping.note_signs(core)


AT_HOME = [(1, OSLO), (20, OSLO), (20, BERGEN), (20, OSLO), (1, OSLO)]


def test_a_thief_in_the_owners_own_part_of_the_world_needs_the_second_way_too(core, clock):
    live(core, clock, *AT_HOME)
    for scope, answer in ((Scope.PORTAL, ProofNeeded), (Scope.IMAP, WrongPassword)):
        with pytest.raises(answer):
            enter(core, NEIGHBOUR, scope)
    assert enter(core, "81.166.200.9").account.name == "ola"  # the same provider, elsewhere
    login_log.record_login(core, Identity(ola(core), "link"), Scope.PORTAL, NEIGHBOUR)  # the link was used there
    core.db.write(lambda tx: None)
    clock.forward(days=31)
    assert enter(core, "84.209.77.7").account.name == "ola"


@pytest.mark.parametrize(
    "days",
    [
        [*AT_HOME, (1, PHONE), (1, "77.18.1.1")],  # who moves about
        AT_HOME[:4],  # who is seldom seen
        [(10, OSLO)] * 5,  # who is new
    ],
)
def test_who_travels_is_seldom_seen_or_new_is_not_asked(core, clock, days):
    live(core, clock, *days)
    assert enter(core, NEIGHBOUR).account.name == "ola"
    assert enter(core, TRAIN, Scope.IMAP).account.name == "ola"


def test_whoever_settles_again_is_asked_again(core, clock):
    live(core, clock, *AT_HOME, (1, PHONE), (1, "77.18.1.1"), (1, TRAIN), (100, OSLO), (1, TRAIN))
    with pytest.raises(ProofNeeded):
        enter(core, NEIGHBOUR)
    assert enter(core, TRAIN, Scope.IMAP).account.name == "ola"


def test_a_password_that_leaked_is_not_enough_from_any_new_network(core, clock):
    live(core, clock, (1, OSLO))
    assert enter(core, NEIGHBOUR).account.name == "ola"
    core.db.write(lambda tx: tx.run("UPDATE credential SET breached=1"))
    with pytest.raises(ProofNeeded):
        enter(core, PHONE)
    assert enter(core, OSLO).account.name == "ola"


def test_who_has_no_second_way_is_not_locked_out_of_near_either(core, clock):
    core.db.write(lambda tx: tx.run("DELETE FROM reach"))
    live(core, clock, *AT_HOME)
    assert enter(core, NEIGHBOUR).account.name == "ola"


def test_a_site_may_ask_of_what_is_far_alone(tmp_path, clock):
    built = build(tmp_path, '[limits]\nfar_log_ins = "far"\n', clock=clock)
    try:
        built.db.write(lambda tx: contact_addresses.save_verified(tx, ola(built).id, "ola@elsewhere.example", 1))
        live(built, clock, *AT_HOME)
        assert enter(built, NEIGHBOUR).account.name == "ola"
        with pytest.raises(ProofNeeded):
            enter(built, TOKYO)
    finally:
        cores.close(built)


@pytest.mark.parametrize(
    ("place", "network"),
    [
        (OSLO, "81.166.0.0/16"),
        ("::ffff:81.166.7.7", "81.166.0.0/16"),
        ("2a01:799:5::/64", "2a01:799::/32"),
        ("10.0.0.1", ""),
        ("browser x", ""),
        ("", ""),
    ],
)
def test_a_network_is_what_a_provider_has_in_common(place, network):
    assert usual_networks.network_of(place) == network


def test_networks_are_counted_by_the_day_and_the_latest_are_kept():
    known = usual_networks.add_uses((), [OSLO, "81.166.9.9", "browser x"], 10)
    known = usual_networks.add_uses(known, [OSLO], 10)
    assert known == (usual_networks.UsedNetwork("81.166.0.0/16", 10, 10, 1),)
    for number in range(30):
        known = usual_networks.add_uses(known, [f"77.{number}.1.1"], 11 + number)
    assert len(known) == usual_networks.MOST
    assert known[0].network == "77.29.0.0/16"
    assert usual_networks.from_text(usual_networks.to_text(known)) == known
    assert usual_networks.from_text("") == ()


# A wave of stolen passwords


def attack(core: Core, names: int, *, peer: str = TOKYO, password: str = "stjålet et sted") -> None:
    for number in range(names):
        with pytest.raises(MailError):
            login.authenticate(core, f"person{number}", password, peer=peer, scope=Scope.IMAP)


def test_a_wave_raises_the_bar_for_its_network_and_for_no_other(core):
    enter(core, TOKYO, name="kari")
    attack(core, WAVE)
    for scope in (Scope.PORTAL, Scope.IMAP):
        with pytest.raises((ProofNeeded, WrongPassword)):
            enter(core, TOKYO, scope)
    assert login.list_usable_credentials(core, "ola", peer=TOKYO, scope=Scope.IMAP) == ("ola", [])
    assert enter(core, TOKYO, name="kari").account.name == "kari"  # who has been there before
    assert enter(core, OSLO).account.name == "ola"


def test_the_bar_falls_after_a_day(core, clock):
    attack(core, WAVE)
    with pytest.raises(ProofNeeded):
        enter(core, TOKYO)
    clock.forward(days=1, seconds=5)
    assert enter(core, TOKYO).account.name == "ola"


def test_passwords_of_known_breaches_count_twice(core):
    attack(core, WAVE // 2, password="password1")
    with pytest.raises(ProofNeeded):
        enter(core, TOKYO)


def test_a_network_is_seen_through_its_many_places(core):
    for number in range(4 * WAVE):
        with pytest.raises(WrongPassword):
            login.authenticate(core, f"person{number}", "stjålet", peer=f"126.1.2.{number % 200}", scope=Scope.IMAP)
    with pytest.raises(ProofNeeded):
        enter(core, "126.1.2.250")


def test_one_name_many_times_is_no_wave_and_neither_is_an_owner_who_mistypes(core, clock):
    enter(core, TOKYO)
    for number in range(25):
        with pytest.raises(WrongPassword):
            login.authenticate(core, "kari", f"gjettet {number}", peer=TOKYO, scope=Scope.IMAP)
        with pytest.raises(WrongPassword):
            login.authenticate(core, "ola", f"skrevet feil {number}", peer=TOKYO, scope=Scope.IMAP)
    attack(core, WAVE - 2)
    assert not core.db.read(lambda tx: second_way.is_raised(core, tx, TOKYO))


def test_the_desk_is_told_of_a_wave_once(core, clock):
    assert waves.tell_desk(core) == 0
    attack(core, WAVE + 10)
    assert waves.tell_desk(core) > 0
    assert waves.tell_desk(core) == 0
    [case] = [
        one for one in tickets.list_tickets(core, (TicketState.OPEN,)) if one.subject == "A wave of stolen passwords"
    ]
    text = "\n".join(message.text for message in tickets.list_messages(core, case, notes=True))
    assert "126.1.2" in text


# Passwords of breaches


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "qwerty123"])
def test_the_shipped_list_is_asked_whatever_the_case(password):
    assert breached.is_shipped(password)


@pytest.mark.parametrize("password", ["", "\n", "en lang hemmelighet", "password1\npassword", "x" * 10_000, "æøå" * 30])
def test_what_is_not_in_the_shipped_list_is_not(password):
    assert not breached.is_shipped(password)


def test_who_logs_in_with_a_known_password_is_told_once_and_asked_until_it_is_changed(core):
    accounts.add_account(core, "eva", password="sunshine1")
    assert enter(core, OSLO, name="eva", password="sunshine1").breached
    assert enter(core, OSLO, name="eva", password="sunshine1").breached
    again = login.authenticate_remembered(core, "eva", "sunshine1", peer=OSLO, scope=Scope.IMAP)
    assert again is None or again.breached
    told = [one for one in inbox(core, "eva") if b"Velg et annet passord" in one]
    assert len(told) == 1
    login_again = accounts.find_account(core, "eva")
    credentials.set_password(core, login_again.id, "en helt annen lang setning")
    assert not enter(core, OSLO, name="eva", password="en helt annen lang setning").breached
    assert Event.PASSWORD_BREACHED in [one.event for one in audit.list_entries(core, login_again.id)]


def test_a_good_password_is_asked_nothing(core):
    assert not enter(core, OSLO).breached


# Ending sessions from the notice


def stop_link(core: Core) -> str:
    text = next(one for one in reversed(inbox(core, "ola")) if b"/login/stop/" in one).decode()
    found = re.search(r"/login/stop/(\S+)", text)
    assert found
    return found[1]


def test_the_notice_of_a_new_log_in_ends_all_sessions_and_opens_nothing(core):
    phone = enter(core, OSLO, Scope.IMAP)
    stranger = enter(core, BERGEN, Scope.IMAP)
    token = stop_link(core)
    assert stop_links.find_owner(core, token).name == "ola"
    assert core.db.read(lambda tx: login.is_still_valid(tx, stranger))
    stop_links.end_sessions(core, token)
    for identity in (phone, stranger):
        assert not core.db.read(lambda tx, identity=identity: login.is_still_valid(tx, identity))
    stop_links.end_sessions(core, token)  # once more is no error


@pytest.mark.parametrize("token", ["", "x", "æ", "\x00" * 10])
def test_another_link_ends_nothing(core, token):
    with pytest.raises(LinkExpired):
        stop_links.end_sessions(core, token)


def test_the_link_is_good_for_thirty_days(core, clock):
    enter(core, OSLO)
    enter(core, BERGEN)
    token = stop_link(core)
    clock.forward(days=31)
    with pytest.raises(LinkExpired):
        stop_links.end_sessions(core, token)
