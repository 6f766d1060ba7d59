# ruff: noqa: S608 - only names of our own columns and tables are put into statements
"""Counts of the spam filter: for each owner, for the site by its owners, and for the site by its administrators.

OWNERS counts how many owners have seen a sign in spam, and in other mail, not how often: one owner is one voice, however many
messages that owner moves, and adds no more than VOICE_WEIGHT to a sign's weight.  What only one owner says is not believed
(services/filtering/judging.py).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, MailboxId
from mailcore.store.engine.db import Tx
from mailcore.store.engine.tx import Statement
from mailcore.store.mail.flags import SEEN
from mailcore.store.mail.uidset import Ranges

OWNERS, TRAINED = AccountId(0), AccountId(-1)
VOTES_A_DAY = 200  # of one owner; further moves are moves and nothing else
MAX_VOTES = 20_000  # that are remembered, of all
# rows of signs, 32 octets each; those seen once and long ago go first
MAX_OWN, MAX_SITE, MAX_ALL = 15_000, 200_000, 500_000
VOICE = 10  # messages of each kind that one owner adds to the site's number
VOICE_WEIGHT = 128  # that one owner adds to the site's weight of a sign, of 4096 to one
LEFT_SECONDS = 2 * 86_400  # until a message that looked a little like spam and stands where it was counts as good
MAX_LEFT = 50  # of one owner at a time
LEFT = "left"  # the kind of such a row until then
_SEEN = "SELECT value FROM json_each(?)"
_OWN = f"SELECT sign, spam, ham, weight, account_id FROM spam_sign WHERE account_id IN ({_SEEN}) AND sign IN ({_SEEN})"
_TRAINED = f"SELECT sign, spam, ham, weight FROM spam_sign WHERE account_id={TRAINED} AND sign IN ({_SEEN})"
_AGREED = (
    "SELECT sign, MAX(spam-1,0), MAX(ham-1,0), weight-weight/MAX(spam,ham) FROM spam_sign"
    f" WHERE account_id={OWNERS} AND sign IN ({_SEEN}) AND (spam>1 OR ham>1)"
)
SignRows = dict[int, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Total:
    """How many messages an owner or the site has counted."""

    spam: int = 0
    ham: int = 0


@dataclass(frozen=True, slots=True)
class Vote:
    """A word of an owner that is to be learned; `learned` is what was learned of the message before, or ""."""

    id: int
    account: AccountId
    blob: int
    kind: str
    learned: str


def get_totals(tx: Tx, accounts: Collection[AccountId]) -> dict[AccountId, Total]:
    """Return the totals of those that have any."""
    rows = tx.rows(
        f"SELECT account_id, spam, ham FROM spam_total WHERE account_id IN ({_SEEN})", json.dumps([*accounts])
    )
    return {AccountId(row[0]): Total(row[1], row[2]) for row in rows}


def get_counts(
    tx: Tx, accounts: Collection[AccountId], portable: Sequence[int], signs: Sequence[int]
) -> dict[AccountId, SignRows]:
    """Return spam, ham and weight of those signs that are known, for each of the accounts, with one question.

    Of OWNERS one voice of each is left out: what a single owner says moves nothing for others.

    Args:
        portable: those of the signs that owners teach.
    """
    owners = [account for account in accounts if account not in (OWNERS, TRAINED)]
    found: dict[AccountId, SignRows] = {account: {} for account in accounts}
    wanted, statements = json.dumps([*portable]), dict[AccountId, Statement]()
    if owners:
        statements[owners[0]] = _OWN, (json.dumps(owners), wanted)
    if OWNERS in found:
        statements[OWNERS] = _AGREED, (wanted,)
    if TRAINED in found:
        statements[TRAINED] = _TRAINED, (json.dumps([*signs]),)
    for account, rows in zip(statements, tx.ask([*statements.values()]) if statements else (), strict=True):
        if account in (OWNERS, TRAINED):
            found[account] = {sign: (spam, ham, weight) for sign, spam, ham, weight in rows}
        else:
            for sign, spam, ham, weight, owner in rows:
                found[owner][sign] = spam, ham, weight
    return found


def add_votes(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: Ranges, kind: str, now: int) -> None:
    """Record an owner's word on messages that stand there; the last word on a message counts."""
    left = VOTES_A_DAY - _count_today(tx, account, now)
    for first, last in ranges:
        if left <= 0:
            return
        left -= tx.run(
            "INSERT INTO spam_vote (account_id,blob,kind,learned,at) SELECT DISTINCT ?,blob,?,'',? FROM message"
            " WHERE mailbox=? AND uid BETWEEN ? AND ? LIMIT ?"
            " ON CONFLICT (account_id,blob) DO UPDATE SET kind=excluded.kind, at=excluded.at",
            account,
            kind,
            now,
            mailbox,
            first,
            last,
            left,
        )
    tx.run("DELETE FROM spam_vote WHERE id IN (SELECT id FROM spam_vote ORDER BY at DESC LIMIT -1 OFFSET ?)", MAX_VOTES)


def add_vote(tx: Tx, account: AccountId, blob: int, kind: str, now: int) -> None:
    """Record a word of somebody who speaks for an owner on one message; what the owner has said stands."""
    if _count_today(tx, account, now) < VOTES_A_DAY:
        tx.run(
            "INSERT INTO spam_vote (account_id,blob,kind,learned,at) VALUES (?,?,?,'',?)"
            " ON CONFLICT (account_id,blob) DO UPDATE SET kind=excluded.kind, at=excluded.at WHERE spam_vote.kind=?",
            account,
            blob,
            kind,
            now,
            LEFT,
        )


def _count_today(tx: Tx, account: AccountId, now: int) -> int:
    sql = "SELECT COUNT(*) FROM spam_vote WHERE account_id=? AND at>? AND kind<>?"
    [[today]] = tx.rows(sql, account, now - 86_400, LEFT)
    return int(today)


def list_votes(tx: Tx, limit: int, now: int) -> list[Vote]:
    """Return words that are not learned yet and due, the oldest first."""
    sql = (
        "SELECT id, account_id, blob, kind, learned FROM spam_vote"
        " WHERE kind<>learned AND (kind<>? OR at<=?) ORDER BY at LIMIT ?"
    )
    return [Vote(row[0], AccountId(row[1]), row[2], row[3], row[4]) for row in tx.rows(sql, LEFT, now, limit)]


def save_left(tx: Tx, account: AccountId, blob: int, now: int) -> None:
    """Remember a message that is good if it stands where it is in some days; nothing where its owner has said a word."""
    [[waiting]] = tx.rows("SELECT COUNT(*) FROM spam_vote WHERE account_id=? AND kind=?", account, LEFT)
    if waiting >= MAX_LEFT:
        return
    tx.run(
        "INSERT INTO spam_vote (account_id,blob,kind,learned,at) VALUES (?,?,?,'',?) ON CONFLICT (account_id,blob) DO NOTHING",
        account,
        blob,
        LEFT,
        now + LEFT_SECONDS,
    )


def is_left_read(tx: Tx, account: AccountId, blob: int, elsewhere: Sequence[str]) -> bool:
    """Say if a message stands, read, in a mailbox of its owner that has none of these special uses."""
    marks = ",".join("?" * len(elsewhere))
    sql = (
        "SELECT 1 FROM message JOIN mailbox ON mailbox.id=message.mailbox WHERE message.blob=? AND mailbox.account_id=?"
        f" AND mailbox.special_use NOT IN ({marks}) AND message.flags & {SEEN} = {SEEN} LIMIT 1"
    )
    return bool(tx.rows(sql, blob, account, *elsewhere))


def finish_vote(tx: Tx, vote: Vote) -> bool:
    """Record that a word is learned; False where the owner has said another one meanwhile."""
    sql = "UPDATE spam_vote SET kind=?, learned=? WHERE id=? AND kind IN (?,?)"
    return bool(tx.run(sql, vote.kind, vote.kind, vote.id, vote.kind, LEFT))


def delete_vote(tx: Tx, vote: Vote) -> None:
    tx.run("DELETE FROM spam_vote WHERE id=?", vote.id)


def add_message(tx: Tx, account: AccountId, signs: Sequence[int], kind: str, now: int, step: int = 0) -> None:
    """Count a message for an owner, and the owner as one voice more for the signs that are new to that owner.

    Args:
        step: what it adds to the weight of each sign.
    """
    before = _own(tx, account, signs, kind) if account != TRAINED else {}
    _add(tx, account, signs, kind, 1, now, step)
    _add_total(tx, account, kind, 1)
    if account != TRAINED:
        _add(tx, OWNERS, [sign for sign in signs if not before.get(sign, (0, 0))[0]], kind, 1, now)
        for change, changed in _group_changes(signs, before, step).items():
            _add(tx, OWNERS, changed, kind, 0, now, change)
        if _total_of(tx, account, kind) <= VOICE:
            _add_total(tx, OWNERS, kind, 1)


def _group_changes(signs: Sequence[int], before: dict[int, tuple[int, int]], step: int) -> dict[int, list[int]]:
    """Return by how much the site's weights change as an owner's do, each with the signs that change so."""
    groups: dict[int, list[int]] = {}
    for sign in signs:
        old = before.get(sign, (0, 0))[1]
        if change := _voice(old + step) - _voice(old):
            groups.setdefault(change, []).append(sign)
    return groups


def _voice(weight: int) -> int:
    """Return what an owner's weight of a sign adds to that of the site."""
    return max(-VOICE_WEIGHT, min(VOICE_WEIGHT, weight))


def remove_message(tx: Tx, account: AccountId, signs: Sequence[int], kind: str, now: int) -> None:
    """Take back what `add_message` counted; weights stay, as the next lesson corrects them."""
    last = [sign for sign, (seen, _) in _own(tx, account, signs, kind).items() if seen == 1]
    if _total_of(tx, account, kind) <= VOICE:
        _add_total(tx, OWNERS, kind, -1)
    _add(tx, OWNERS, last, kind, -1, now)
    _add(tx, account, signs, kind, -1, now)
    _add_total(tx, account, kind, -1)


def reset_owner(tx: Tx, account: AccountId) -> None:
    """Forget everything that an owner taught, for the site as well."""
    for kind in ("spam", "ham"):
        own = f"SELECT sign FROM spam_sign WHERE account_id=? AND {kind}>0"
        tx.run(f"UPDATE spam_sign SET {kind}=MAX({kind}-1,0) WHERE account_id=? AND sign IN ({own})", OWNERS, account)
        _add_total(tx, OWNERS, kind, -min(_total_of(tx, account, kind), VOICE))
    said = f"SELECT MAX(MIN(own.weight,{VOICE_WEIGHT}),-{VOICE_WEIGHT}) FROM spam_sign AS own"
    said += " WHERE own.account_id=? AND own.sign=spam_sign.sign"
    weighed = "SELECT sign FROM spam_sign WHERE account_id=? AND weight<>0"
    tx.run(
        f"UPDATE spam_sign SET weight=weight-COALESCE(({said}),0) WHERE account_id=? AND sign IN ({weighed})",
        account,
        OWNERS,
        account,
    )
    for table in ("spam_sign", "spam_total", "spam_vote"):
        tx.run(f"DELETE FROM {table} WHERE account_id=?", account)


def _own(tx: Tx, account: AccountId, signs: Sequence[int], kind: str) -> dict[int, tuple[int, int]]:
    """Return how often an owner has seen each sign in this kind, and its weight."""
    sql = f"SELECT sign, {kind}, weight FROM spam_sign WHERE account_id=? AND sign IN ({_SEEN})"
    return {row[0]: (row[1], row[2]) for row in tx.rows(sql, account, json.dumps([*signs]))}


def _add(tx: Tx, account: AccountId, signs: Sequence[int], kind: str, step: int, now: int, weight: int = 0) -> None:
    start = max(step, 0)
    tx.run(
        f"INSERT INTO spam_sign (account_id,sign,spam,ham,weight,at) SELECT ?,value,?,?,?,? FROM json_each(?) WHERE true"
        f" ON CONFLICT (account_id,sign) DO UPDATE SET {kind}=MAX(spam_sign.{kind}+?,0),"
        " weight=spam_sign.weight+excluded.weight, at=excluded.at",
        account,
        start if kind == "spam" else 0,
        start if kind == "ham" else 0,
        weight,
        now // 86_400,
        json.dumps([*signs]),
        step,
    )


def _add_total(tx: Tx, account: AccountId, kind: str, step: int) -> None:
    start = max(step, 0)
    tx.run(
        "INSERT INTO spam_total (account_id,spam,ham) VALUES (?,?,?)"
        f" ON CONFLICT (account_id) DO UPDATE SET {kind}=MAX(spam_total.{kind}+?,0)",
        account,
        start if kind == "spam" else 0,
        start if kind == "ham" else 0,
        step,
    )


def _total_of(tx: Tx, account: AccountId, kind: str) -> int:
    rows = tx.rows(f"SELECT {kind} FROM spam_total WHERE account_id=?", account)
    return int(rows[0][0]) if rows else 0


def make_room(tx: Tx, accounts: Collection[AccountId]) -> None:
    """Forget signs where there are too many of an owner, of the site, or of all; once for many messages."""
    for account in {*accounts, OWNERS}:
        most = MAX_SITE if account in (OWNERS, TRAINED) else MAX_OWN
        [[rows]] = tx.rows("SELECT COUNT(*) FROM spam_sign WHERE account_id=?", account)
        if rows > most:
            tx.run(
                "DELETE FROM spam_sign WHERE account_id=? AND sign IN"
                " (SELECT sign FROM spam_sign WHERE account_id=? ORDER BY spam+ham>1, at LIMIT ?)",
                account,
                account,
                most // 10 + rows - most,
            )
    [[rows]] = tx.rows("SELECT COUNT(*) FROM spam_sign")
    if rows > MAX_ALL:
        tx.run(
            "DELETE FROM spam_sign WHERE (account_id, sign) IN"
            " (SELECT account_id, sign FROM spam_sign WHERE account_id>0 ORDER BY at, spam+ham LIMIT ?)",
            MAX_ALL // 10 + rows - MAX_ALL,
        )
