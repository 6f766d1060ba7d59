"""A year in which a thousand people leave, each in their own way, and nobody is locked out (N8)."""
# ruff: noqa: F811 - pytest hands fixtures to parameters of their names

import random
import re
from datetime import date, timedelta

import pytest

from mailcore.clock import Clock
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts, affiliations, leaving
from mailcore.services.credentials import contact_addresses, credentials, passwords
from mailcore.services.credentials.directory import Entry
from mailcore.services.operations import jobs
from mailcore.services.signin import password_requests, recovery
from tests.readers import text_of
from tests.services.test_leaving import TODAY, alone, enter  # noqa: F401 - a fixture


class _Fleeting:
    """A directory of which people go, each on their day; the rest is the service's own: its jobs, its mail, its log-in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.people: dict[str, Entry] = {}

    def list_people(self) -> list[Entry]:
        return [entry for entry in self.people.values() if not entry.has_ended(self._clock.now().date())]


class _Mail:
    """New mail of each person since the last look: in the mailbox, and at the contact address."""

    def __init__(self, core: Core) -> None:
        self._core, self._item = core, 0

    def new(self) -> dict[str, str]:
        def read(tx):
            boxes = tx.rows(
                "SELECT a.name, m.uid, o.octets FROM message m JOIN mailbox b ON b.id=m.mailbox "
                "JOIN account a ON a.id=b.account_id JOIN blob_octets o ON o.blob=m.blob WHERE m.saved_at>=?",
                self._core.clock.seconds(),
            )
            queue = tx.rows(
                "SELECT q.id, q.recipient, o.octets FROM queue q JOIN blob_octets o ON o.blob=q.blob WHERE q.id>?",
                self._item,
            )
            return boxes, queue

        boxes, queue = self._core.db.read(read)
        found: dict[str, str] = {}
        for name, _uid, octets in boxes:
            found[name] = found.get(name, "") + text_of(bytes(octets))
        for number, recipient, octets in queue:
            name = recipient.partition("@")[0]
            found[name] = found.get(name, "") + text_of(bytes(octets))
            self._item = max(self._item, number)
        return found


def _setning(name: str) -> str:
    return f"setning for {name} alene"


class _Person:
    """Does what somebody of that kind does with what comes by mail, and nothing unless it comes.

    first: chooses at the first word; second: chooses then, but tries the password only when asked to; last: does nothing until
    the last day; gone: only by the link that comes afterwards; never: reads nothing; unreached: the same, and has no contact.
    """

    def __init__(self, core: Core, account: Account, kind: str) -> None:
        self.core, self.account, self.kind, self.is_in_use = core, account, kind, False

    def reads(self, text: str, days_left: int) -> None:
        asked, link = "/password/choose" in text, re.search(r"/password/link/(\S+)", text)
        if self.kind in ("first", "second") and asked and not self._has_chosen():
            credentials.set_password(self.core, self.account.id, _setning(self.account.name))
            if self.kind == "first":
                self.logs_in()
        elif self.kind == "second" and self._has_chosen() and "/login" in text:
            self.logs_in()
        elif self.kind == "last" and asked and days_left == 0:
            credentials.set_password(self.core, self.account.id, _setning(self.account.name))
            self.logs_in()
        elif self.kind == "gone" and link:
            credentials.redeem_link(self.core, link[1], _setning(self.account.name))
            self.logs_in()

    def _has_chosen(self) -> bool:
        look = leaving.find_outlook(self.core, self.account.id)
        return look is not None and look.chosen

    def logs_in(self) -> None:
        assert enter(self.core, self.account.name, _setning(self.account.name)).source == "alumni"
        self.is_in_use = True


@pytest.mark.slow
def test_n8_of_a_thousand_people_who_leave_within_a_year_nobody_is_locked_out(alone, clock, monkeypatch):
    """The jobs run day by day as they do in production; people act on the mail that they get, or not at all.

    Argon2 is replaced by a plain mark: ten thousand runs of it would prove nothing here.
    """
    monkeypatch.setattr(passwords, "hash_password", lambda password: "$argon2id$plain$" + password)
    monkeypatch.setattr(credentials, "hash_password", lambda password: "$argon2id$plain$" + password)
    monkeypatch.setattr(passwords, "matches", lambda hashed, password: hashed == "$argon2id$plain$" + password)
    monkeypatch.setattr(passwords, "needs_rehash", lambda hashed: False)
    fleeting = _Fleeting(clock)
    monkeypatch.setattr(affiliations, "get_directory", lambda core: fleeting)
    chance = random.Random(2026)  # noqa: S311 - a test
    kinds = ("first", "second", "last", "gone", "never", "unreached")
    people: dict[str, tuple[_Person, date]] = {}
    for number in range(1000):
        name = f"p{number:04}"
        made = accounts.add_account(alone, name, person=name, contact=f"{name}@home.example")
        kind = chance.choices(kinds, (25, 10, 20, 20, 15, 10))[0]
        if kind != "unreached":
            alone.db.write(lambda tx, made=made: contact_addresses.mark_verified(alone, tx, made.id, made.contact))
        until = TODAY + timedelta(days=chance.randrange(1, 365))
        fleeting.people[name] = Entry(f"uid={name}", name, name, ("student",), until)
        people[name] = (_Person(alone, made, kind), until)
    daily = [job for job in jobs.list_jobs(alone) if job.run is leaving.send_reminders or job.name == "directory sync"]
    assert len(daily) == 2
    mail = _Mail(alone)
    mail.new()  # the welcome
    for _ in range(400):
        clock.forward(days=1)
        for job in reversed(daily):
            assert jobs.run_due(alone, job)
        for name, text in mail.new().items():
            person, until = people[name]
            person.reads(text, (until - clock.now().date()).days)
    assert alone.db.read(lambda tx: tx.rows("SELECT problem FROM job WHERE problem<>''")) == []
    at_risk = {leaver.name for leaver in leaving.list_at_risk(alone)}
    for name, (person, _until) in people.items():
        if person.kind in ("first", "second", "last", "gone"):
            assert person.is_in_use  # it was tried while there was time
            person.logs_in()
            assert name not in at_risk
            continue
        assert name in at_risk  # the desk sees everyone who did nothing
        if person.kind == "never":  # the last link may be too old: "forgotten password" sends a new one
            password_requests.send_links(alone, name)
            link = re.search(r"/password/link/(\S+)", mail.new()[name])[1]
        else:  # nobody can be reached who confirmed no address: the desk lets them in
            link = recovery.issue_link(alone, name, agent="command line", proof="came in person").link.rpartition("/")[
                2
            ]
        credentials.redeem_link(alone, link, _setning(name))
        person.logs_in()
