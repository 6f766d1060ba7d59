"""The log of log-ins: place, program and time, for the owner, and to know a new log-in from an earlier one.

Log-ins are noted without waiting for the disk, at most every ten minutes for the same program at the same place.
"""

import threading
from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import PROTOCOLS, Account, AccountId, Identity, Scope
from mailcore.net.address import place
from mailcore.services.credentials import stop_links
from mailcore.services.limits import tries
from mailcore.services.limits.links import LinkPurpose
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials
from mailcore.store.people import logins as store
from mailcore.store.people.logins import LoginEvent
from mailcore.store.people.tokens import delete_tokens

AGAIN_SECONDS = 600
KEPT_SECONDS = 90 * 86_400
_REMEMBERED = 50_000


class LoginOutcome(StrEnum):
    """Outcome of a log-in with the right password; all but OK are refusals that the owner can read in the log."""

    OK = "ok"
    APP_PASSWORD_NEEDED = "app password needed"  # noqa: S105 - an outcome, and no password
    ENDED = "ended"
    NOT_CONFIRMED = "not confirmed"
    ASLEEP = "asleep"
    PROOF_NEEDED = "proof needed"


class _Lately:
    """Log-ins that this process recorded recently."""

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], int] = {}
        self._lock = threading.Lock()

    def had(self, key: tuple[object, ...], now: int) -> bool:
        with self._lock:
            if now - self._seen.get(key, -AGAIN_SECONDS) < AGAIN_SECONDS:
                return True
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[key] = now
            return False


_lately = _Lately()


def record_login(
    core: Core, identity: Identity, scope: Scope, peer: str, agent: str = "", *, outcome: LoginOutcome = LoginOutcome.OK
) -> None:
    """Record a log-in, and notify the owner if its network is new."""
    origin, program, now = place(peer), " ".join(agent.split())[:200], core.clock.seconds()
    key = (
        core.config.database_key, identity.account.id, identity.account.created_at, scope, identity.source,
        identity.credential, origin, program, outcome,
    )  # fmt: skip
    if scope is not Scope.PORTAL and _lately.had(key, now):
        return

    def write(tx: Tx) -> None:
        if outcome is LoginOutcome.OK and origin and not core.config.limits.is_trusted(peer):
            _notify_if_new(core, tx, identity, scope, origin, program)
        if outcome is LoginOutcome.PROOF_NEEDED and scope is not Scope.PORTAL:
            _notify_stopped(core, tx, identity.account, origin)
        if outcome is LoginOutcome.ASLEEP and scope is not Scope.PORTAL:  # the portal tells by itself
            _notify_asleep(core, tx, identity.account)
        store.save_login(
            tx, identity.account.id, scope, identity.source, identity.credential or 0, origin, program, outcome, now
        )
        if identity.credential is not None:
            credentials.note_use(tx, identity.credential, now)
        elif identity.source == "alumni":
            credentials.note_password_use(tx, identity.account.id, now)
        # a mail program that goes on must not void what a person asked for
        if scope is Scope.PORTAL and outcome is LoginOutcome.OK:
            delete_tokens(tx, identity.account.id, LinkPurpose.PASSWORD)

    core.db.post(write)


def record_order_login(core: Core, account: Account, source: str, peer: str, agent: str = "") -> None:
    """Record the log-in that an order at once begins with."""
    record_login(core, Identity(account, source), Scope.PORTAL, peer, agent)


def _notify_if_new(core: Core, tx: Tx, identity: Identity, scope: Scope, origin: str, program: str) -> None:
    """Notify the owner of a log-in from a new network; once a day at most, and not of the very first."""
    account = identity.account
    if store.is_first_login(tx, account.id) or store.is_known_network(tx, account.id, _network_prefix(origin)):
        return
    if tries.is_over_limit(core, tx, "new login", str(account.id), limit=1, seconds=tries.DAY):
        return
    at = core.clock.now().astimezone(core.config.zone).strftime("%d.%m.%Y %H:%M")
    means = program or "web" if scope is Scope.PORTAL else PROTOCOLS[scope]
    link = stop_links.create_link(core, tx, account.id)
    account_notices.notify_owner(core, tx, account, "new_login", at=at, place=origin, what=means, link=link)


def _notify_asleep(core: Core, tx: Tx, account: Account) -> None:
    """Tell the owner's contact addresses why a mail program gets no mail, once a day at most."""
    if not tries.is_over_limit(core, tx, "asleep", str(account.id), limit=1, seconds=tries.DAY):
        link = f"{core.config.url}/password/forgotten"
        account_notices.notify_owner(core, tx, account, "asleep", box=False, link=link)


def _notify_stopped(core: Core, tx: Tx, account: Account, origin: str) -> None:
    """Tell the owner of a mail program that was stopped at a place where they never were, once a day at most."""
    if not tries.is_over_limit(core, tx, "stopped", str(account.id), limit=1, seconds=tries.DAY):
        account_notices.notify_owner(core, tx, account, "login_stopped", place=origin)


def _network_prefix(address: str) -> str:
    """Return what the addresses of one provider have in common, as the beginning of a text."""
    sign = ":" if ":" in address else "."
    return sign.join(address.split(sign)[:2]) + sign


def list_logins(core: Core, account: AccountId, limit: int = 50) -> list[LoginEvent]:
    """List an account's log-ins, the latest first."""
    return core.db.read(lambda tx: store.list_logins(tx, account, limit))


def expire_logins(core: Core) -> int:
    """Delete log-ins older than 90 days, as a job; return how many."""
    before = core.clock.seconds() - KEPT_SECONDS
    return core.db.write(lambda tx: store.delete_logins(tx, before))
