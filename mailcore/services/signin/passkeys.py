"""Log in with a passkey: a discoverable credential with user verification, and nothing else (WebAuthn level 2, N33).

It counts as both steps: the device is what one has, and its fingerprint, face or PIN what one is or knows.  It stands
beside the password and does not turn two-step log-in on.  A challenge is signed here and remembered by nobody, so that looking
at the log-in page writes nothing; it is good for half an hour, and once.
"""

import hmac
import secrets

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mailcore.core import Core
from mailcore.domain import Account, AccountState, Identity, Scope
from mailcore.errors import AccountNotFound, TooMany, WrongPassword
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import login_log, waking
from mailcore.services.limits import keys, tries
from mailcore.services.limits.tries import Bound
from mailcore.services.notices import account_notices
from mailcore.services.signin import security_keys
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials
from mailcore.store.people import second_factors as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.second_factors import FactorKind

MOST = 10
PER_HOUR = 30  # wrong answers of one network place
CHALLENGE_SECONDS = 1800
_TIME, _RANDOM, _MARK = 8, 16, 16  # octets of a challenge
SOURCE = "passkey"


def create_challenge(core: Core) -> bytes:
    """challenge = time random mark"""
    begun = core.clock.seconds().to_bytes(_TIME, "big") + secrets.token_bytes(_RANDOM)
    return begun + _mark(core, begun)


def _mark(core: Core, begun: bytes) -> bytes:
    return keys.compute_hmac(core.config, "passkey challenge", begun.hex())[:_MARK]


def _is_good(core: Core, challenge: bytes) -> bool:
    begun, mark = challenge[: _TIME + _RANDOM], challenge[_TIME + _RANDOM :]
    age = core.clock.seconds() - int.from_bytes(begun[:_TIME], "big")
    return hmac.compare_digest(mark, _mark(core, begun)) and 0 <= age <= CHALLENGE_SECONDS


def create_registration_options(core: Core, account: Account, challenge: bytes) -> str:
    """Options for navigator.credentials.create, as JSON."""
    options = generate_registration_options(
        rp_id=security_keys.get_host(core),
        rp_name=security_keys.NAME,
        user_name=account.address(core.config.domain),
        user_display_name=account.display_name or account.name,
        user_id=_handle(core, account),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=security_keys.list_descriptors(core, account, FactorKind.PASSKEY),
    )
    return options_to_json(options)


def _handle(core: Core, account: Account) -> bytes:
    """A user handle that tells nobody who it is, and differs from a security key's, which it must not replace."""
    return keys.compute_hmac(core.config, "passkey", str(account.id))


def register_passkey(core: Core, account: Account, challenge: bytes, response: str, label: str) -> None:
    """Raises WrongPassword: not an answer to this challenge, or without user verification; TooMany."""
    with security_keys.refuse_unreadable():
        registration = verify_registration_response(
            credential=security_keys.parse_answer(response),
            expected_challenge=challenge,
            expected_rp_id=security_keys.get_host(core),
            expected_origin=core.config.url,
            require_user_verification=True,
        )
    name, handle = " ".join(label.split())[:100], bytes_to_base64url(registration.credential_id)

    def write(tx: Tx) -> None:
        if sum(factor.kind == FactorKind.PASSKEY for factor in store.list_factors(tx, account.id)) >= MOST:
            raise TooMany(f"there are {MOST} passkeys already")
        if store.find_passkey(tx, handle) is not None:
            raise WrongPassword("the passkey is known already")
        public, count, now = registration.credential_public_key.hex(), registration.sign_count, core.clock.seconds()
        store.add_factor(tx, account.id, FactorKind.PASSKEY, name, handle, public, count, now, active=True)
        audit.note(core, tx, account.id, Event.PASSKEY_ADDED, detail=name)
        account_notices.notify_owner(core, tx, account, "passkey_added")

    core.db.write(write)


def create_login_options(core: Core, challenge: bytes) -> str:
    """Options for navigator.credentials.get, as JSON: no name is asked for and none is told."""
    return options_to_json(
        generate_authentication_options(
            rp_id=security_keys.get_host(core),
            challenge=challenge,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def log_in(core: Core, response: str, *, peer: str, agent: str = "") -> Identity:
    """Find out by a passkey's answer whose account it opens, and record the log-in.

    Raises:
        WrongPassword: whatever is wrong with it.
        TooMany: too many wrong answers came from this place.
    """
    bounds = tuple(tries.bounds_of_place(core, peer, PER_HOUR))
    if core.db.read(lambda tx: tries.is_reached(core, tx, "passkey", bounds)):
        raise TooMany("too many wrong passkeys from this place")
    try:
        identity = _check_answer(core, response)
    except (WrongPassword, AccountNotFound):
        core.db.write(lambda tx: tries.count_try(core, tx, "passkey", bounds))
        raise WrongPassword("the passkey opens nothing") from None
    if identity.account.asleep:
        waking.wake_account(core, identity.account.id)
    login_log.record_login(core, identity, Scope.PORTAL, peer, agent)
    return identity


def _check_answer(core: Core, response: str) -> Identity:
    with security_keys.refuse_unreadable():
        answer = security_keys.parse_answer(response)
        challenge = parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge
        if not _is_good(core, challenge):
            raise WrongPassword("the challenge is not ours, or too old")
        passkey = core.db.read(lambda tx: store.find_passkey(tx, answer["id"]))
        if passkey is None:
            raise WrongPassword("there is no such passkey")
        account = core.db.read(lambda tx: get_account(tx, passkey.account))
        if not hmac.compare_digest(base64url_to_bytes(answer["response"]["userHandle"]), _handle(core, account)):
            raise WrongPassword("the passkey is another account's")
        verification = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=security_keys.get_host(core),
            expected_origin=core.config.url,
            credential_public_key=bytes.fromhex(passkey.secret),
            credential_current_sign_count=passkey.counter,
            require_user_verification=True,
        )

    def write(tx: Tx) -> int:
        now, count = core.clock.seconds(), verification.new_sign_count
        once = tries.count_if_allowed(core, tx, "passkey challenge", [Bound(challenge.hex(), 1)])
        # read anew: it may have been removed, or the account closed, while the answer was checked
        if not once or not store.use_factor(tx, passkey.id, count, now, equal=count == 0):
            raise WrongPassword("the passkey's answer was used before")
        if get_account(tx, account.id).state != AccountState.ACTIVE:
            raise WrongPassword("the account is closed")
        return credentials.get_epoch(tx, account.id) or 0

    return Identity(account, SOURCE, None, core.db.write(write))
