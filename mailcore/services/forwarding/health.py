"""The health of a forwarding: the target's replies by kind, and a test message (N2, N4).

The test message is sent as forwarded mail is (queue, envelope sender of ours, DKIM, ARC), so it fares as the rest does.
Only the owner can see in which mailbox of the target it ended.
"""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import AccountId, ForwardingState
from mailcore.errors import ForwardingRefused, NotAllowed, TooMany
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.forwarding import bounces
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward, probes
from mailcore.store.forwarding.onward import Onward
from mailcore.store.forwarding.probes import Probe, ProbePlace
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import enqueue_mail

SHOWN = 6
WINDOW_SECONDS = 30 * 86_400
PROBES_A_DAY = 3


class ReplyKind(StrEnum):
    """Kinds of replies, by what they mean for the owner."""

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
_WORDS: tuple[tuple[ReplyKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        (
            ReplyKind.UNAUTHENTICATED,
            r"\bdmarc\b|\bspf\b|\bdkim\b|unauthenticated|authentication (required|failed|check)",
        ),
        (ReplyKind.BLOCKED, r"spamhaus|block ?list|black ?list|\brbl\b|reputation|\bS3140\b|blocked|banned"),
        (ReplyKind.SLOWED, r"grey ?list|gray ?list|rate|too many|throttl|deferred due to|try again in|unusual"),
        (ReplyKind.SPAM, r"\bspam\b|\bspammy\b|unsolicited|content rejected|\bjunk\b|virus|malware"),
        (ReplyKind.FULL_THERE, r"quota|mailbox (is )?full|over ?quota|insufficient (system )?storage|out of storage"),
        (
            ReplyKind.UNKNOWN_THERE,
            r"user unknown|unknown user|no such (user|recipient|mailbox|address|person)|does not exist"
            r"|nobody here|mailbox unavailable|recipient (address )?rejected|not found|disabled",
        ),
        (ReplyKind.TOO_LARGE, r"too (large|big)|size (limit|exceed)|exceeds"),
    )
)
_CODES: dict[tuple[int, int], ReplyKind] = {
    (1, 1): ReplyKind.UNKNOWN_THERE,
    (1, 2): ReplyKind.UNREACHABLE,
    (1, 10): ReplyKind.UNREACHABLE,
    (1, 3): ReplyKind.UNKNOWN_THERE,
    (1, 6): ReplyKind.UNKNOWN_THERE,
    (2, 1): ReplyKind.UNKNOWN_THERE,
    (2, 2): ReplyKind.FULL_THERE,
    (2, 3): ReplyKind.TOO_LARGE,
    (3, 4): ReplyKind.TOO_LARGE,
    (4, 1): ReplyKind.UNREACHABLE,
    (4, 4): ReplyKind.UNREACHABLE,
    (7, 20): ReplyKind.UNAUTHENTICATED,
    (7, 23): ReplyKind.UNAUTHENTICATED,
    (7, 25): ReplyKind.BLOCKED,
    (7, 26): ReplyKind.UNAUTHENTICATED,
    (7, 27): ReplyKind.UNREACHABLE,
    (7, 28): ReplyKind.SLOWED,
}


def classify_reply(code: int, reply: str) -> ReplyKind:
    """Classify a server's reply (RFC 5321 section 4.2, RFC 3463, RFC 7372); by its words where codes say too little.

    Args:
        code: the SMTP reply code; 0 if the server could not be reached.
    """
    if not code:
        return ReplyKind.UNREACHABLE
    if 200 <= code < 300:
        return ReplyKind.TAKEN
    enhanced = _ENHANCED.search(reply)
    if enhanced and (kind := _CODES.get((int(enhanced[2]), int(enhanced[3])))):
        return kind
    for kind, words in _WORDS:
        if words.search(reply):
            return kind
    return ReplyKind.LATER if 400 <= code < 500 else ReplyKind.REFUSED


@dataclass(frozen=True, slots=True)
class ClassifiedReply:
    """One of the last attempts, and the kind of reply that it got."""

    attempt: Onward
    kind: ReplyKind


@dataclass(frozen=True, slots=True)
class Health:
    """A forwarding's results of the last thirty days.

    Attributes:
        filtered: the owner found the last test message in the junk mail, or nowhere.
    """

    delivered: int
    refused: int
    waiting: int
    answers: tuple[ClassifiedReply, ...]
    probe: Probe | None

    @property
    def filtered(self) -> bool:
        return self.probe is not None and self.probe.place in (ProbePlace.SPAM, ProbePlace.MISSING)


def get_health(core: Core, account: AccountId) -> Health:
    """Count the results of the account's forwarding, with the last replies and the last test message."""

    def read(tx: Tx) -> Health:
        counts = onward.count_results(tx, account, core.clock.seconds() - WINDOW_SECONDS)
        answers = tuple(
            ClassifiedReply(last, classify_reply(last.code, last.reply))
            for last in onward.list_latest(tx, account, SHOWN)
        )
        target = get_forwarding(tx, account).target
        return Health(
            counts.get("delivered", 0),
            counts.get("refused", 0),
            counts.get("waiting", 0),
            answers,
            probes.find_last_probe(tx, account, target) if target else None,
        )

    return core.db.read(read)


def send_probe(core: Core, account: AccountId) -> Probe:
    """Queue a test message to the target.

    Raises:
        ForwardingRefused: nothing is forwarded.
        TooMany: three were sent today.
    """
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
        address=owner.address(core.config.domain),
        code=code,
    )

    def store(tx: Tx) -> Probe:
        at = core.clock.seconds()
        if probes.count_probes(tx, account, at - 86_400) >= PROBES_A_DAY:
            raise TooMany(Saying("You have sent enough test messages today. Try again tomorrow."))
        sender = bounces.make_return_address(
            core, tx, account, sender=notices.sender_address(core), target=now.target, content=prepared.name, now=at
        )
        [item] = enqueue_mail(
            tx,
            core.blobs,
            sender=sender,
            recipients=[now.target],
            prepared=prepared,
            prefix=b"",
            account=account,
            origin="forward",
            now=at,
        )
        onward.add_message(tx, item, account, prepared.name, now.target, at)
        probes.add_probe(tx, account, now.target, code, item, at)
        audit.note(core, tx, account, Event.FORWARDING_TESTED, actor=owner.name, detail=now.target)
        probe = probes.find_last_probe(tx, account, now.target)
        assert probe is not None  # noqa: S101 - it was just put there
        return probe

    return core.db.write(store)


def record_probe_place(core: Core, account: AccountId, probe_id: int, place: str) -> None:
    """Save where the owner found the test message.

    Args:
        place: a value of ProbePlace.

    Raises:
        NotAllowed: there is no such place, or no such test message.
    """
    try:
        known_place = ProbePlace(place)
    except ValueError:
        raise NotAllowed(Saying("There is no such place.")) from None

    def store(tx: Tx) -> None:
        if not probes.save_place(tx, account, probe_id, known_place, core.clock.seconds()):
            raise NotAllowed(Saying("There is no such test message."))
        audit.note(core, tx, account, Event.FORWARDING_TEST_FOUND, detail=place)

    core.db.write(store)
