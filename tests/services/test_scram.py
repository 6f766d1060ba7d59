"""SCRAM with a whole exchange: who can use it, when it is offered, and what strangers learn."""

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.domain import Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, credentials, login, passwords, scram
from mailcore.services.limits import keys
from mailcore.services.signin import sasl_login
from mailcore.store.people import credentials as store
from mailcore.store.people import scram as verifiers
from mailcore.wire.sasl import Channel
from tests.sasl_client import SaslClient

OLD_TLS = Channel("TLSv1.2", b"what TLS says of itself")
PASSWORD = "en lang hemmelighet"


@pytest.fixture
def core(tmp_path, monkeypatch):
    monkeypatch.setattr(scram, "_offers", {})
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    certificates.ensure_certificate(built.config, built.clock)
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password=passwords.hash_password(PASSWORD))
    yield built
    cores.close(built)


def save_verifier(core, name):
    """As a log-in with the password does."""
    holder = core.db.read(lambda tx: store.find_holder(tx, name))
    scram.save_verifier(core, holder.account, holder.password, PASSWORD)


def client(core, username, password, *, plus=True, challenges=None, scope=Scope.IMAP):
    """Log in by SCRAM as a client does (RFC 5802 section 3), written independently of ours."""
    header = b"p=tls-server-end-point,," if plus else b"n,,"
    bare = b"n=" + username.encode() + b",r=abc"

    async def ask(challenge: bytes) -> bytes:
        if challenges is not None:
            challenges.append(challenge)
        if challenge == b"" or challenge.startswith(b"v="):
            return b"" if challenge else header + bare
        nonce, salt, count = (part.split(b"=", 1)[1] for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", "sha256")
        bound = header + (certificates.hash_end_point(core.config) if plus else b"")
        final = b"c=" + b64encode(bound) + b",r=" + nonce
        signed = hmac.digest(hashlib.sha256(key).digest(), bare + b"," + challenge + b"," + final, "sha256")
        return final + b",p=" + b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True)))

    name = "SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256"
    talk = sasl_login.authenticate(core, SaslClient(channel=OLD_TLS), name, None, ask, scope)
    return asyncio.run(talk)


def test_nobody_is_offered_what_somebody_cannot_use(core, monkeypatch):
    scram.update_offer(core)
    assert sasl_login.list_mechanisms(core, secure=True, channel=OLD_TLS) == ("PLAIN", "LOGIN")
    login.authenticate(core, "ola", PASSWORD, peer="", scope=Scope.IMAP)
    monkeypatch.setattr(scram, "_offers", {})
    scram.update_offer(core)
    assert sasl_login.list_mechanisms(core, secure=True, channel=OLD_TLS)[:2] == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert sasl_login.list_mechanisms(core, secure=False, channel=Channel())[0] == "SCRAM-SHA-256"
    assert sasl_login.list_mechanisms(core, secure=True, channel=Channel("TLSv1.3"))[0] == "SCRAM-SHA-256"


def test_a_new_account_can_use_at_once_what_is_offered(core, monkeypatch):
    save_verifier(core, "ola")
    monkeypatch.setattr(scram, "_offers", {})
    scram.update_offer(core)
    assert scram.is_offered(core)
    accounts.add_account(core, "kari", password=PASSWORD)
    assert client(core, "kari", PASSWORD).account.name == "kari"


def test_it_is_offered_no_more_once_somebody_could_not_use_it(core, monkeypatch):
    """An account whose password came as a hash, in the minute until that is looked up."""
    save_verifier(core, "ola")
    monkeypatch.setattr(scram, "_offers", {})
    scram.update_offer(core)
    accounts.add_account(core, "kari", password=passwords.hash_password(PASSWORD))
    assert scram.is_offered(core)
    with pytest.raises(WrongPassword):
        client(core, "kari", PASSWORD)
    assert not scram.is_offered(core)


@pytest.mark.parametrize("plus", [True, False])
def test_a_password_is_proven_without_being_sent(core, plus):
    save_verifier(core, "ola")
    assert client(core, "ola", PASSWORD, plus=plus).account.name == "ola"
    with pytest.raises(WrongPassword):
        client(core, "ola", "feil", plus=plus)


def test_a_new_password_takes_the_place_of_the_old_one(core):
    ola = accounts.find_account(core, "ola").id
    save_verifier(core, "ola")
    credentials.set_password(core, ola, "et annet hemmelig ord")
    assert client(core, "ola@alumni.example", "et annet hemmelig ord").account.name == "ola"
    with pytest.raises(WrongPassword):
        client(core, "ola", PASSWORD)


def test_a_stranger_hears_the_same_salt_each_time(core):
    heard = []
    for _ in range(2):
        with pytest.raises(WrongPassword):
            client(core, "nobody", "x", challenges=heard)
    salts = {challenge.split(b",")[1] for challenge in heard if challenge.startswith(b"r=")}
    assert len(salts) == 1


def test_failures_are_counted(core):
    for _ in range(core.config.limits.login_failures_per_hour):
        with pytest.raises(WrongPassword):
            client(core, "ola", "feil")
    with pytest.raises(TooMany):
        client(core, "ola", "feil")


def test_no_verifier_is_kept_where_scram_can_never_be_offered(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n[limits]\nscram = "never"\n'))
    ola = accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password=PASSWORD).id
    login.authenticate(built, "ola", PASSWORD, peer="", scope=Scope.IMAP)
    assert built.db.read(lambda tx: verifiers.list_verifiers(tx, ola)) == {}
    cores.close(built)


def test_an_app_password_is_proven_for_what_it_was_made_for(core):
    ola = accounts.find_account(core, "ola").id
    save_verifier(core, "ola")
    app = app_passwords.create_app_password(core, ola, "Telefon", [Scope.IMAP])
    assert client(core, "ola", app).source == "app"
    assert client(core, "ola", PASSWORD).source == "alumni"
    with pytest.raises(WrongPassword):
        client(core, "ola", app, scope=Scope.SIEVE)
    app_passwords.revoke_app_passwords(core, ola)
    with pytest.raises(WrongPassword):
        client(core, "ola", app)


def test_the_database_alone_holds_no_verifier_that_can_be_attacked(core):
    save_verifier(core, "ola")
    [(sealed,)] = core.db.read(lambda tx: tx.rows("SELECT sealed FROM scram"))
    assert len(keys.unseal(core.config, "scram", sealed, "ola") or b"") == 64
    assert keys.unseal(core.config, "scram", sealed, "kari") is None
    assert keys.unseal(core.config, "other", sealed, "ola") is None
    assert (core.config.data_path / "keys" / "scram").stat().st_mode & 0o77 == 0


def test_what_one_database_offers_says_nothing_of_another(core, tmp_path):
    other = cores.build(parse_config(f'data = "{tmp_path}/other"\n[outbound]\nmode = "capture"\n'))
    scram.update_offer(other)  # nobody is there who could not use it
    assert scram.is_offered(other)
    assert not scram.is_offered(core)
    cores.close(other)
