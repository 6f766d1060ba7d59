"""Signs of owners, and accounts that sleep, as SQL; the rules stand in services/accounts/sleeping.py."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Presence:
    """The last sign of an owner and what they were told since, in seconds since 1970; `step` is the last letter, or ""."""

    account: AccountId
    seen_at: int
    step: str
    told_at: int
    asleep_at: int | None


_LATEST = (
    "SELECT a.id, MAX(a.created_at,"
    " COALESCE((SELECT MAX(e.last_at) FROM login_event e WHERE e.account_id=a.id AND e.outcome='ok'),0),"
    " COALESCE((SELECT MAX(c.last_used_at) FROM credential c WHERE c.account_id=a.id),0))"
    " FROM account a WHERE a.state='active' AND NOT EXISTS (SELECT 1 FROM presence p WHERE p.account_id=a.id)"
)


def add_missing(tx: Tx) -> int:
    """Begin to count for accounts that are new here, by what is known of their log-ins."""
    return tx.run(f"INSERT INTO presence (account_id,seen_at) {_LATEST}")


def note_logins(tx: Tx, since: int) -> None:
    """Take over the log-ins since then; owners who logged in hear of no sleep any more."""
    tx.run(
        "UPDATE presence SET seen_at=(SELECT MAX(e.last_at) FROM login_event e WHERE e.account_id=presence.account_id"
        " AND e.outcome='ok'), step='', told_at=NULL"
        " WHERE account_id IN (SELECT e.account_id FROM login_event e JOIN presence p ON p.account_id=e.account_id"
        " WHERE e.outcome='ok' AND e.last_at>? AND e.last_at>p.seen_at)",
        since,
    )


def note_events(tx: Tx, events: Iterable[str], since: int) -> None:
    """Take over what only an owner, or who reads their mail elsewhere for them, can have done since then."""
    names = tuple(events)
    marks = ",".join("?" * len(names))
    rows = tx.rows(
        f"SELECT account_id, MAX(at) FROM audit WHERE at>? AND event IN ({marks}) AND account_id IS NOT NULL"  # noqa: S608
        " GROUP BY account_id",
        since,
        *names,
    )
    for account, at in rows:
        save_sign(tx, AccountId(account), at)


def save_sign(tx: Tx, account: AccountId, now: int) -> None:
    """Save a sign of the owner: letters begin anew."""
    tx.run(
        "INSERT INTO presence (account_id,seen_at) VALUES (?,?) ON CONFLICT (account_id) DO UPDATE SET"
        " seen_at=excluded.seen_at, step='', told_at=NULL WHERE presence.seen_at<=excluded.seen_at",
        account,
        now,
    )


def find_presence(tx: Tx, account: AccountId) -> Presence | None:
    row = tx.row(f"{_PRESENCE} WHERE p.account_id=?", account)
    return Presence(AccountId(row[0]), row[1], row[2], row[3] or 0, row[4]) if row else None


_PRESENCE = (
    "SELECT p.account_id, p.seen_at, p.step, p.told_at, a.asleep_at FROM presence p JOIN account a ON a.id=p.account_id"
)


def list_silent(tx: Tx, before: int, told_before: int, after: AccountId, limit: int) -> list[Presence]:
    """Return owners without a sign since `before`, who were told nothing since `told_before`, in the order of accounts.

    postmaster@ is nobody's: it has no sign of an owner, and needs none.
    """
    rows = tx.rows(
        f"{_PRESENCE} WHERE p.seen_at<? AND (p.told_at IS NULL OR p.told_at<=?) AND p.account_id>?"
        f" AND a.state='active' AND a.name<>'postmaster' ORDER BY p.account_id LIMIT {limit:d}",
        before,
        told_before,
        after,
    )
    return [Presence(AccountId(row[0]), row[1], row[2], row[3] or 0, row[4]) for row in rows]


def save_step(tx: Tx, account: AccountId, step: str, now: int) -> None:
    tx.run("UPDATE presence SET step=?, told_at=? WHERE account_id=?", step, now, account)


def put_to_sleep(tx: Tx, account: AccountId, now: int) -> bool:
    """Close an account for log-ins; its connections end."""
    return (
        tx.run(
            "UPDATE account SET asleep_at=?, epoch=epoch+1 WHERE id=? AND asleep_at IS NULL AND state='active'",
            now,
            account,
        )
        > 0
    )


def wake_account(tx: Tx, account: AccountId) -> bool:
    """Open an account for log-ins again; False if it did not sleep."""
    return tx.run("UPDATE account SET asleep_at=NULL WHERE id=? AND asleep_at IS NOT NULL", account) > 0


# Where accounts are opened from


def list_places(tx: Tx, account: AccountId) -> list[str]:
    """Return the places from which the account was opened lately."""
    rows = tx.rows("SELECT DISTINCT place FROM login_event WHERE account_id=? AND outcome='ok' AND place<>''", account)
    return [row[0] for row in rows]


def list_regions(tx: Tx, account: AccountId) -> set[str]:
    """Return the parts of the world from which the account was ever opened, since we look."""
    row = tx.row("SELECT regions FROM presence WHERE account_id=?", account)
    return set(row[0].split()) if row else set()


def list_recent_places(tx: Tx, since: int) -> list[tuple[AccountId, str, int]]:
    """Return from where accounts were opened since then, and when last."""
    rows = tx.rows(
        "SELECT account_id,place,MAX(last_at) FROM login_event WHERE outcome='ok' AND place<>'' AND last_at>?"
        " GROUP BY account_id,place",
        since,
    )
    return [(AccountId(account), place, at) for account, place, at in rows]


def get_networks(tx: Tx, account: AccountId) -> str:
    """Return the networks that the owner uses, as services/credentials/usual_networks.py writes them."""
    row = tx.row("SELECT networks FROM presence WHERE account_id=?", account)
    return str(row[0]) if row else ""


def save_places(tx: Tx, account: AccountId, regions: Iterable[str], networks: str) -> None:
    """Save from where an account was opened: parts of the world, and networks as `get_networks` returns them."""
    tx.run("UPDATE presence SET regions=?, networks=? WHERE account_id=?", " ".join(sorted(regions)), networks, account)


def has_second_way(tx: Tx, account: AccountId) -> bool:
    """Can the owner be proved by anything but a password, or could they until a contact address of theirs died?"""
    row = tx.row(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM reach WHERE account_id=?)"
        " OR EXISTS (SELECT 1 FROM lost_contact WHERE account_id=?)"
        " OR EXISTS (SELECT 1 FROM recovery_code WHERE account_id=? AND used_at IS NULL)"
        " OR EXISTS (SELECT 1 FROM elsewhere WHERE account_id=?)"
        " OR EXISTS (SELECT 1 FROM second_factor WHERE account_id=? AND active<>0)",
        account,
        account,
        account,
        account,
        account,
    )
    return row is not None
