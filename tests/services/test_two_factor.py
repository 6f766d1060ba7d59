"""A second factor: what it opens, what it closes, and that nothing is good twice (S11, N20)."""

import base64
import hmac

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, login, login_log
from mailcore.services.limits import throttle
from mailcore.services.signin import recovery, security_keys, two_factor
from tests.authenticator import Key
from tests.services.conftest import SetClock

PASSWORD = "en god lang setning"


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password=PASSWORD)


def code(secret: str, seconds: int) -> str:
    """RFC 4226 section 5.3, written from the other side."""
    digest = hmac.digest(base64.b32decode(secret), (seconds // 30).to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@pytest.fixture
def secret(core: Core, ola: Account, clock: SetClock) -> str:
    found, _ = two_factor.begin_totp(core, ola)
    two_factor.finish_totp(core, ola, code(found, clock.seconds()))
    clock.forward(seconds=60)
    return found


def test_it_counts_only_after_a_code_has_proved_it(core: Core, ola: Account, clock: SetClock) -> None:
    found, uri = two_factor.begin_totp(core, ola)
    assert f"secret={found}" in uri
    assert two_factor.begin_totp(core, ola)[0] == found
    with pytest.raises(WrongPassword):
        two_factor.finish_totp(core, ola, "000000")
    assert not two_factor.is_on(core, ola.id)
    two_factor.finish_totp(core, ola, code(found, clock.seconds()))
    assert two_factor.is_on(core, ola.id)


def test_a_code_is_good_once_and_for_a_minute_and_a_half(
    core: Core, ola: Account, secret: str, clock: SetClock
) -> None:
    now = clock.seconds()
    two_factor.check_code(core, ola, code(secret, now))
    for wrong in (code(secret, now), code(secret, now - 30), code(secret, now + 90), "", "12345a", "１２３４５６"):
        with pytest.raises(WrongPassword):
            two_factor.check_code(core, ola, wrong)
    two_factor.check_code(core, ola, code(secret, now + 30)[:3] + " " + code(secret, now + 30)[3:])


def test_ten_wrong_codes_are_enough(core: Core, ola: Account, secret: str, clock: SetClock) -> None:
    clock.forward(hours=2)
    for _ in range(throttle.CODES):
        with pytest.raises(WrongPassword):
            two_factor.check_code(core, ola, "000000")
    with pytest.raises(TooMany):
        two_factor.check_code(core, ola, code(secret, clock.seconds()))


def test_mail_programs_need_app_passwords_from_then_on(core: Core, ola: Account, secret: str) -> None:
    for scope in (Scope.IMAP, Scope.SMTP, Scope.SIEVE):
        with pytest.raises(WrongPassword):
            login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=scope)
    made = app_passwords.create_app_password(core, ola.id, "Telefon", [Scope.IMAP])
    assert login.authenticate(core, "ola", made, peer="192.0.2.1", scope=Scope.IMAP).source == "app"
    assert login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.PORTAL).source == "alumni"
    core.db.write(lambda tx: None)
    assert {e.outcome for e in login_log.list_logins(core, ola.id)} == {"ok", "app password needed"}


def test_turning_it_on_ends_what_the_password_had_opened(core: Core, ola: Account, clock: SetClock) -> None:
    opened = login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP)
    found, _ = two_factor.begin_totp(core, ola)
    two_factor.finish_totp(core, ola, code(found, clock.seconds()))
    assert not core.db.read(lambda tx: login.is_still_valid(tx, opened))


def test_a_printed_code_helps_when_the_telephone_is_lost(core: Core, ola: Account, secret: str) -> None:
    codes = recovery.create_codes(core, ola)
    two_factor.check_code(core, ola, codes[0])
    with pytest.raises(WrongPassword):
        two_factor.check_code(core, ola, codes[0])


def test_the_secret_is_not_in_the_database(core: Core, ola: Account, secret: str) -> None:
    rows = core.db.read(lambda tx: tx.rows("SELECT secret FROM second_factor"))
    assert base64.b32decode(secret).hex() not in str(rows)


def test_without_a_factor_the_password_is_enough_again(core: Core, ola: Account, secret: str) -> None:
    [factor] = two_factor.list_factors(core, ola.id)
    two_factor.remove_factor(core, ola, factor.id)
    assert login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.IMAP).source == "alumni"


# Security keys


@pytest.fixture
def key(core: Core, ola: Account) -> Key:
    made, challenge = Key(core.config.url), security_keys.create_challenge()
    security_keys.register_key(
        core, ola, challenge, made.create(security_keys.create_registration_options(core, ola, challenge)), "Blå"
    )
    return made


def test_a_security_key_opens_the_second_step(core: Core, ola: Account, key: Key) -> None:
    assert two_factor.is_on(core, ola.id)
    challenge = security_keys.create_challenge()
    answer = key.get(security_keys.create_login_options(core, ola, challenge))
    security_keys.check_answer(core, ola, challenge, answer)
    for again, asked in (
        (answer, challenge),
        (answer, security_keys.create_challenge()),
        ("{}", challenge),
        ("x", challenge),
    ):
        with pytest.raises(WrongPassword):
            security_keys.check_answer(core, ola, asked, again)


def test_a_copied_key_and_a_page_of_another_host_are_refused(core: Core, ola: Account, key: Key) -> None:
    challenge = security_keys.create_challenge()
    key.counter = -1
    with pytest.raises(WrongPassword):
        security_keys.check_answer(
            core, ola, challenge, key.get(security_keys.create_login_options(core, ola, challenge))
        )
    key.counter, key.origin = 10, "https://evil.example"
    with pytest.raises(WrongPassword):
        security_keys.check_answer(
            core, ola, challenge, key.get(security_keys.create_login_options(core, ola, challenge))
        )


def test_a_key_of_somebody_else_opens_nothing(core: Core, ola: Account, key: Key) -> None:
    kari = accounts.add_account(core, "kari", password=PASSWORD)
    challenge = security_keys.create_challenge()
    with pytest.raises(WrongPassword):
        security_keys.check_answer(
            core, kari, challenge, key.get(security_keys.create_login_options(core, ola, challenge))
        )
