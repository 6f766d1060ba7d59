"""Security keys and passkeys as a second factor (WebAuthn level 2), by py_webauthn.

The challenge is made here and kept in the server-side session; the browser signs it for this origin alone.  A key with a
counter that does not grow was copied, and is refused.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import MailError, TooMany, WrongPassword
from mailcore.log import log_for
from mailcore.services.limits import keys
from mailcore.services.signin import two_factor
from mailcore.store.engine.db import Tx
from mailcore.store.people import second_factors as store
from mailcore.store.people.second_factors import FactorKind, SecondFactor

MOST = 10
MAX_ANSWER = 65_536  # characters; a long certificate chain is 10,000
log = log_for(__name__)
NAME = "Alumnimail"


def create_challenge() -> bytes:
    """Create a random challenge of 32 octets."""
    return secrets.token_bytes(32)


def get_host(core: Core) -> str:
    return urlsplit(core.config.url).hostname or "localhost"


def _list_keys(core: Core, account: Account) -> list[SecondFactor]:
    return [factor for factor in two_factor.list_factors(core, account.id) if factor.kind == FactorKind.WEBAUTHN]


def list_descriptors(
    core: Core, account: Account, kind: FactorKind = FactorKind.WEBAUTHN
) -> list[PublicKeyCredentialDescriptor]:
    """List the credentials of a kind that an account has, for the browser."""
    factors = [factor for factor in two_factor.list_factors(core, account.id) if factor.kind == kind]
    return [PublicKeyCredentialDescriptor(base64url_to_bytes(factor.handle)) for factor in factors]


def create_registration_options(core: Core, account: Account, challenge: bytes) -> str:
    """Return options for navigator.credentials.create, as JSON."""
    options = generate_registration_options(
        rp_id=get_host(core),
        rp_name=NAME,
        user_name=account.name,
        user_display_name=account.display_name or account.name,
        user_id=keys.compute_hmac(core.config, "webauthn", account.name),
        challenge=challenge,
        exclude_credentials=list_descriptors(core, account),
    )
    return options_to_json(options)


@contextmanager
def refuse_unreadable() -> Iterator[None]:
    """Refuse whatever cannot be read as an answer, at any depth of JSON, base64 or CBOR.

    The library promises errors of its own, and lets those of what it reads with through (RecursionError, AttributeError,
    struct.error): whatever it is, nobody is let in.
    """
    try:
        yield
    except MailError:
        raise
    except Exception as problem:
        log.info("a security key's answer cannot be read: %s", type(problem).__name__)
        raise WrongPassword("the security key's answer does not fit") from None


def parse_answer(response: str) -> dict[str, Any]:  # Any: JSON
    """Read the browser's answer.  Raises ValueError, RecursionError."""
    if len(response) > MAX_ANSWER:
        raise ValueError("too long")
    answer = json.loads(response)
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise ValueError("no answer of a key")
    return answer


def register_key(core: Core, account: Account, challenge: bytes, response: str, label: str) -> None:
    """Register a key by its answer.  Raises WrongPassword: not an answer to this challenge; TooMany."""
    with refuse_unreadable():
        registration = verify_registration_response(
            credential=parse_answer(response),
            expected_challenge=challenge,
            expected_rp_id=get_host(core),
            expected_origin=core.config.url,
        )

    def write(tx: Tx) -> None:
        if sum(factor.kind == FactorKind.WEBAUTHN for factor in store.list_factors(tx, account.id)) >= MOST:
            raise TooMany(f"there are {MOST} security keys already")
        name = " ".join(label.split())[:100]
        store.add_factor(
            tx,
            account.id,
            FactorKind.WEBAUTHN,
            name,
            bytes_to_base64url(registration.credential_id),
            registration.credential_public_key.hex(),
            registration.sign_count,
            core.clock.seconds(),
            active=True,
        )
        two_factor.record_factor_added(core, tx, account, name or "security key")

    core.db.write(write)


def create_login_options(core: Core, account: Account, challenge: bytes) -> str:
    """Return options for navigator.credentials.get, as JSON."""
    options = generate_authentication_options(
        rp_id=get_host(core),
        challenge=challenge,
        allow_credentials=list_descriptors(core, account),
        user_verification=UserVerificationRequirement.DISCOURAGED,  # the password was asked already
    )
    return options_to_json(options)


def check_answer(core: Core, account: Account, challenge: bytes, response: str) -> None:
    """Check a key's answer to the challenge.  Raises WrongPassword."""
    with refuse_unreadable():
        answer = parse_answer(response)
        security_key = next(factor for factor in _list_keys(core, account) if factor.handle == answer["id"])
        verification = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=get_host(core),
            expected_origin=core.config.url,
            credential_public_key=bytes.fromhex(security_key.secret),
            credential_current_sign_count=security_key.counter,
        )
    now, counter = core.clock.seconds(), verification.new_sign_count
    if not core.db.write(lambda tx: store.use_factor(tx, security_key.id, counter, now, equal=counter == 0)):
        raise WrongPassword("the security key's answer was used before")
