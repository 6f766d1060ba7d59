"""Telling everybody that the service ends (N11): a job, some people at a time, until all know.

To the address itself (into the box past quota and scripts, and on to where it is forwarded) and to every contact address, in
the owner's language: at once, at 180, 90, 30 and 7 days and on the last one; and once a month to those who have not read it.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from mailcore.core import Core
from mailcore.domain import ForwardingState
from mailcore.services import audit
from mailcore.services.accounts import sunset
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people import sunset as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.sunset import Person, Sunset

STEPS = (180, 90, 30, 7, 0)  # days before the last one
FIRST = 10_000  # the step of the first notice: more days than any
AGAIN_SECONDS = 30 * 86_400
AT_ONCE = 500  # people in one turn of the job
_ALIVE = (ForwardingState.HEALTHY, ForwardingState.FAILING)


def tell_people(core: Core) -> int:
    """The job; how many were written to."""
    found = core.db.read(store.latest)
    if found is None:
        return 0
    if found.withdrawn_at is not None:
        some = core.db.read(lambda tx: store.to_hear_of_withdrawal(tx, found.id, AT_ONCE))
        for one in some:
            core.db.write(partial(_tell_withdrawn, core, found=found, one=one))
        return len(some)
    sunset.look_into_boxes(core)
    due = core.db.read(lambda tx: store.due(tx, found.id, core.clock.seconds(), AT_ONCE))
    return sum(core.db.write(partial(_turn, core, found=found, one=one)) for one in due)


def _turn(core: Core, tx: Tx, *, found: Sunset, one: Person) -> bool:
    """Write what is due, and say when to look again."""
    now, today = core.clock.seconds(), core.clock.now().astimezone(core.config.zone).date()
    days = (found.ends - today).days
    reached = min((step for step in STEPS if step >= days >= 0), default=FIRST)
    is_first = one.first_at is None or one.step == store.UNTOLD
    month = one.read_at is None and one.told_at is not None and now - one.told_at >= AGAIN_SECONDS and days >= 0
    if not (is_first or reached < one.step or month):
        store.wait(tx, found.id, one.account, _next(found, days, now, is_read=one.read_at is not None))
        return False
    owner = get_account(tx, one.account)
    words = _words(core, found, one)
    store.told(tx, found.id, one.account, reached, now, _next(found, days, now, is_read=one.read_at is not None))
    store.lies_in_box(tx, found.id, one.account, account_notices.deliver_to_inbox(core, tx, owner, "sunset", **words))
    _outside(core, tx, one, "sunset", words)
    audit.note(core, tx, one.account, Event.SUNSET_TOLD, detail=found.ends.isoformat())
    return True


def _next(found: Sunset, days: int, now: int, *, is_read: bool) -> int | None:
    """Return when to check again, in seconds since 1970; None: no more notices are due."""
    coming = [step for step in STEPS if step < days]
    when = [] if is_read or days < 0 else [now + AGAIN_SECONDS]
    if coming:
        day = found.ends - timedelta(days=max(coming))
        when.append(int(datetime(day.year, day.month, day.day, 6, tzinfo=UTC).timestamp()))
    return min(when, default=None)


def _words(core: Core, found: Sunset, one: Person) -> dict[str, str]:
    why = found.words.get(one.language) or found.words.get("nb", "")
    return {
        "display_name": one.display_name or one.name,
        "user": one.name,
        "until": found.ends.strftime("%d.%m.%Y"),
        "why": f"{why}\n\n" if why else "",
        "successor": found.successor or f"{core.config.url}/help",
        "link": sunset.link(core, found, one.account),
    }


def _outside(core: Core, tx: Tx, one: Person, name: str, words: dict[str, str]) -> None:
    owner = get_account(tx, one.account)
    places = account_notices.list_outside_addresses(tx, owner)
    forwarding = get_forwarding(tx, one.account)
    if forwarding.state in _ALIVE and forwarding.target.lower() not in {place.lower() for place in places}:
        places.append(forwarding.target)
    for address in places:
        prepared = notices.prepare(core, name, owner.language, address, **words)
        notices.queue(core, tx, prepared, address, one.account)


def _tell_withdrawn(core: Core, tx: Tx, *, found: Sunset, one: Person) -> None:
    owner, words = get_account(tx, one.account), _words(core, found, one)
    store.told(tx, found.id, one.account, store.WITHDRAWN, core.clock.seconds(), None)
    account_notices.deliver_to_inbox(core, tx, owner, "sunset_withdrawn", **words)
    _outside(core, tx, one, "sunset_withdrawn", words)
    audit.note(core, tx, one.account, Event.SUNSET_TAKEN_BACK, detail=found.ends.isoformat())
