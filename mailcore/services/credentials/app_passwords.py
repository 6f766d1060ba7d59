"""App passwords: one for each mail program, made by us, shown once, withdrawn alone.

A hundred random bits need no slow hash: they are saved as SHA-256, so that asking for them costs nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from mailcore.core import Core
from mailcore.domain import MAIL_SCOPES, Account, AccountId, Scope
from mailcore.errors import InvalidName, NotAllowed, TooMany
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import scram
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.credentials import Credential

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32, without l, o, 0 and 1
GROUPS, GROUP = 5, 4
MAX_APPS = 25
_PREFIX = "$app$"


def matches(hashed: str, password: str) -> bool:
    """People type it with or without the hyphens."""
    if not hashed.startswith(_PREFIX) or len(password) > 64:
        return False
    return hmac.compare_digest(hashed, _hash(password))


def _hash(password: str) -> str:
    plain = password.replace("-", "").replace(" ", "").lower()
    return _PREFIX + hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def create_app_password(core: Core, account: AccountId, label: str, scopes: Iterable[Scope]) -> str:
    """A new app password, for showing once.

    Raises:
        InvalidName: it has no name.
        NotAllowed: it would open nothing, or the portal.
        TooMany: there are many already.
    """
    label = " ".join(label.split())[:100]
    chosen_scopes = frozenset(scopes)
    if not label:
        raise InvalidName("the app password needs a name, such as the program's")
    if not chosen_scopes or not chosen_scopes <= MAIL_SCOPES:
        raise NotAllowed("an app password opens mail, not the portal")
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    password = "-".join(groups)

    def write(tx: Tx) -> tuple[Account, Credential]:
        if sum(c.kind == "app" for c in store.list_credentials(tx, account)) >= MAX_APPS:
            raise TooMany(f"there are {MAX_APPS} app passwords; withdraw one first")
        number = store.add_app_password(tx, account, _hash(password), label, chosen_scopes, core.clock.seconds())
        audit.note(core, tx, account, Event.APP_PASSWORD_MADE, detail=label)
        return get_account(tx, account), next(c for c in store.list_credentials(tx, account) if c.id == number)

    owner, credential = core.db.write(write)
    scram.save_verifier(core, owner, credential, password)
    return password


def list_app_passwords(core: Core, account: AccountId) -> list[Credential]:
    return [c for c in core.db.read(lambda tx: store.list_credentials(tx, account)) if c.kind == "app"]


def revoke_app_passwords(core: Core, account: AccountId, credential: int | None = None) -> int:
    """One, or all; open connections that used it end within a minute.  How many there were."""

    def write(tx: Tx) -> int:
        count = store.delete_app_passwords(tx, account, credential)
        if count:
            audit.note(core, tx, account, Event.APP_PASSWORD_WITHDRAWN, detail=str(count))
        return count

    return core.db.write(write)
