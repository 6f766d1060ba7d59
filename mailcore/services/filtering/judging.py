"""Our own spam filter: a message is judged by its signs (mail/judging), for each owner, before anything is written.

Four sources are added up: the start-up model that comes with the program, what administrators trained, what at least two owners
say, and what this owner says, which weighs most.  Where another filter has given a score, that one counts and ours stands beside.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, Scan, Verdict
from mailcore.log import log_for
from mailcore.mail.judging import model, programs
from mailcore.mail.judging.arithmetic import NEUTRAL, Judgement, Source, judge
from mailcore.mail.judging.evidence import list_evidence
from mailcore.mail.judging.impersonation import find_impersonations
from mailcore.mail.judging.model import BrokenModel, Model, number_of
from mailcore.mail.judging.signs import is_portable, list_signs
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import forget
from mailcore.services.filtering import sender_reputation
from mailcore.store.delivery import spam_signs
from mailcore.store.delivery.spam_signs import OWNERS, TRAINED
from mailcore.store.engine.db import Tx

log = log_for(__name__)
# the bar of the first day, and that of an owner who has taught ENOUGH messages: who sorts their mail is judged more finely
BARS = {"low": 0.98, "normal": 0.93, "strict": 0.85}
TAUGHT_BARS = {"low": 0.8, "normal": 0.55, "strict": 0.4}
ENOUGH = 30
OWN_WEIGHT = 3.0
UNSURE_ABOVE = 0.1  # from here on it is worth knowing what the owner does with it
SMALL = 16_384  # octets; judging these takes less than a thread and back
REASONS = 6
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
GTUBE_WITHIN = 65_536  # octets
Judged = tuple[tuple[AccountId, Scan], ...]


@lru_cache(maxsize=1)
def get_startup_model() -> Model:
    """Return the model that comes with the program; the empty one, told once, where that is missing or broken."""
    try:
        return model.read_model((resources.files("mailcore.services.filtering") / "startup.model").read_bytes())
    except (OSError, BrokenModel) as problem:
        log.error("the spam filter has no start-up model, and knows only what it is taught: %s", problem)
        return model.EMPTY


async def judge_message(
    core: Core, envelope: Envelope, message: Message, verdict: Verdict, accounts: Collection[AccountId]
) -> Judged:
    """Judge a message from outside for each owner; empty where the filter is off."""
    if core.config.filter.level == "off" or not accounts:
        return ()
    owners = list(dict.fromkeys(accounts))
    if message.size <= SMALL:
        return core.db.read(lambda tx: judge_for(core, tx, envelope, message, verdict, owners))
    try:
        return await core.db.aread(lambda tx: judge_for(core, tx, envelope, message, verdict, owners))
    finally:
        forget(message.octets)


def judge_for(
    core: Core, tx: Tx, envelope: Envelope, message: Message, verdict: Verdict, owners: Sequence[AccountId]
) -> Judged:
    """Judge a message for these owners within a transaction that reads."""
    forced, carried = _list_carried(core, message)
    facts = [*list_facts(verdict), *list_impersonations(core, message, verdict), *carried]
    signs = number_signs(list_signs(message, facts))
    author = next((one.spec for one in message.header.authors), "")
    words = [number for name, number in signs if name.startswith("word:")]
    keys = sender_reputation.list_keys(envelope, author, verdict)
    bulk = sender_reputation.list_bands(keys, author, envelope.peer, words)
    known = sender_reputation.weigh_author(envelope, author, verdict)
    # where it says nothing that an owner knows the author, nobody is asked
    past = sender_reputation.find_evidence(
        tx, keys, core.clock.seconds(), bulk, author=author, owners=owners if known else ()
    )
    evidence = [*past.shared, *list_evidence(name for name, _ in signs)]
    sources = find_sources(tx, signs, owners)
    # owners who taught nothing share a judgement: one of those who know the author, one of all others
    made: dict[tuple[AccountId | None, bool], Scan] = {}
    judged: list[tuple[AccountId, Scan]] = []
    for owner in owners:
        own, knows = sources.own.get(owner), owner in past.knowing
        kind = (owner if own else None, knows)
        if kind not in made:
            judgement = judge(signs, sources.for_owner(owner), [*evidence, *(known if knows else ())])
            bar = find_bar(core.config.filter.level, own.spam + own.ham if own else 0)
            made[kind] = replace(_to_scan(verdict.scan, judgement, bar, forced), bulk=bulk)
        judged.append((owner, made[kind]))
    return tuple(judged)


def is_outgoing_spam(core: Core, tx: Tx, message: Message) -> bool:
    """Say if a message of our own looks like spam beyond doubt, by what the site knows; its author is not asked."""
    if core.config.filter.level == "off":
        return False
    if has_test_text(message):
        return True
    signs = number_signs(list_signs(message))
    evidence = list_evidence(name for name, _ in signs)
    return judge(signs, find_sources(tx, signs, ()).shared, evidence).probability > BARS["low"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The judgement of a message with its reasons: signs, each with its own probability, strongest first.

    Attributes:
        bar: the probability above which it is spam.
        forced: what makes it junk whatever its signs say: the standard test text, programs.
    """

    probability: float
    bar: float
    is_spam: bool
    forced: tuple[str, ...]
    reasons: tuple[tuple[str, float], ...]


def explain_message(core: Core, octets: bytes, owner: AccountId | None = None) -> Explanation:
    """Judge a message as if it arrived now, without checks of its sender: for one owner, or for those who taught nothing."""
    message, level = Message(octets), core.config.filter.level
    forced, carried = _list_carried(core, message)
    signs = number_signs(list_signs(message, [*list_impersonations(core, message, Verdict()), *carried]))
    evidence = list_evidence(name for name, _ in signs)

    def read(tx: Tx) -> tuple[Judgement, float]:
        sources = find_sources(tx, signs, [owner] if owner else [])
        own = sources.own.get(owner) if owner else None
        bar = find_bar(level, own.spam + own.ham if own else 0) if level != "off" else 1.0
        return judge(signs, sources.for_owner(owner), evidence), bar

    judgement, bar = core.db.read(read)
    is_spam = level != "off" and (bool(forced) or judgement.probability > bar)
    return Explanation(judgement.probability, bar, is_spam, tuple(forced), judgement.reasons)


def _list_carried(core: Core, message: Message) -> tuple[list[str], list[str]]:
    """List what makes a message junk whatever its signs say, and the signs of what it carries: test text and programs."""
    test_text = ["the standard test text"] if has_test_text(message) else []
    carried = [*test_text, *(f"program:{kind}" for kind in programs.list_programs(message.octets, message.root))]
    return carried if core.config.filter.programs == "junk" else test_text, carried


def number_signs(signs: Sequence[str]) -> list[tuple[str, int]]:
    return [(sign, number_of(sign)) for sign in signs]


def number_portable(signs: Sequence[tuple[str, int]]) -> list[int]:
    """Return the numbers of those signs that owners teach."""
    return [number for name, number in signs if is_portable(name)]


def list_facts(verdict: Verdict) -> list[str]:
    """List what was found out about the sender, as signs; none for mail that nobody checked."""
    return [f"spf:{verdict.spf}", f"dkim:{verdict.dkim}", f"dmarc:{verdict.dmarc}"] if verdict.outside else []


def list_impersonations(core: Core, message: Message, verdict: Verdict) -> list[str]:
    """List what is wrong with the authors, as signs: names that hold an address of another, look-alikes of known domains."""
    config = core.config
    found = find_impersonations(
        message.header,
        config.mail_domains,
        config.filter.protected,
        lambda domain: verdict.dkim_aligned and domain == verdict.author,
    )
    signs: list[str] = []
    for one in found:
        if one.kind == "lookalike":
            signs.append(f"lookalike:{one.real}")
        elif one.shown.rpartition("@")[2].lower() in (*config.mail_domains, *config.filter.protected):
            signs.append(f"impersonates:{one.shown.rpartition('@')[2]}")
        else:
            signs.append("name shape:an address of another")
    return signs


def has_test_text(message: Message) -> bool:
    """Say if it is a message with the text by which filters are tried out (GTUBE)."""
    return message.octets.find(GTUBE, 0, GTUBE_WITHIN) >= 0


@dataclass(frozen=True, slots=True)
class Sources:
    """Counts by which a message is judged.

    Attributes:
        shared: for every owner: the start-up model, what was trained, what several owners say.
        own: for those owners who have taught something.
    """

    shared: tuple[Source, ...]
    own: dict[AccountId, Source]

    def for_owner(self, owner: AccountId | None) -> tuple[Source, ...]:
        own = self.own.get(owner) if owner else None
        return (*self.shared, own) if own else self.shared


def find_sources(tx: Tx, signs: Sequence[tuple[str, int]], owners: Collection[AccountId]) -> Sources:
    """Find what the signs of a message were counted as."""
    startup = get_startup_model()
    numbers = [number for _, number in signs]
    portable = number_portable(signs)
    shared = [Source(startup.counts.find(portable), startup.spam, startup.ham, bias=startup.bias)]
    totals = spam_signs.get_totals(tx, [*owners, OWNERS, TRAINED])
    # owners teach what is portable; only administrators' collections have the rest
    rows = spam_signs.get_counts(tx, totals, portable, numbers)
    if trained := totals.pop(TRAINED, None):
        shared.append(Source(rows[TRAINED], trained.spam, trained.ham, has_form=True))
    if said := totals.pop(OWNERS, None):
        shared.append(Source(rows[OWNERS], said.spam, said.ham))
    own = {owner: Source(rows[owner], one.spam, one.ham, OWN_WEIGHT) for owner, one in totals.items()}
    return Sources(tuple(shared), own)


def find_bar(level: str, lessons: float) -> float:
    """Return the probability above which a message is spam, for an owner who has taught so many messages."""
    return BARS[level] - (BARS[level] - TAUGHT_BARS[level]) * min(1.0, lessons / ENOUGH)


def _to_scan(others: Scan, judgement: Judgement, bar: float, forced: Sequence[str]) -> Scan:
    """Join our judgement with the answers of other filters."""
    is_forced = bool(forced)
    percent = min(100.0 * judgement.probability / bar, 100.0)
    is_spam = judgement.probability > bar
    unsure = not is_spam and judgement.probability > UNSURE_ABOVE and judgement.by_weights != NEUTRAL
    reasons = (*forced, *(name for name, p in judgement.reasons if p > NEUTRAL))[:REASONS]
    if others.percent is not None:
        beside = f"X-Spam-Judged: {percent:.0f}\r\n".encode()
        return Scan(
            others.percent, others.junk or is_forced, others.reply, beside, reasons if is_forced else (), unsure
        )
    is_junk = is_spam or is_forced
    score = 100.0 if is_forced else 100 * judgement.probability
    fields = f"X-Spam-Status: {'Yes' if is_junk else 'No'}, score={score:.1f} required={100 * bar:.1f}\r\n"
    if is_junk:
        fields += "X-Spam-Flag: YES\r\n"
    junk = is_junk or others.junk
    percent = 100.0 if is_forced else percent
    return Scan(percent, junk, others.reply, fields.encode(), reasons if is_junk else (), unsure and not junk)
