"""Notices that the service ends (N11): sent by a job, some people at a time, until everybody has one.

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


def notify_people(core: Core) -> int:
    """Send the notices that are due, as a job; return how many people were written to."""
    current = core.db.read(store.find_latest)
    if current is None:
        return 0
    if current.withdrawn_at is not None:
        persons = core.db.read(lambda tx: store.list_to_hear_of_withdrawal(tx, current.id, AT_ONCE))
        for person in persons:
            core.db.write(partial(_notify_withdrawn, core, current=current, person=person))
        return len(persons)
    sunset.record_seen_notices(core)
    due = core.db.read(lambda tx: store.list_due(tx, current.id, core.clock.seconds(), AT_ONCE))
    return sum(core.db.write(partial(_notify_if_due, core, current=current, person=person)) for person in due)


def _notify_if_due(core: Core, tx: Tx, *, current: Sunset, person: Person) -> bool:
    """Send the notice that is due, and save when to check again."""
    now, today = core.clock.seconds(), core.clock.now().astimezone(core.config.zone).date()
    days = (current.ends - today).days
    step = min((step for step in STEPS if step >= days >= 0), default=FIRST)
    is_first = person.first_at is None or person.step == store.UNTOLD
    is_monthly_due = (
        person.read_at is None and person.told_at is not None and now - person.told_at >= AGAIN_SECONDS and days >= 0
    )
    if not (is_first or step < person.step or is_monthly_due):
        store.save_next_at(
            tx, current.id, person.account, _next_check(current, days, now, is_read=person.read_at is not None)
        )
        return False
    owner = get_account(tx, person.account)
    words = _words(core, current, person)
    store.save_notice(
        tx, current.id, person.account, step, now, _next_check(current, days, now, is_read=person.read_at is not None)
    )
    store.save_notice_in_box(
        tx, current.id, person.account, account_notices.deliver_to_inbox(core, tx, owner, "sunset", **words)
    )
    _send_outside(core, tx, person, "sunset", words)
    audit.note(core, tx, person.account, Event.SUNSET_TOLD, detail=current.ends.isoformat())
    return True


def _next_check(current: Sunset, days: int, now: int, *, is_read: bool) -> int | None:
    """Return when to check again, in seconds since 1970; None: no more notices are due."""
    coming = [step for step in STEPS if step < days]
    times = [] if is_read or days < 0 else [now + AGAIN_SECONDS]
    if coming:
        day = current.ends - timedelta(days=max(coming))
        times.append(int(datetime(day.year, day.month, day.day, 6, tzinfo=UTC).timestamp()))
    return min(times, default=None)


def _words(core: Core, current: Sunset, person: Person) -> dict[str, str]:
    reason = current.words.get(person.language) or current.words.get("nb", "")
    return {
        "display_name": person.display_name or person.name,
        "user": person.name,
        "until": current.ends.strftime("%d.%m.%Y"),
        "why": f"{reason}\n\n" if reason else "",
        "successor": current.successor or f"{core.config.url}/help",
        "link": sunset.format_link(core, current, person.account),
    }


def _send_outside(core: Core, tx: Tx, person: Person, name: str, words: dict[str, str]) -> None:
    owner = get_account(tx, person.account)
    places = account_notices.list_outside_addresses(tx, owner)
    forwarding = get_forwarding(tx, person.account)
    if forwarding.state in _ALIVE and forwarding.target.lower() not in {place.lower() for place in places}:
        places.append(forwarding.target)
    for address in places:
        prepared = notices.prepare(core, name, owner.language, address, **words)
        notices.queue(core, tx, prepared, address, person.account)


def _notify_withdrawn(core: Core, tx: Tx, *, current: Sunset, person: Person) -> None:
    owner, words = get_account(tx, person.account), _words(core, current, person)
    store.save_notice(tx, current.id, person.account, store.WITHDRAWN, core.clock.seconds(), None)
    account_notices.deliver_to_inbox(core, tx, owner, "sunset_withdrawn", **words)
    _send_outside(core, tx, person, "sunset_withdrawn", words)
    audit.note(core, tx, person.account, Event.SUNSET_TAKEN_BACK, detail=current.ends.isoformat())
