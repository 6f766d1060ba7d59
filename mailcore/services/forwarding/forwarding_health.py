"""The health of a forwarding: the target's replies, in kinds that people have words for, and a test message (N2, N4).

The test message takes the way of forwarded mail (queue, envelope sender of ours, signature, seal), so what becomes of it is
what becomes of the rest.  Only the owner can see where it ended.
"""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import AccountId, ForwardingState
from mailcore.errors import ForwardingRefused, NotAllowed, Saying, TooMany
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.forwarding import bounces
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward, probes
from mailcore.store.forwarding.onward import Onward
from mailcore.store.forwarding.probes import Probe
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people.accounts import get_account

SHOWN = 6
WINDOW_SECONDS = 30 * 86_400
PROBES_A_DAY = 3
FOUND = ("inbox", "spam", "missing")


class Kind(StrEnum):
    """The kinds of replies, by what they mean for the owner."""

    TAKEN = "taken"
    UNKNOWN_THERE = "unknown there"
    FULL_THERE = "full there"
    TOO_LARGE = "too large"
    UNAUTHENTICATED = "unauthenticated"  # DMARC, SPF or DKIM did not satisfy them
    SPAM = "spam"
    BLOCKED = "blocked"  # our address is on somebody's list
    SLOWED = "slowed"  # greylisting, rate limits
    UNREACHABLE = "unreachable"
    LATER = "later"
    REFUSED = "refused"


_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        (Kind.UNAUTHENTICATED, r"\bdmarc\b|\bspf\b|\bdkim\b|unauthenticated|authentication (required|failed|check)"),
        (Kind.BLOCKED, r"spamhaus|block ?list|black ?list|\brbl\b|reputation|\bS3140\b|blocked|banned"),
        (Kind.SLOWED, r"grey ?list|gray ?list|rate|too many|throttl|deferred due to|try again in|unusual"),
        (Kind.SPAM, r"\bspam\b|\bspammy\b|unsolicited|content rejected|\bjunk\b|virus|malware"),
        (Kind.FULL_THERE, r"quota|mailbox (is )?full|over ?quota|insufficient (system )?storage|out of storage"),
        (
            Kind.UNKNOWN_THERE,
            r"user unknown|unknown user|no such (user|recipient|mailbox|address|person)|does not exist"
            r"|nobody here|mailbox unavailable|recipient (address )?rejected|not found|disabled",
        ),
        (Kind.TOO_LARGE, r"too (large|big)|size (limit|exceed)|exceeds"),
    )
)
_CODES: dict[tuple[int, int], Kind] = {
    (1, 1): Kind.UNKNOWN_THERE, (1, 2): Kind.UNREACHABLE, (1, 10): Kind.UNREACHABLE, (1, 3): Kind.UNKNOWN_THERE,
    (1, 6): Kind.UNKNOWN_THERE, (2, 1): Kind.UNKNOWN_THERE, (2, 2): Kind.FULL_THERE, (2, 3): Kind.TOO_LARGE,
    (3, 4): Kind.TOO_LARGE, (4, 1): Kind.UNREACHABLE, (4, 4): Kind.UNREACHABLE, (7, 20): Kind.UNAUTHENTICATED,
    (7, 23): Kind.UNAUTHENTICATED, (7, 25): Kind.BLOCKED, (7, 26): Kind.UNAUTHENTICATED, (7, 27): Kind.UNREACHABLE,
    (7, 28): Kind.SLOWED,
}  # fmt: skip


def kind_of(code: int, reply: str) -> Kind:
    """Classify a server's reply (RFC 5321 section 4.2, RFC 3463, RFC 7372); by its words where codes say too little.

    Args:
        code: of SMTP; 0 = it could not be reached.
    """
    if not code:
        return Kind.UNREACHABLE
    if 200 <= code < 300:
        return Kind.TAKEN
    found = _ENHANCED.search(reply)
    if found and (kind := _CODES.get((int(found[2]), int(found[3])))):
        return kind
    for kind, words in _WORDS:
        if words.search(reply):
            return kind
    return Kind.LATER if 400 <= code < 500 else Kind.REFUSED


@dataclass(frozen=True, slots=True)
class Answered:
    """One of the last answers."""

    told: Onward
    kind: Kind


@dataclass(frozen=True, slots=True)
class Health:
    """Counts are of the last thirty days.

    Attributes:
        filtered: the owner found the last test message in the junk mail, or nowhere.
    """

    delivered: int
    refused: int
    waiting: int
    answers: tuple[Answered, ...]
    probe: Probe | None

    @property
    def filtered(self) -> bool:
        return self.probe is not None and self.probe.found in ("spam", "missing")


def health(core: Core, account: AccountId) -> Health:
    def read(tx: Tx) -> Health:
        counts = onward.counts(tx, account, core.clock.seconds() - WINDOW_SECONDS)
        answers = tuple(Answered(told, kind_of(told.code, told.reply)) for told in onward.latest(tx, account, SHOWN))
        target = get_forwarding(tx, account).target
        return Health(
            counts.get("delivered", 0),
            counts.get("refused", 0),
            counts.get("waiting", 0),
            answers,
            probes.last(tx, account, target) if target else None,
        )

    return core.db.read(read)


def send_probe(core: Core, account: AccountId) -> Probe:
    """Queue a test message to the target.  Raises ForwardingRefused, TooMany."""
    owner, now = core.db.read(lambda tx: (get_account(tx, account), get_forwarding(tx, account)))
    if now.state in (ForwardingState.OFF, ForwardingState.UNCONFIRMED):
        raise ForwardingRefused(Saying("There is no forwarding to test."))
    code = secrets.token_hex(3).upper()
    prepared = notices.prepare(
        core,
        "forwarding_probe",
        owner.language,
        now.target,
        display_name=owner.display_name or owner.name,
        address=f"{owner.name}@{core.config.domain}",
        code=code,
    )

    def store(tx: Tx) -> Probe:
        at = core.clock.seconds()
        if probes.count(tx, account, at - 86_400) >= PROBES_A_DAY:
            raise TooMany(Saying("You have sent enough test messages today. Try again tomorrow."))
        sender = bounces.address_for(
            core, tx, account, sender=notices.sender_address(core), target=now.target, content=prepared.name, now=at
        )
        [item] = core.queue.enqueue(
            tx,
            sender=sender,
            recipients=[now.target],
            prepared=prepared,
            prefix=b"",
            account=account,
            origin="forward",
            now=at,
        )
        onward.begin(tx, item, account, prepared.name, now.target, at)
        probes.add(tx, account, now.target, code, item, at)
        audit.note(core, tx, account, Event.FORWARDING_TESTED, actor=owner.name, detail=now.target)
        found = probes.last(tx, account, now.target)
        assert found is not None  # noqa: S101 - it was just put there
        return found

    return core.db.write(store)


def tell(core: Core, account: AccountId, probe: int, found: str) -> None:
    """Save where the owner found the test message.  Raises NotAllowed."""
    if found not in FOUND:
        raise NotAllowed(Saying("There is no such place."))

    def store(tx: Tx) -> None:
        if not probes.tell(tx, account, probe, found, core.clock.seconds()):
            raise NotAllowed(Saying("There is no such test message."))
        audit.note(core, tx, account, Event.FORWARDING_TEST_FOUND, detail=found)

    core.db.write(store)
