"""The limit on tries at a secret: the one throttle of every place that checks a password, a code or a token.

Passwords at the portal, at /password and wherever a page asks once more, those of mail programs (PLAIN, LOGIN, SCRAM,
OAUTHBEARER), the university's when somebody orders, and printed recovery codes share one count.  The codes of the second
step have a count of their own, by the same rules.

Strangers' guesses never shut the owner out.  A failure is counted in a lane:

* a browser in which the owner has logged in before (a signed mark in a cookie) counts for itself;
* so does a page of a session that asks for the password once more;
* a place from which the owner logged in lately has room, because a whole campus may share it;
* everyone else counts by place, and by the networks around it, and for the account in all.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import TooMany
from mailcore.net.address import place as place_of
from mailcore.services.limits import keys, tries
from mailcore.services.limits.tries import Bound
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials as store
from mailcore.store.people.credentials import Holder

KNOWN_SECONDS = 30 * 86_400
IN_ALL = 10  # times the limit: what a known place may, what one place or one account bears in all
ALLOWANCE = 3  # tries that a new place always has, so that nobody can lock an owner out
IN_SESSION = 10  # wrong passwords an hour in a session that is open already
CODES, CODES_IN_ALL = 10, 20  # wrong codes an hour in one lane, and of all strangers together
DEVICE = "browser "  # before its name, where failures are counted
_SESSION = "session "
_WAIT = "too many failed log-ins; try again in an hour"


@dataclass(frozen=True, slots=True)
class Lane:
    """The lane in which one try is counted.

    Attributes:
        account: below zero for a name that is nobody's.
        place: the peer's network place, or a browser or session of the owner's own.
        counted: False for trusted networks.
    """

    account: AccountId
    place: str
    peer: str
    counted: bool

    @property
    def is_known_device(self) -> bool:
        return self.place.startswith(DEVICE)


def find_lane(core: Core, holder: Holder | None, name: str, *, peer: str, device: str = "", session: str = "") -> Lane:
    """Return the lane of a try to open the account of `holder`, or of `name` where that is nobody's.

    Args:
        device: the mark that `create_device_mark` gave a browser in which the owner has logged in before.
        session: the token of a session of that account, which is asked for the password once more.
    """
    account = holder.account.id if holder is not None else _id_of_nobody(name)
    if session:
        mark = keys.compute_hmac(core.config, "device", f"session\0{session}").hex()[:24]
        return Lane(account, f"{_SESSION}{mark}", peer, counted=True)
    device_place = _device_place(core, account, device)
    return Lane(account, device_place or place_of(peer), peer, bool(peer) and not core.config.limits.is_trusted(peer))


def _id_of_nobody(name: str) -> AccountId:
    """Return an id below zero for a name that is nobody's: it is counted as an account is, so that none is disclosed."""
    return AccountId(-int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6]) - 1)


def is_owner_place(place: str) -> bool:
    """Say if a place is a browser or a session of the owner's, and no network place."""
    return place.startswith((DEVICE, _SESSION))


# Browsers in which the owner has logged in before


def create_device_mark(core: Core, account: AccountId) -> str:
    """Create a mark for a browser in which the owner has just logged in; it opens nothing."""
    name = secrets.token_urlsafe(12)
    return f"{name}.{_device_proof(core, account, name)}"


def _device_proof(core: Core, account: AccountId, name: str) -> str:
    return keys.compute_hmac(core.config, "device", f"{account}\0{name}").hex()[:32]


def _device_place(core: Core, account: AccountId, device: str) -> str:
    """Return the place that stands for the browser, "" where the mark is not this account's."""
    name, _, proof = device.partition(".")
    if not name or len(name) > 32 or account < 0:
        return ""
    is_valid = hmac.compare_digest(proof.encode("utf-8", "replace"), _device_proof(core, account, name).encode())
    return f"{DEVICE}{name}" if is_valid else ""


# Passwords


def check_lane(core: Core, tx: Tx, lane: Lane, *, most: int = 0) -> bool:
    """Check that a password may be tried in this lane.

    Args:
        most: fewer failures than the setting allows for one name at one place, 0 = as many.

    Returns:
        The owner has used the place, the browser or the session before, or the network is trusted.

    Raises:
        TooMany: wait an hour.
    """
    if not lane.counted:
        return True
    now, limit = core.clock.seconds(), core.config.limits.login_failures_per_hour
    seen = store.count_failures(tx, lane.account, lane.place, now - tries.HOUR, now - KNOWN_SECONDS)
    if lane.place.startswith(_SESSION):
        is_blocked = seen.here >= IN_SESSION
    elif lane.is_known_device:
        is_blocked = seen.here >= limit
    elif seen.known:
        is_blocked = seen.here >= limit * IN_ALL
    else:
        attacked = seen.account >= limit * IN_ALL and seen.here >= ALLOWANCE
        is_blocked = (
            seen.here >= min(most or limit, limit)
            or seen.peer >= limit * IN_ALL
            or attacked
            or _is_spread(core, tx, lane)
        )
    if is_blocked:
        raise TooMany(_WAIT)
    return seen.known or is_owner_place(lane.place)


def _network_bounds(core: Core, lane: Lane) -> list[Bound]:
    return list(tries.bounds_of_networks(core, lane.peer, core.config.limits.login_failures_per_hour * IN_ALL))


def _is_spread(core: Core, tx: Tx, lane: Lane) -> bool:
    """Say if a network around the peer had too many failures: who has a whole network guesses a little from each place."""
    return tries.is_reached(core, tx, "password", _network_bounds(core, lane))


def record_failure(core: Core, lane: Lane, tag: str = "", *, most: int = 0) -> bool:
    """Count a wrong password; False if it counts no more.

    Args:
        tag: tells the same mistake from another one: a phone with an old password is one failure.
        most: as in `check_lane`.

    Raises:
        TooMany: others that were tried at the same time have used up the lane; nothing is counted.
    """
    if not lane.counted:
        return False
    now = core.clock.seconds()

    def write(tx: Tx) -> bool:
        check_lane(core, tx, lane, most=most)
        is_new = store.add_failure(tx, lane.account, lane.place, now, tag, now - tries.HOUR)
        if is_new and lane.place == place_of(lane.peer):
            tries.count_try(core, tx, "password", _network_bounds(core, lane))
        return is_new

    return core.db.write(write)


def confirm_lane(core: Core, lane: Lane, *, most: int = 0) -> None:
    """Check once more, before a right password opens anything: many may have been tried at once, and all found room.

    Where the owner has not been, one after the other, so that a right one among them is heard of no sooner than it may.

    Args:
        most: as in `check_lane`.

    Raises:
        TooMany: wait an hour.
    """
    if lane.counted and not core.db.read(lambda tx: check_lane(core, tx, lane, most=most)):
        core.db.write(lambda tx: check_lane(core, tx, lane, most=most))


def check_name(core: Core, name: str, *, peer: str, device: str = "", most: int = 0) -> Lane:
    """Return the lane of a try to open the account of that name, or nobody's; `most` as in `check_lane`.  Raises TooMany."""

    def read(tx: Tx) -> Lane:
        lane = find_lane(core, store.find_holder(tx, name) if name else None, name, peer=peer, device=device)
        check_lane(core, tx, lane, most=most)
        return lane

    return core.db.read(read)


# Codes of the second step


def list_code_bounds(core: Core, account: Account, *, peer: str, device: str) -> list[Bound]:
    """Return the bounds of a wrong code: an owner's own browser counts for itself, strangers by place and together.

    A place where the password was right is not known by that alone: only a whole log-in gives a browser its mark.
    """
    if device_place := _device_place(core, account.id, device):
        return [Bound(f"{account.id} {device_place}", CODES)]
    return [Bound(f"{account.id} {place_of(peer)}", CODES), Bound(str(account.id), CODES_IN_ALL)]


def check_code(core: Core, tx: Tx, bounds: list[Bound]) -> None:
    """Check that a code may be tried.  Raises TooMany."""
    if tries.is_reached(core, tx, "second factor", bounds):
        raise TooMany("too many codes; wait an hour")


def record_code_failure(core: Core, tx: Tx, bounds: list[Bound]) -> None:
    """Count a wrong code; call it in the transaction that refused it, so that two at once count twice."""
    tries.count_try(core, tx, "second factor", bounds)
