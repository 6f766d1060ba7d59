"""Moving day: an owner's way out of their address, counted down to moved (N31).

What hangs on the address (services/transfer/moving_scan.py), a message to those who write (moving_letters.py), forwarding, the
take-out, the new address for those who will write to the old one.  Nothing here closes anything: who stays loses nothing.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mailcore.core import Core
from mailcore.domain import AccountId, Correspondent, ForwardingState, Registration
from mailcore.errors import InvalidName
from mailcore.saying import Saying
from mailcore.services.accounts import sunset
from mailcore.services.audit import Event
from mailcore.services.credentials import contact_addresses
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people import moving_day as store
from mailcore.store.people.audit import find_last_event

SERVICES_SHOWN, PEOPLE_SHOWN = 30, 50
MAX_KEYS = 200  # in one form
TAKE_OUT_SECONDS = 30 * 86_400  # an older file is no longer all of it
SCAN_SECONDS = 2.0  # of a request; a job goes on
ALL = 100_000
_COLUMNS = ("service", "kind", "host", "address that wrote", "first mail", "last mail", "page", "done")


@dataclass(frozen=True, slots=True)
class Moving:
    """How far an owner has come.

    Attributes:
        state: of the scan: "" (never), running or done; `percent` of its messages are read.
        until: the day by which the owner wants to have moved; the service's last day where its end is announced.
        services_done, services, people: what was found; `people` by the state of their message.
        new_address: where mail may follow; told by closing the account, or at the end of the service.
        taken_out: everything was fetched lately.
    """

    state: str
    percent: int
    until: date | None
    days: int
    services_done: int
    services: int
    people: dict[str, int]
    new_address: str
    taken_out: bool
    forwards: bool

    @property
    def steps(self) -> tuple[bool, ...]:
        """Say of each step whether it is done: the services, the messages, the take-out, the new address."""
        return (
            self.state == "done" and self.services_done == self.services,
            self.state == "done"
            and not self.people.get("chosen")
            and (bool(self.people.get("sent")) or not sum(self.people.values())),
            self.taken_out,
            bool(self.new_address),
        )

    @property
    def done_percent(self) -> int:
        """Half for the services, each by its part; half for the other steps."""
        services = self.services_done / self.services if self.services else float(self.state == "done")
        others = self.steps[1:]
        return int(50 * services + 50 * sum(others) / len(others))

    @property
    def is_moved(self) -> bool:
        return all(self.steps)


def read_moving(core: Core, account: AccountId) -> Moving:
    """Return how far the owner has come."""
    now, today = core.clock.seconds(), core.clock.now().astimezone(core.config.zone).date()
    announced = sunset.find_person(core, account)
    ending = sunset.find_current(core)

    def read(tx: Tx) -> Moving:
        plan = store.read_plan(tx, account)
        done, services = store.count_services(tx, account)
        taken = find_last_event(tx, account, Event.TAKEN_OUT)
        until = date.fromisoformat(plan.until) if plan.until else ending.ends if ending else None
        return Moving(
            plan.state,
            min(99, plan.done * 100 // plan.total) if plan.total else 0,
            until,
            max(0, (until - today).days) if until else 0,
            done,
            services,
            store.count_people(tx, account),
            plan.new_address or (announced.new_address if announced else ""),
            taken is not None and now - taken <= TAKE_OUT_SECONDS,
            get_forwarding(tx, account).state is ForwardingState.HEALTHY,
        )

    return core.db.read(read)


def list_services(core: Core, account: AccountId, page: int = 0) -> list[Registration]:
    """List a page of the services that were found, those first that are not done."""
    return core.db.read(lambda tx: store.list_services(tx, account, SERVICES_SHOWN, page * SERVICES_SHOWN))


def list_people(core: Core, account: AccountId, page: int = 0) -> list[Correspondent]:
    """List a page of the people who write, those first whom the owner has written to."""
    return core.db.read(lambda tx: store.list_people(tx, account, PEOPLE_SHOWN, page * PEOPLE_SHOWN))


def tick_services(core: Core, account: AccountId, shown: Sequence[str], ticked: Sequence[str]) -> None:
    """Save which of the services that were shown are done."""
    shown, done = shown[:MAX_KEYS], set(ticked)

    def write(tx: Tx) -> None:
        store.set_done(tx, account, [key for key in shown if key in done], done=True)
        store.set_done(tx, account, [key for key in shown if key not in done], done=False)

    core.db.write(write)


def save_wishes(core: Core, account: AccountId, until: date | None, new_address: str) -> None:
    """Save the day, and the new address; "" removes it.

    Raises:
        InvalidName: it is no address, or one of ours.
    """
    if until is not None and until < core.clock.now().astimezone(core.config.zone).date():
        raise InvalidName(Saying("That day is over. Choose a later one, or none."))
    checked = contact_addresses.check_new_address(core, new_address)
    core.db.write(lambda tx: store.save_wishes(tx, account, until.isoformat() if until else "", checked))


def find_new_address(core: Core, account: AccountId) -> str:
    """Return the new address that the owner has named, or ""."""
    return core.db.read(lambda tx: store.read_plan(tx, account).new_address)


def list_all(core: Core, account: AccountId) -> tuple[list[Registration], list[Correspondent]]:
    """List everything that was found, for the take-out."""
    return core.db.read(
        lambda tx: (store.list_services(tx, account, ALL), store.list_people(tx, account, ALL)),
    )


def format_csv(services: Sequence[Registration]) -> str:
    """Format services for a spreadsheet; what it would take for a formula is escaped: strangers wrote it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for one in services:
        cells = (
            one.name, one.kind.value, one.host, one.address, f"{one.first_at:%Y-%m-%d}", f"{one.last_at:%Y-%m-%d}", one.link,
            "yes" if one.done else "",
        )  # fmt: skip
        rows.writerow([sunset.escape_formula(cell) for cell in cells])
    return text.getvalue()
