"""Ways in that somebody made while they had the password do not outlast it, and no race keeps the old one (CWE-613, CWE-367)."""

from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, breached, contact_addresses, credentials, login, scram
from mailcore.services.credentials.passwords import hash_password
from mailcore.services.delivery import queue_admin
from mailcore.services.signin import oidc_login, recovery, two_factor, web_sessions
from mailcore.store.people import credentials as store
from mailcore.store.people import orders
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser

NEW, THIEF = "helt andre hemmeligheter", "enda en lang hemmelighet"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password=PASSWORD, contact="ola@elsewhere.example")


def opens(core: Core, password: str) -> bool:
    try:
        login.authenticate(core, "ola", password, peer="192.0.2.9", scope=Scope.PORTAL)
    except WrongPassword:
        return False
    return True


@pytest.mark.parametrize("way", ["changed", "by a link"])
def test_a_new_password_can_withdraw_every_other_way_in(core: Core, ola: Account, way: str):
    app_passwords.create_app_password(core, ola.id, "tyv", [Scope.IMAP])
    code = recovery.create_codes(core, ola)[0]
    core.db.write(lambda tx: orders.save_link(tx, ola.id, "google", "tyv", 0))
    if way == "changed":
        credentials.change_password(core, ola.id, PASSWORD, NEW, apps=True)
    else:
        link = core.db.write(lambda tx: credentials.create_link(core, tx, ola.id, 600))
        credentials.redeem_link(core, link.rpartition("/")[2], NEW, apps=True)
    assert app_passwords.list_app_passwords(core, ola.id) == []
    assert oidc_login.list_links(core, ola) == []
    assert recovery.count_codes(core, ola) == 0
    with pytest.raises(WrongPassword):
        recovery.create_link_by_code(core, "ola", code, peer="192.0.2.9")


def test_without_that_wish_they_stay(core: Core, ola: Account):
    recovery.create_codes(core, ola)
    core.db.write(lambda tx: orders.save_link(tx, ola.id, "google", "mine", 0))
    credentials.change_password(core, ola.id, PASSWORD, NEW)
    assert (recovery.count_codes(core, ola), len(oidc_login.list_links(core, ola))) == (10, 1)


def test_the_owner_hears_of_new_recovery_codes(core: Core, ola: Account):
    def count() -> int:
        return len(queue_admin.list_queue(core))

    before = count()
    recovery.create_codes(core, ola)
    assert count() == before + 1


@pytest.mark.parametrize("is_verified", [True, False])
def test_the_owner_hears_of_a_new_app_password(core: Core, ola: Account, is_verified: bool):
    """In INBOX and outside; where nobody has proved the address, without words that a thief has chosen."""
    if is_verified:
        core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, ola.id, ola.contact))
    app_passwords.create_app_password(core, ola.id, "WIN A PRIZE", [Scope.IMAP])
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX").id)
    last = core.db.read(lambda tx: core.mail.octets(tx, inbox, core.mail.uids(tx, inbox)[-1]))
    [item] = queue_admin.list_queue(core)
    outside = core.db.read(lambda tx: core.blobs.octets(tx, item.blob))
    assert item.recipient == "ola@elsewhere.example"
    assert (b"WIN A PRIZE" in last, b"WIN A PRIZE" in outside) == (True, is_verified)
    assert b"app-passord" in outside


def test_the_first_step_of_a_log_in_is_void_once_the_password_was_changed(core: Core, ola: Account):
    secret, _uri = two_factor.begin_totp(core, ola)
    program = HOTP(b32decode(secret), 6, SHA1())  # noqa: S303 - what every app does
    two_factor.finish_totp(core, ola, program.generate(core.clock.seconds() // two_factor.STEP_SECONDS).decode())
    thief = Browser(create_app(core).test_client())
    assert thief.log_in("ola").location.endswith("/login/second")
    credentials.set_password(core, ola.id, NEW)
    code = recovery.create_codes(core, ola)[0]
    assert thief.get("/login/second").status_code == 302
    with pytest.raises(AssertionError, match="has no form"):
        thief.send("/login/second", code=code)
    assert thief.get("/account").status_code == 302


def test_a_session_does_not_begin_once_the_password_was_changed(core: Core, ola: Account):
    identity = login.authenticate(core, "ola", PASSWORD, peer="192.0.2.9", scope=Scope.PORTAL)
    credentials.set_password(core, ola.id, NEW)
    web_sessions.begin_session(core, "late", ola.id, "{}", epoch=identity.epoch)
    assert web_sessions.load_session(core, "late") is None
    now = web_sessions.find_epoch(core, ola.id)
    web_sessions.begin_session(core, "good", ola.id, "{}", epoch=now)
    assert web_sessions.load_session(core, "good") is not None


def test_whoever_proved_the_old_password_does_not_change_the_new_one(core: Core, ola: Account, monkeypatch):
    """The thief's change is checked, the owner's is saved, and then the thief's would be."""

    def check_and_wait(*_args: object) -> None:
        monkeypatch.undo()
        credentials.set_password(core, ola.id, NEW)

    monkeypatch.setattr(breached, "check_breached", check_and_wait)
    with pytest.raises(WrongPassword):
        credentials.change_password(core, ola.id, PASSWORD, THIEF)
    assert (opens(core, NEW), opens(core, THIEF)) == (True, False)


def test_scram_knows_the_password_that_was_set_last(core: Core, ola: Account):
    """Two set one at once: the verifier of the first is not saved as that of the second."""
    first, second = hash_password(THIEF), hash_password(NEW)
    for hashed in (first, second):
        core.db.write(lambda tx, hashed=hashed: store.save_password(tx, ola.id, hashed, 0, chosen=True))
    scram.save_account_verifier(core, ola.id, THIEF, first)
    holder = core.db.read(lambda tx: store.find_holder(tx, "ola"))
    assert holder is not None
    assert holder.password is not None
    assert scram.list_verifiers(core, "ola", [holder.password]) == []
    scram.save_account_verifier(core, ola.id, NEW, second)
    assert len(scram.list_verifiers(core, "ola", [holder.password])) == 1
