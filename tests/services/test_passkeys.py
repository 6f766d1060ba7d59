"""Log in with a passkey: no name, no password, no second step; and nothing else opens by it (N33)."""

import json

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services import audit
from mailcore.services.accounts import accounts, closing
from mailcore.services.credentials import credentials, login, login_log
from mailcore.services.delivery import queue_admin
from mailcore.services.signin import passkeys, recovery, security_keys, two_factor
from tests.authenticator import Key
from tests.readers import text_of
from tests.services.conftest import SetClock

PASSWORD, NEW = "en god lang setning", "en annen lang setning"
HOME = "192.0.2.1"


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password=PASSWORD, language="en")


def register(core: Core, account: Account, key: Key, label: str = "Telefon") -> None:
    challenge = security_keys.create_challenge()
    options = passkeys.create_registration_options(core, account, challenge)
    passkeys.register_passkey(core, account, challenge, key.create(options), label)


@pytest.fixture
def key(core: Core, ola: Account) -> Key:
    made = Key(core.config.url, verifies=True, counts=False)
    register(core, ola, made)
    return made


def answer(core: Core, key: Key) -> str:
    return key.get(passkeys.create_login_options(core, passkeys.create_challenge(core)))


def enter(core: Core, said: str, peer: str = HOME) -> str:
    identity = passkeys.log_in(core, said, peer=peer)
    assert identity.source == "passkey"
    return identity.account.name


def test_n33_a_passkey_opens_its_account_and_no_name_is_asked(core: Core, ola: Account, key: Key) -> None:
    options = json.loads(passkeys.create_login_options(core, passkeys.create_challenge(core)))
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")
    kari, other = accounts.add_account(core, "kari"), Key(core.config.url, verifies=True)
    register(core, kari, other)
    assert enter(core, answer(core, key)) == "ola"
    assert enter(core, answer(core, other)) == "kari"
    assert enter(core, answer(core, key)) == "ola"  # it does not count, as synced passkeys do not
    core.db.write(lambda tx: None)
    assert [(e.source, e.outcome) for e in login_log.list_logins(core, kari.id)] == [("passkey", "ok")]


def test_n33_the_password_goes_on_alone_and_so_do_mail_programs(core: Core, ola: Account, key: Key) -> None:
    assert not two_factor.is_on(core, ola.id)
    for scope in (Scope.PORTAL, Scope.IMAP):
        assert login.authenticate(core, "ola", PASSWORD, peer=HOME, scope=scope).source == "alumni"
    assert not recovery.needs_two_agents(core, ola)


def test_n33_an_answer_is_good_once_and_for_half_an_hour(core: Core, ola: Account, key: Key, clock: SetClock) -> None:
    said = answer(core, key)
    assert enter(core, said) == "ola"
    late = answer(core, key)
    for used in (said, late):
        with pytest.raises(WrongPassword):
            enter(core, used)
        clock.forward(seconds=passkeys.CHALLENGE_SECONDS + 1)


def test_n33_what_does_not_fit_opens_nothing(core: Core, ola: Account, key: Key) -> None:
    good = json.loads(answer(core, key))
    unverified = Key(core.config.url)
    unverified.private, unverified.id, unverified.user = key.private, key.id, key.user
    elsewhere = Key("https://evil.example", verifies=True)
    elsewhere.private, elsewhere.id, elsewhere.user = key.private, key.id, key.user
    other_user = Key(core.config.url, verifies=True, counts=False)
    other_user.private, other_user.id, other_user.user = key.private, key.id, b"x" * 32
    forged = Key(core.config.url, verifies=True)
    forged.id, forged.user = key.id, key.user
    planted = key.get(passkeys.create_login_options(core, security_keys.create_challenge() + bytes(8)))
    for said in (
        "", "{}", "x", "[" * 9000, json.dumps({**good, "id": "nobody"}), json.dumps({**good, "response": {}}),
        answer(core, unverified), answer(core, elsewhere), answer(core, other_user), answer(core, forged), planted,
    ):  # fmt: skip
        with pytest.raises(WrongPassword):
            enter(core, said, peer="")
    assert enter(core, json.dumps(good)) == "ola"
    with pytest.raises(WrongPassword):
        register(core, ola, Key(core.config.url))  # it asks for no fingerprint and no PIN
    with pytest.raises(WrongPassword):
        register(core, accounts.add_account(core, "kari"), key)  # one credential is one account's


def test_n33_a_security_key_of_the_second_step_is_no_passkey(core: Core, ola: Account) -> None:
    second, challenge = Key(core.config.url, verifies=True), security_keys.create_challenge()
    options = security_keys.create_registration_options(core, ola, challenge)
    security_keys.register_key(core, ola, challenge, second.create(options), "Metal")
    with pytest.raises(WrongPassword):
        enter(core, answer(core, second))


def test_n33_wrong_answers_are_limited_by_place(core: Core, ola: Account, key: Key, clock: SetClock) -> None:
    for _ in range(passkeys.PER_HOUR):
        with pytest.raises(WrongPassword):
            enter(core, "{}")
    with pytest.raises(TooMany):
        enter(core, answer(core, key))
    assert enter(core, answer(core, key), peer="203.0.113.9") == "ola"
    clock.forward(hours=2)
    assert enter(core, answer(core, key)) == "ola"


def test_n33_adding_and_removing_is_told_and_the_recovery_codes_stay(core: Core, ola: Account, key: Key) -> None:
    recovery.create_codes(core, ola)
    [factor] = two_factor.list_factors(core, ola.id)
    assert factor.label == "Telefon"
    two_factor.remove_factor(core, ola, factor.id)
    assert recovery.count_codes(core, ola) == recovery.CODES
    with pytest.raises(WrongPassword):
        enter(core, answer(core, key))
    events = [str(entry.event) for entry in audit.list_entries(core, ola.id)]
    assert "passkey added" in events
    assert "passkey removed" in events


def test_n33_contact_addresses_hear_of_it(core: Core) -> None:
    kari = accounts.add_account(core, "kari", contact="kari@home.example", language="en")
    register(core, kari, Key(core.config.url, verifies=True))
    letters = [text_of(queue_admin.octets(core, item.id)) for item in queue_admin.list_queue(core)]
    assert any("A passkey was added" in letter for letter in letters)


def test_n33_who_takes_an_account_back_takes_passkeys_off_with_the_app_passwords(
    core: Core, ola: Account, key: Key
) -> None:
    credentials.set_password(core, ola.id, NEW)
    assert enter(core, answer(core, key)) == "ola"
    credentials.set_password(core, ola.id, PASSWORD, apps=True)
    with pytest.raises(WrongPassword):
        enter(core, answer(core, key))


def test_n33_a_closed_account_opens_to_nobody(core: Core, ola: Account, key: Key) -> None:
    closing.close_account(core, "ola")
    with pytest.raises(WrongPassword):
        enter(core, answer(core, key))
