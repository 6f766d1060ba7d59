"""When a right password from an unknown place is not enough: the owner must be proved by a second way (N30).

* From a network in which a wave of stolen passwords runs: many names failed there within an hour, and those with passwords of
  known breaches count twice.  The bar stands for a day, and the desk is told (services/accounts/waves.py).
* From a part of the world in which the owner never was (net/regions.py), if the owner has a second way at all.
* From another network than the few that the owner has used for months, near as it is (usual_networks.py), if there is a second
  way; with a password of a known breach from any network that the owner has not used.

Places that the owner has used lately, their own browsers and trusted networks are asked nothing, and cost no question.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.net import regions
from mailcore.net.address import place as place_of
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import usual_networks
from mailcore.services.limits import tries
from mailcore.services.limits.throttle import KNOWN_SECONDS, Lane
from mailcore.services.limits.tries import Bound
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials, presence

WAVE = 30  # names that failed from one place within an hour; from a network around it a few times as many
_FAILED, _RAISED = "names that failed", "raised bar"


def find_reason(core: Core, tx: Tx, account: AccountId, lane: Lane) -> Saying | None:
    """Say why the password is not enough in this lane, whose place is not known; None: it is."""
    if is_raised(core, tx, lane.peer):
        return Saying("Somebody tries stolen passwords from the network that you use.")
    asks = core.config.limits.far_log_ins
    if asks != "allow" and _is_far(tx, account, lane.place):
        return Saying("Your account was never opened from this part of the world.")
    if asks == "ask" and _is_unusual(tx, account, lane.place, core.clock.seconds() // tries.DAY):
        return Saying("Your account was never opened from this network.")
    return None


def is_raised(core: Core, tx: Tx, peer: str) -> bool:
    """Say if the bar is raised for a network around the peer."""
    return tries.is_reached(
        core, tx, _RAISED, [Bound(bound.who, 1, tries.DAY) for bound in tries.bounds_of_place(core, peer, WAVE)]
    )


def _is_far(tx: Tx, account: AccountId, place: str) -> bool:
    here = regions.region_of(place)
    if here == regions.UNKNOWN:
        return False
    seen = {regions.region_of(one) for one in presence.list_places(tx, account)} | presence.list_regions(tx, account)
    if not seen or regions.UNKNOWN in seen or here in seen:
        return False
    return presence.has_second_way(tx, account)


def _is_unusual(tx: Tx, account: AccountId, place: str, today: int) -> bool:
    here = usual_networks.network_of(place)
    known = usual_networks.from_text(presence.get_networks(tx, account))
    if not here or not known or here in {one.network for one in known}:
        return False
    if not usual_networks.is_settled(known, today) and not credentials.is_breached(tx, account):
        return False
    if here in {usual_networks.network_of(one) for one in presence.list_places(tx, account)}:
        return False  # of today
    return presence.has_second_way(tx, account)


def count_failure(core: Core, lane: Lane, *, is_listed: bool) -> None:
    """Count a name that failed at a place that is not known for it; raise the bar when it is a wave."""
    if not lane.counted or lane.place != place_of(lane.peer):
        return
    now = core.clock.seconds()

    def write(tx: Tx) -> None:
        if credentials.count_failures_here(tx, lane.account, lane.place, now - tries.HOUR) != 1:
            return  # the same name once more
        if credentials.is_known_place(tx, lane.account, lane.place, now - KNOWN_SECONDS):
            return  # the owner, who mistypes
        bounds = list(tries.bounds_of_place(core, lane.peer, WAVE))
        for _ in range(2 if is_listed else 1):
            tries.count_try(core, tx, _FAILED, bounds)
        for bound in bounds:
            if tries.is_reached(core, tx, _FAILED, [bound]):
                _raise_bar(core, tx, bound.who)

    core.db.write(write)


def _raise_bar(core: Core, tx: Tx, who: str) -> None:
    """Raise the bar for a day, and note it for the desk the first time."""
    if tries.count_if_allowed(core, tx, _RAISED, [Bound(who, 1, tries.DAY)]):
        audit.note(core, tx, None, Event.STUFFING, detail=who.partition(" ")[2])
