"""A second factor for the portal: one-time codes of an app (TOTP, RFC 6238), security keys, printed recovery codes.

With one on, mail programs need app passwords (services/credentials/login.py), so that the password alone opens nothing.
Each code is
good once.  Secrets are sealed by a key beside the database.
"""

import hmac
import secrets
from base64 import b32encode
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import WrongPassword
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits import keys, throttle
from mailcore.services.notices import account_notices
from mailcore.services.signin import recovery
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses, credentials
from mailcore.store.people import second_factors as store
from mailcore.store.people.second_factors import SecondFactor

STEP_SECONDS = 30
_DRIFT = 1  # steps that a telephone's clock may be off
_KEY = "second-factor"


def is_on(core: Core, account: AccountId) -> bool:
    """Say if the account has a second factor."""
    return core.db.read(lambda tx: store.has_factor(tx, account))


def list_factors(core: Core, account: AccountId) -> list[SecondFactor]:
    """List the account's second factors in use."""
    return core.db.read(lambda tx: store.list_factors(tx, account))


def begin_totp(core: Core, account: Account) -> tuple[str, str]:
    """Return a new secret in base32 and the URI for the app's camera; it counts when a code proves it (`finish_totp`).

    Asking again gives the same secret, so that a page may be loaded twice.
    """

    def write(tx: Tx) -> bytes:
        for waiting in store.list_factors(tx, account.id, active=False):
            if waiting.kind == store.FactorKind.TOTP and (
                secret := keys.unseal(core.config, _KEY, waiting.secret, account.name)
            ):
                return secret
        new_secret = secrets.token_bytes(20)
        sealed = keys.seal(core.config, _KEY, new_secret, account.name)
        store.add_factor(tx, account.id, store.FactorKind.TOTP, "", "", sealed, 0, core.clock.seconds(), active=False)
        return new_secret

    text = b32encode(core.db.write(write)).decode()
    label = quote(f"Alumnimail:{account.address(core.config.domain)}")
    return text, f"otpauth://totp/{label}?secret={text}&issuer=Alumnimail"


def finish_totp(core: Core, account: Account, code: str, label: str = "") -> None:
    """Activate the secret that a code proves.  Raises WrongPassword: the code does not fit."""

    def write(tx: Tx) -> bool:
        for waiting in store.list_factors(tx, account.id, active=False):
            if waiting.kind == store.FactorKind.TOTP and (step := _find_step(core, account, waiting, code)):
                store.use_factor(tx, waiting.id, step, core.clock.seconds())
                store.activate_factor(tx, waiting.id)
                record_factor_added(core, tx, account, label or "app")
                return True
        return False

    if not core.db.write(write):
        raise WrongPassword("the code does not fit")


def record_factor_added(core: Core, tx: Tx, account: Account, label: str) -> None:
    """End connections that the password alone opened, and notify the owner."""
    credentials.raise_epoch(tx, account.id)
    audit.note(core, tx, account.id, Event.SECOND_FACTOR_ADDED, detail=label)
    account_notices.notify_owner(core, tx, account, "second_factor_added")


def _find_step(core: Core, account: Account, factor: SecondFactor, code: str) -> int:
    """Return the time step of a code, 0 when none; used steps are not tried again (RFC 6238 section 5.2)."""
    secret = keys.unseal(core.config, _KEY, factor.secret, account.name)
    digits = "".join(code.split())
    if secret is None or len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return 0
    now = core.clock.seconds() // STEP_SECONDS
    hotp = HOTP(secret, 6, SHA1())  # noqa: S303 - what every app does (RFC 6238 section 1.2)
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if step > factor.counter and hmac.compare_digest(hotp.generate(step), digits.encode()):
            return step
    return 0


def check_code(core: Core, account: Account, code: str, *, peer: str = "", device: str = "") -> None:
    """Check a code: one of the app, or one that was printed.

    A printed code cannot be guessed, so others' tries keep nobody from using one.

    Args:
        peer, device: as in `throttle.find_lane`.

    Raises:
        WrongPassword: it is neither, or was used before.
        TooMany: too many wrong ones within an hour.
    """
    bounds = throttle.list_code_bounds(core, account, peer=peer, device=device)
    if recovery.spend_code(core, account, code):
        return

    def write(tx: Tx) -> bool:
        throttle.check_code(core, tx, bounds)
        is_right = any(
            (step := _find_step(core, account, factor, code))
            and store.use_factor(tx, factor.id, step, core.clock.seconds())
            for factor in store.list_factors(tx, account.id)
            if factor.kind == store.FactorKind.TOTP
        )
        if not is_right:
            throttle.record_code_failure(core, tx, bounds)
        return is_right

    if not core.db.write(write):
        raise WrongPassword("the code does not fit")


def remove_factor(core: Core, account: Account, number: int) -> None:
    """Remove a second factor, and with the last one the recovery codes; the owner is notified."""

    def write(tx: Tx) -> None:
        if (removed := store.delete_factor(tx, account.id, number)) == store.FactorKind.PASSKEY:
            audit.note(core, tx, account.id, Event.PASSKEY_REMOVED)
            account_notices.notify_owner(core, tx, account, "passkey_removed")
        elif removed:
            audit.note(core, tx, account.id, Event.SECOND_FACTOR_REMOVED)
            account_notices.notify_owner(core, tx, account, "second_factor_removed")
            if not store.has_factor(tx, account.id):
                contact_addresses.save_codes(tx, account.id, [])

    core.db.write(write)
