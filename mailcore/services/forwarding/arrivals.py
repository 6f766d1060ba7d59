"""The share of forwarded mail that each large provider took in thirty days, from its own replies (N42).

Counted by a job, from what the queue was answered for every forwarded message, without any sample.  A provider is shown by name
where enough people forward there that nobody is told of; the others are one line.  What a provider refused because the owner's
mailbox there was full or gone says nothing of how mail arrives, and is told apart.
"""

import json
from dataclasses import asdict, dataclass
from functools import partial

from mailcore.core import Core
from mailcore.services.forwarding.health import ReplyKind, classify_reply
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import arrivals as store

WINDOW_SECONDS = 30 * 86_400
PEOPLE, MESSAGES = 10, 100  # at least, for a provider to be named
OTHERS = ""
# ends of the names of the hosts that take mail, or of the domains of addresses where no host answered
_PROVIDERS = (
    ("Google", ("google.com", "googlemail.com", "gmail.com")),
    ("Microsoft", ("outlook.com", "hotmail.com", "live.com", "live.no", "msn.com", "hotmail.no", "office365.us")),
    ("Yahoo", ("yahoodns.net", "yahoo.com", "yahoo.no", "aol.com")),
    ("Apple", ("icloud.com", "apple.com", "me.com", "mac.com")),
    ("Proton", ("protonmail.ch", "proton.me", "protonmail.com")),
    ("Fastmail", ("messagingengine.com", "fastmail.com")),
    ("GMX and WEB.DE", ("gmx.net", "gmx.de", "web.de", "mail.com")),
    ("Telenor", ("telenor.net", "online.no")),
    ("Domeneshop", ("domeneshop.no",)),
    ("One.com", ("one.com",)),
)
_ABOUT_THE_BOX = (ReplyKind.FULL_THERE, ReplyKind.UNKNOWN_THERE)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Results of one provider; "" is all the others.

    Attributes:
        about_box: refused because the mailbox there was full or gone.
        inbox, spam, missing: where owners found the test messages that they sent themselves.
    """

    provider: str
    taken: int = 0
    refused: int = 0
    about_box: int = 0
    waiting: int = 0
    people: int = 0
    inbox: int = 0
    spam: int = 0
    missing: int = 0

    @property
    def answered(self) -> int:
        return self.taken + self.refused

    @property
    def permille(self) -> int:
        """Return the share that was taken, in thousandths, rounded down: 1000 says that nothing was refused."""
        return self.taken * 1000 // self.answered if self.answered else 0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The last count; `at` in seconds since 1970."""

    at: int
    rows: tuple[Arrival, ...]


def find_provider(host: str, domain: str) -> str:
    """Return the provider by the host that answered, or by the address's domain where none did."""
    name = (host or domain).lower().rstrip(".")
    for provider, ends in _PROVIDERS:
        if any(name == end or name.endswith(f".{end}") for end in ends):
            return provider
    return OTHERS


def count_arrivals(core: Core) -> Arrivals:
    """Count what providers answered in the last thirty days, and save it; a job."""
    now = core.clock.seconds()
    counted = Arrivals(now, _fold(core.db.read(partial(_count, since=now - WINDOW_SECONDS))))
    core.db.write(lambda tx: store.save_counted(tx, json.dumps(asdict(counted))))
    return counted


def find_arrivals(core: Core) -> Arrivals | None:
    """Return the last count, or None before the first."""
    saved = core.db.read(store.find_counted)
    if not saved:
        return None
    counted = json.loads(saved)
    return Arrivals(counted["at"], tuple(Arrival(**row) for row in counted["rows"]))


def _count(tx: Tx, *, since: int) -> list[Arrival]:
    """Count each provider."""
    sums: dict[str, dict[str, int]] = {}
    people: dict[str, set[int]] = {}

    def add(provider: str, field: str, count: int) -> None:
        of_provider = sums.setdefault(provider, {})
        of_provider[field] = of_provider.get(field, 0) + count

    for host, domain, state, code, reply, count in store.list_results(tx, since):
        provider = find_provider(host, domain)
        if state == "delivered":
            add(provider, "taken", count)
        elif state == "refused":
            is_about_box = classify_reply(code, reply) in _ABOUT_THE_BOX
            add(provider, "about_box" if is_about_box else "refused", count)
        elif state == "waiting":
            add(provider, "waiting", count)
    for host, domain, account in store.list_owners(tx, since):
        people.setdefault(find_provider(host, domain), set()).add(account)
    for domain, place, count in store.list_probes(tx, since):
        add(find_provider("", domain), place, count)
    return [Arrival(provider, people=len(people.get(provider, ())), **counts) for provider, counts in sums.items()]


def _fold(counted: list[Arrival]) -> tuple[Arrival, ...]:
    """Return the named providers by size, and the others together at the end."""
    named = [one for one in counted if one.provider and one.people >= PEOPLE and one.answered >= MESSAGES]
    rest = [one for one in counted if one not in named]
    named.sort(key=lambda one: (-one.answered, one.provider))
    if not rest:
        return tuple(named)
    names = ("taken", "refused", "about_box", "waiting", "people", "inbox", "spam", "missing")
    return (*named, Arrival(OTHERS, **{name: sum(getattr(one, name) for one in rest) for name in names}))
