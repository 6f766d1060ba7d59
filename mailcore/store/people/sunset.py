"""The end of the service as SQL; the rules stand in services/accounts/sunset.py and services/accounts/sunset_notices.py."""

from dataclasses import dataclass
from datetime import date

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx

WITHDRAWN = -1  # the step of those who have heard that nothing ends
UNTOLD = 2**20  # of those who found it by themselves


@dataclass(frozen=True, slots=True)
class Sunset:
    """`ends` is the last day; `words` say why, by language, or are empty; times in seconds since 1970."""

    id: int
    ends: date
    successor: str
    words: dict[str, str]
    announced_at: int
    withdrawn_at: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """An account and its notices of the end.  `first_at` is None until the first; `how` is button, mailbox or desk."""

    account: AccountId
    name: str
    display_name: str
    person: str
    language: str
    contact: str
    verified: bool
    created_at: int
    step: int
    first_at: int | None
    told_at: int | None
    read_at: int | None
    how: str
    letter_at: int | None
    new_address: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of active accounts; `letters`: those for whom a letter on paper is left, without those that were sent."""

    accounts: int
    told: int
    read: int
    by_button: int
    by_mailbox: int
    by_desk: int
    unread: int
    without_contact: int
    letters: int
    letters_sent: int
    new_addresses: int


def add_sunset(tx: Tx, ends: date, successor: str, words: dict[str, str], now: int) -> int:
    return tx.insert(
        "INSERT INTO sunset (ends,successor,nb,nn,en,announced_at) VALUES (?,?,?,?,?,?)",
        ends.isoformat(),
        successor,
        words.get("nb", ""),
        words.get("nn", ""),
        words.get("en", ""),
        now,
    )


def find_latest(tx: Tx) -> Sunset | None:
    row = tx.row("SELECT id,ends,successor,nb,nn,en,announced_at,withdrawn_at FROM sunset ORDER BY id DESC LIMIT 1")
    if row is None:
        return None
    words = dict(zip(("nb", "nn", "en"), row[3:6], strict=True))
    return Sunset(row[0], date.fromisoformat(row[1]), row[2], words, row[6], row[7])


def withdraw_sunset(tx: Tx, sunset: int, now: int) -> None:
    tx.run("UPDATE sunset SET withdrawn_at=? WHERE id=?", now, sunset)
    tx.run("DELETE FROM sunset_notice WHERE sunset_id=?", sunset)


_REACHED = "EXISTS (SELECT 1 FROM reach k WHERE k.account_id=a.id)"
_EVERYBODY = "FROM account a LEFT JOIN sunset_person p ON p.account_id=a.id AND p.sunset_id=? WHERE a.state='active'"
_PERSON = (
    f"SELECT a.id, a.name, a.display_name, COALESCE(a.person,''), a.language, a.contact, {_REACHED}, a.created_at,"
    " p.step, p.first_at, p.told_at, p.read_at, COALESCE(p.how,''), p.letter_at, COALESCE(p.new_address,'')"
    f" {_EVERYBODY}"
)


def _person(row: Row) -> Person:
    account, name, display, person, language, contact, verified, created, step, first, told, read, how, letter, new = (
        row
    )
    return Person(
        AccountId(account),
        name,
        display,
        person,
        language,
        contact,
        bool(verified),
        created,
        step or 0,
        first,
        told,
        read,
        how,
        letter,
        new,
    )


def list_people(
    tx: Tx, sunset: int, *, after: AccountId | None = None, limit: int = 500, unread: bool = False
) -> list[Person]:
    """Return people page by page, in the order of accounts; `unread`: those alone who are not known to have read it."""
    which = " AND p.read_at IS NULL" if unread else ""
    return [
        _person(row) for row in tx.rows(f"{_PERSON}{which} AND a.id>? ORDER BY a.id LIMIT ?", sunset, after or 0, limit)
    ]


def count_progress(tx: Tx, sunset: int) -> Progress:
    row = tx.row(
        "SELECT COUNT(*), COUNT(p.first_at), COUNT(p.read_at), COUNT(CASE p.how WHEN 'button' THEN 1 END),"
        " COUNT(CASE p.how WHEN 'mailbox' THEN 1 END), COUNT(CASE p.how WHEN 'desk' THEN 1 END),"
        f" COUNT(CASE WHEN p.read_at IS NULL THEN 1 END), COUNT(CASE WHEN NOT {_REACHED} THEN 1 END),"
        " COUNT(CASE WHEN p.read_at IS NULL AND p.letter_at IS NULL THEN 1 END), COUNT(p.letter_at),"
        f" COUNT(NULLIF(p.new_address,'')) {_EVERYBODY}",
        sunset,
    )
    assert row is not None  # noqa: S101 - a count always has a row
    return Progress(*row)


def find_person(tx: Tx, sunset: int, account: AccountId) -> Person | None:
    """Return the account's person; None if the account is not active."""
    row = tx.row(f"{_PERSON} AND a.id=?", sunset, account)
    return _person(row) if row else None


def list_due(tx: Tx, sunset: int, now: int, limit: int) -> list[Person]:
    """Return people who have had no notice yet, and those whose next one is due."""
    rows = tx.rows(f"{_PERSON} AND (p.account_id IS NULL OR p.next_at<=?) ORDER BY a.id LIMIT ?", sunset, now, limit)
    return [_person(row) for row in rows]


def list_to_hear_of_withdrawal(tx: Tx, sunset: int, limit: int) -> list[Person]:
    rows = tx.rows(f"{_PERSON} AND p.step<>? ORDER BY a.id LIMIT ?", sunset, WITHDRAWN, limit)
    return [_person(row) for row in rows]


def save_notice(tx: Tx, sunset: int, account: AccountId, step: int, now: int, next_at: int | None) -> None:
    tx.run(
        "INSERT INTO sunset_person (account_id,sunset_id,step,first_at,told_at,next_at,how,new_address)"
        " VALUES (?,?,?,?,?,?,'','')"
        " ON CONFLICT (account_id,sunset_id) DO UPDATE SET step=excluded.step, told_at=excluded.told_at,"
        " next_at=excluded.next_at",
        account,
        sunset,
        step,
        now,
        now,
        next_at,
    )


def save_next_at(tx: Tx, sunset: int, account: AccountId, next_at: int | None) -> None:
    tx.run("UPDATE sunset_person SET next_at=? WHERE account_id=? AND sunset_id=?", next_at, account, sunset)


def save_notice_in_box(tx: Tx, sunset: int, account: AccountId, blob: bytes) -> None:
    tx.run("INSERT INTO sunset_notice (account_id,sunset_id,blob) VALUES (?,?,?)", account, sunset, blob)


def _begin(tx: Tx, sunset: int, account: AccountId, now: int) -> None:
    """A row for somebody who knows it by other means than the first notice, which goes out all the same."""
    tx.run(
        "INSERT INTO sunset_person (account_id,sunset_id,step,first_at,told_at,next_at,how,new_address)"
        " VALUES (?,?,?,?,?,?,'','') ON CONFLICT (account_id,sunset_id) DO NOTHING",
        account,
        sunset,
        UNTOLD,
        now,
        now,
        now,
    )


def save_read(tx: Tx, sunset: int, account: AccountId, how: str, now: int) -> bool:
    """Note that the notice was read; return False if that was known before."""
    _begin(tx, sunset, account, now)
    return (
        tx.run(
            "UPDATE sunset_person SET read_at=?, how=? WHERE account_id=? AND sunset_id=? AND read_at IS NULL",
            now,
            how,
            account,
            sunset,
        )
        == 1
    )


def list_seen_in_boxes(tx: Tx, sunset: int, after: AccountId | None, limit: int) -> list[tuple[AccountId, bool]]:
    """Return accounts not known to have read the notice, in their order, and whether a notice of theirs is \\Seen."""
    rows = tx.rows(
        "SELECT p.account_id, EXISTS (SELECT 1 FROM sunset_notice n JOIN blob b ON b.name=n.blob"
        " JOIN message m ON m.blob=b.id AND m.flags & 1 <> 0 JOIN mailbox x ON x.id=m.mailbox AND x.account_id=n.account_id"
        " WHERE n.account_id=p.account_id AND n.sunset_id=p.sunset_id)"
        " FROM sunset_person p WHERE p.sunset_id=? AND p.read_at IS NULL AND p.account_id>? ORDER BY p.account_id LIMIT ?",
        sunset,
        after or 0,
        limit,
    )
    return [(AccountId(row[0]), bool(row[1])) for row in rows]


def save_letter_sent(tx: Tx, sunset: int, account: AccountId, now: int) -> None:
    _begin(tx, sunset, account, now)
    tx.run("UPDATE sunset_person SET letter_at=? WHERE account_id=? AND sunset_id=?", now, account, sunset)


def save_new_address(tx: Tx, sunset: int, account: AccountId, address: str) -> None:
    tx.run("UPDATE sunset_person SET new_address=? WHERE account_id=? AND sunset_id=?", address, account, sunset)
