"""Reputation of senders at this site: counted by a job from the records of deliveries, so that no delivery waits for it.

A message counts once, however many recipients it had.  What owners say of a message is counted too, of each owner a few words
a day: a flood of one owner's votes makes no sender good or bad for others.

Messages of one sender that are nearly alike are counted together (mail/judging/bulk.py), so that what came of the first ones
decides on those that follow.  There an owner has one voice, which is gone when the owner takes it back.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, Verdict
from mailcore.mail.judging import bulk, history
from mailcore.mail.judging.arithmetic import Evidence
from mailcore.mail.judging.history import SITE, Past, Sender
from mailcore.mail.reading import address
from mailcore.mail.reading.organisation import organisational
from mailcore.store.delivery import records
from mailcore.store.delivery import sender_history as store
from mailcore.store.delivery.records import Record
from mailcore.store.engine.db import Tx
from mailcore.store.engine.values import get_value, save_value
from mailcore.store.site import rates
from mailcore.store.webmail import address_book

AT_ONCE = 500
WORDS_A_DAY = 5  # of one owner that count for the site
DAY = 86_400
Keys = dict[str, int]  # by kind: author, domain, network
Keyed = tuple[list[int], bool, float]  # under which numbers, whether as spam, and how much
_LAST = "last delivery counted for the history of senders"


def list_keys(envelope: Envelope, author: str, verdict: Verdict) -> Keys | None:
    """List the numbers by which the history of a message's sender is saved; None for mail from inside."""
    if not verdict.outside:
        return None
    is_vouched = _is_vouched(verdict.dmarc, verdict.spf, envelope.sender, author)
    return history.list_keys(Sender(author, envelope.peer, is_vouched))


@dataclass(frozen=True, slots=True)
class Remembered:
    """Evidence for everybody from what is remembered here, and those owners who know the author."""

    shared: Evidence = ()
    knowing: frozenset[AccountId] = frozenset()


def find_evidence(
    tx: Tx,
    keys: Keys | None,
    now: int,
    bands: Sequence[int] = (),
    *,
    author: str = "",
    owners: Collection[AccountId] = (),
) -> Remembered:
    """Find what the history of a message's sender and of messages like it says of it; nothing of mail from inside.

    Args:
        keys: those of its sender (`list_keys`).
        bands: what it has in common with those (`list_bands`).
        author: its address; owners who wrote to it or have it in their address books know the author.
        owners: who of them does is asked.
    """
    if keys is None:
        return Remembered()
    asked = store.ask_for_pasts([*keys.values(), SITE, *bands, *bulk.number_words_of_owners(bands)])
    rows, *knowing = tx.ask([asked, *([address_book.ask_for_knowing(owners, author.lower())] if owners else [])])
    pasts = store.read_pasts(rows)
    shared = (*history.weigh_history(keys, pasts, now), *bulk.weigh_bulk(bands, pasts, now))
    return Remembered(shared, frozenset(AccountId(row[0]) for accounts in knowing for row in accounts))


def weigh_author(envelope: Envelope, author: str, verdict: Verdict) -> Evidence:
    """Say what it speaks for that an owner wrote to the author; nothing where the author's domain disowns the message."""
    if verdict.dmarc == "fail":
        return ()
    is_vouched = _is_vouched(verdict.dmarc, verdict.spf, envelope.sender, author)
    return (history.weigh_correspondent(is_vouched=is_vouched),)


def list_bands(keys: Keys | None, author: str, peer: str, words: Collection[int]) -> tuple[int, ...]:
    """List the numbers that a message has in common with others of its sender that are nearly alike."""
    if keys is None:
        return ()
    sender = keys.get("domain") or f"{author.rpartition('@')[2].lower()} by {peer}"
    return bulk.list_bands(str(sender), words)


def count_deliveries(core: Core) -> None:
    """Count how mail ended here, as a job."""
    if core.config.filter.level == "off":
        return
    last = core.db.read(lambda tx: get_value(tx, _LAST))
    after = int(last) if last else max(0, core.db.read(store.find_last_delivery) - AT_ONCE)
    while deliveries := core.db.read(lambda tx, after=after: store.list_deliveries(tx, after, AT_ONCE)):  # type: ignore[misc]  # bound at once
        after = deliveries[-1].id
        counts: dict[bytes, tuple[Sender, Record]] = {}
        for one in deliveries:
            sender = _read_sender(one)
            if sender is not None and one.outcome in ("filed", "forwarded"):
                counts.setdefault(one.about.content, (sender, one))
        keyed = [_key(sender, 1.0, is_spam=_is_spam(one)) for sender, one in counts.values()]
        keyed += [([*_read_bands(one)], _is_spam(one), 1.0) for _, one in counts.values()]
        core.db.write(lambda tx, keyed=keyed, after=after: _save_counts(core, tx, keyed, after))  # type: ignore[misc]  # as above
        if len(deliveries) < AT_ONCE:
            break
    core.db.write(lambda tx: store.delete_bulk(tx, core.clock.seconds() - bulk.KEPT_SECONDS))


def sweep_history(core: Core) -> None:
    """Forget senders that were not seen for long, as a job."""
    before = core.clock.seconds() - history.FORGOTTEN_SECONDS
    core.db.write(lambda tx: store.delete_pasts(tx, before))


def correct_history(core: Core, tx: Tx, account: AccountId, content: bytes, *, is_spam: bool) -> None:
    """Count an owner's word on a message, where it is not what the filter said."""
    now, record = core.clock.seconds(), records.find_record_of_content(tx, account, content)
    sender = _read_sender(record) if record else None
    if record is None or sender is None:
        return
    agrees = _is_spam(record) is is_spam
    _add(tx, list(_list_voices(tx, account, _read_bands(record), now, is_spam=is_spam, agrees=agrees)), now)
    if agrees:
        return
    if rates.count_if_allowed(tx, f"history {account}", 1, WORDS_A_DAY, DAY, now):
        _add(tx, [_key(sender, 1.0, is_spam=is_spam), _key(sender, -1.0, is_spam=not is_spam)], now)


def _list_voices(
    tx: Tx, account: AccountId, bands: Sequence[int], now: int, *, is_spam: bool, agrees: bool
) -> Iterator[Keyed]:
    """List what an owner's word changes for messages like that one: a voice more, or one less where it agrees with the filter."""
    for number in bulk.number_words_of_owners(bands):
        key = f"bulk {account} {number}"
        if not agrees:
            if rates.count_if_allowed(tx, key, 1, 1, DAY, now):
                yield [number], is_spam, 1.0
        elif rates.count_in_window(tx, key, DAY, now):
            rates.delete_rate(tx, key)
            yield [number], not is_spam, -1.0


def _key(sender: Sender, amount: float, *, is_spam: bool) -> Keyed:
    """Name a count by the numbers that it is saved under; before the write, as the list of suffixes may have to be read."""
    return [SITE, *history.list_keys(sender).values()], is_spam, amount


def _save_counts(core: Core, tx: Tx, keyed: list[Keyed], last: int) -> None:
    now = core.clock.seconds()
    _add(tx, keyed, now)
    save_value(tx, _LAST, str(last))


def _add(tx: Tx, keyed: list[Keyed], now: int) -> None:
    pasts = store.get_pasts(tx, {key for keys, _, _ in keyed for key in keys})
    changed: dict[int, Past] = {}
    for keys, is_spam, amount in keyed:
        for key in keys:
            one = changed.get(key) or _get_past(pasts, key, now)
            spam, ham = (amount, 0.0) if is_spam else (0.0, amount)
            changed[key] = Past(max(one.spam + spam, 0.0), max(one.ham + ham, 0.0), now)
    store.save_pasts(tx, changed)


def _get_past(pasts: dict[int, Past], key: int, now: int) -> Past:
    past = pasts.get(key)
    if past is None or (key < 0 and now - past.at > bulk.KEPT_SECONDS):
        return Past(0.0, 0.0, now)
    return history.fade(past, now)


def _read_bands(record: Record) -> Sequence[int]:
    return json.loads(record.about.checks).get("bulk", ()) if record.about.checks else ()


def _read_sender(record: Record) -> Sender | None:
    """Read who sent a message from its record; None where it came from inside or says no author."""
    if not record.about.checks:
        return None
    checks = json.loads(record.about.checks)
    author = next(iter(address.addr_specs(record.about.author)), "")
    if not author:
        return None
    is_vouched = _is_vouched(checks.get("dmarc", ""), checks.get("spf", ""), record.sender, author)
    return Sender(author.lower(), checks.get("peer", ""), is_vouched)


def _is_vouched(dmarc: str, spf: str, sender: str, author: str) -> bool:
    domain = author.rpartition("@")[2].lower()
    return dmarc == "pass" or (
        dmarc == "none"
        and spf == "pass"
        and organisational(sender.rpartition("@")[2].lower()) == organisational(domain)
    )


def _is_spam(record: Record) -> bool:
    return any(kind in ("spam", "junk") for kind, _ in (json.loads(record.rules) if record.rules else ()))
