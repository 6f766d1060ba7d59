"""Moving day as SQL: the scan of an owner's mail, the evidence that it gathered, and how far the owner has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.clock import to_time
from mailcore.domain import AccountId, Correspondent, MailboxId, Registration, RegistrationKind
from mailcore.store.engine.db import Row, Tx

# whoever has enough points, unless the owner finds them in Junk more often than elsewhere
_IS_SERVICE = "(best>=3 OR likely>=2) AND messages>2*junk"
_KINDS = "accounts,purchases,banks,publics,newsletters"


@dataclass(frozen=True, slots=True)
class Plan:
    """The owner's own part of it; `until` is the day by which they want to have moved, as YYYY-MM-DD, or ""."""

    state: str = ""
    done: int = 0
    total: int = 0
    scanned_at: int = 0
    until: str = ""
    new_address: str = ""
    subject: str = ""
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Evidence of one sender from some messages; `kinds` counts in the order of RegistrationKind, without lists."""

    key: str
    host: str
    name: str
    address: str
    best: int
    likely: int
    junk: int
    messages: int
    kinds: tuple[int, int, int, int, int]
    first_at: int
    last_at: int
    mailbox: int
    uid: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """Messages from and to one person; `last_at` in seconds since 1970."""

    address: str
    name: str
    received: int
    written: int
    last_at: int


def read_plan(tx: Tx, account: AccountId) -> Plan:
    row = tx.row(
        "SELECT state,done,total,scanned_at,until,new_address,subject,letter FROM moving_day WHERE account_id=?",
        account,
    )
    return Plan(*row) if row else Plan()


def _ensure_plan(tx: Tx, account: AccountId) -> None:
    tx.run("INSERT INTO moving_day (account_id) VALUES (?) ON CONFLICT (account_id) DO NOTHING", account)


def save_wishes(tx: Tx, account: AccountId, until: str, new_address: str) -> None:
    _ensure_plan(tx, account)
    tx.run("UPDATE moving_day SET until=?, new_address=? WHERE account_id=?", until, new_address, account)


def save_letter(tx: Tx, account: AccountId, subject: str, letter: str) -> None:
    _ensure_plan(tx, account)
    tx.run("UPDATE moving_day SET subject=?, letter=? WHERE account_id=?", subject, letter, account)


# The scan


def start_scan(tx: Tx, account: AccountId, total: int) -> None:
    """Begin a scan, or go on with one."""
    _ensure_plan(tx, account)
    tx.run(
        "UPDATE moving_day SET state='running', total=?, done=0 WHERE account_id=? AND state<>'running'", total, account
    )


def claim_scan(tx: Tx, account: AccountId, now: int, lease_seconds: int) -> bool:
    """Take the scan for some time; False when another process has it, or it is not running."""
    return bool(
        tx.run(
            "UPDATE moving_day SET leased_until=? WHERE account_id=? AND state='running' AND leased_until<=?",
            now + lease_seconds,
            account,
            now,
        )
    )


def release_scan(tx: Tx, account: AccountId) -> None:
    tx.run("UPDATE moving_day SET leased_until=0 WHERE account_id=?", account)


def end_scan(tx: Tx, account: AccountId, now: int) -> None:
    tx.run("UPDATE moving_day SET state='done', leased_until=0, scanned_at=? WHERE account_id=?", now, account)


def list_scans(tx: Tx, now: int, limit: int) -> list[AccountId]:
    """List the accounts whose scan is to go on and that nobody works on."""
    rows = tx.rows("SELECT account_id FROM moving_day WHERE state='running' AND leased_until<=? LIMIT ?", now, limit)
    return [AccountId(row[0]) for row in rows]


def read_cursors(tx: Tx, account: AccountId) -> dict[int, int]:
    """Return up to which uid each mailbox is counted."""
    return {row[0]: row[1] for row in tx.rows("SELECT mailbox,uid FROM moving_box WHERE account_id=?", account)}


def list_headers(tx: Tx, mailbox: MailboxId, after: int, limit: int) -> list[Row]:
    """Return (uid, internal date, usual fields, header) of the next messages; the header only where it has no usual fields."""
    return tx.rows(
        "SELECT m.uid,m.internal_date,s.usual,CASE WHEN s.usual IS NULL THEN b.header END FROM message m"
        " CROSS JOIN blob b ON b.id=m.blob LEFT JOIN summary s ON s.blob=m.blob"
        " WHERE m.mailbox=? AND m.uid>? ORDER BY m.uid LIMIT ?",
        mailbox,
        after,
        limit,
    )


def save_progress(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    after: int,
    uid: int,
    read: int,
    tallies: Iterable[Tally],
    meetings: Iterable[Meeting],
    leased_until: int,
) -> bool:
    """Add what some messages say, in one transaction with how far the mailbox is counted: nothing is counted twice.

    Args:
        after: up to which uid it was counted when they were read.

    Returns:
        False, and nothing is added, where another process has counted on meanwhile.
    """
    if not tx.run(
        "INSERT INTO moving_box (account_id,mailbox,uid) VALUES (?,?,?)"
        " ON CONFLICT (account_id,mailbox) DO UPDATE SET uid=excluded.uid WHERE moving_box.uid=?",
        account,
        mailbox,
        uid,
        after,
    ):
        return False
    tx.run("UPDATE moving_day SET done=done+?, leased_until=? WHERE account_id=?", read, leased_until, account)
    tx.many(
        f"INSERT INTO moving_service (account_id,key,host,name,address,best,likely,junk,messages,{_KINDS},first_at,last_at,"  # noqa: S608
        f"mailbox,uid,link,linked,done) VALUES (?{',?' * 17},'',0,0) ON CONFLICT (account_id,key) DO UPDATE SET"
        " best=CASE WHEN excluded.best>moving_service.best THEN excluded.best ELSE moving_service.best END,"
        " likely=moving_service.likely+excluded.likely, junk=moving_service.junk+excluded.junk,"
        " messages=moving_service.messages+excluded.messages, accounts=moving_service.accounts+excluded.accounts,"
        " purchases=moving_service.purchases+excluded.purchases, banks=moving_service.banks+excluded.banks,"
        " publics=moving_service.publics+excluded.publics, newsletters=moving_service.newsletters+excluded.newsletters,"
        " first_at=CASE WHEN excluded.first_at<moving_service.first_at THEN excluded.first_at ELSE moving_service.first_at END,"
        " name=CASE WHEN excluded.last_at>=moving_service.last_at AND excluded.name<>'' THEN excluded.name"
        " ELSE moving_service.name END,"
        " address=CASE WHEN excluded.last_at>=moving_service.last_at THEN excluded.address ELSE moving_service.address END,"
        " mailbox=CASE WHEN excluded.last_at>=moving_service.last_at THEN excluded.mailbox ELSE moving_service.mailbox END,"
        " uid=CASE WHEN excluded.last_at>=moving_service.last_at THEN excluded.uid ELSE moving_service.uid END,"
        " last_at=CASE WHEN excluded.last_at>moving_service.last_at THEN excluded.last_at ELSE moving_service.last_at END",
        [
            (
                account, one.key, one.host, one.name, one.address, one.best, one.likely, one.junk, one.messages, *one.kinds,
                one.first_at, one.last_at, one.mailbox, one.uid,
            )
            for one in tallies
        ],
    )  # fmt: skip
    tx.many(
        "INSERT INTO moving_person (account_id,address,name,received,written,last_at,state,changed_at) VALUES (?,?,?,?,?,?,'',0)"
        " ON CONFLICT (account_id,address) DO UPDATE SET received=moving_person.received+excluded.received,"
        " written=moving_person.written+excluded.written,"
        " name=CASE WHEN excluded.name<>'' THEN excluded.name ELSE moving_person.name END,"
        " last_at=CASE WHEN excluded.last_at>moving_person.last_at THEN excluded.last_at ELSE moving_person.last_at END",
        [(account, one.address, one.name, one.received, one.written, one.last_at) for one in meetings],
    )
    return True


def count_rows(tx: Tx, account: AccountId) -> int:
    """Count the senders and people that are saved."""
    row = tx.row(
        "SELECT (SELECT count(*) FROM moving_service WHERE account_id=?)+(SELECT count(*) FROM moving_person WHERE account_id=?)",
        account,
        account,
    )
    return int(row[0]) if row else 0


def list_unlinked(tx: Tx, account: AccountId, limit: int) -> list[tuple[str, str, int, int]]:
    """List key, host, mailbox and uid of services whose page was not looked for yet."""
    rows = tx.rows(
        f"SELECT key,host,mailbox,uid FROM moving_service WHERE account_id=? AND linked=0 AND {_IS_SERVICE}"  # noqa: S608
        " ORDER BY last_at DESC LIMIT ?",
        account,
        limit,
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def save_link(tx: Tx, account: AccountId, key: str, link: str) -> None:
    tx.run("UPDATE moving_service SET link=?, linked=1 WHERE account_id=? AND key=?", link, account, key)


# What was found


def _registration(row: Row, boxes: dict[int, str]) -> Registration:
    key, host, name, address, first, last, mailbox, uid, link, done, *kinds = row
    kind = RegistrationKind.LIST if key.startswith("list:") else tuple(RegistrationKind)[kinds.index(max(kinds))]
    first_at, last_at = (to_time(seconds) for seconds in (first, last))
    return Registration(
        key, host, name, kind, first_at, last_at, address, link, boxes.get(mailbox, ""), uid, bool(done)
    )


def list_services(tx: Tx, account: AccountId, limit: int, offset: int = 0) -> list[Registration]:
    """List what is not done first, in the order of when it wrote last."""
    boxes = {row[0]: row[1] for row in tx.rows("SELECT id,name FROM mailbox WHERE account_id=?", account)}
    rows = tx.rows(
        f"SELECT key,host,name,address,first_at,last_at,mailbox,uid,link,done,{_KINDS} FROM moving_service"  # noqa: S608
        f" WHERE account_id=? AND {_IS_SERVICE} ORDER BY done, last_at DESC, key LIMIT ? OFFSET ?",
        account,
        limit,
        offset,
    )
    return [_registration(row, boxes) for row in rows]


def count_services(tx: Tx, account: AccountId) -> tuple[int, int]:
    """Count the services: done, and all."""
    row = tx.row(
        f"SELECT coalesce(sum(done),0), count(*) FROM moving_service WHERE account_id=? AND {_IS_SERVICE}",  # noqa: S608
        account,
    )
    return (int(row[0]), int(row[1])) if row else (0, 0)


def set_done(tx: Tx, account: AccountId, keys: Sequence[str], *, done: bool) -> None:
    tx.many(
        "UPDATE moving_service SET done=? WHERE account_id=? AND key=?", [(int(done), account, key) for key in keys]
    )


_PERSON = "address,name,received,written,last_at,state"
_WRITES = "(written>0 OR received>=2)"  # whom the owner knows


def _correspondent(row: Row) -> Correspondent:
    return Correspondent(row[0], row[1], row[2], row[3], to_time(row[4]), row[5])


def list_people(tx: Tx, account: AccountId, limit: int, offset: int = 0) -> list[Correspondent]:
    """List those whom the owner has written to first, then by when they last wrote."""
    rows = tx.rows(
        f"SELECT {_PERSON} FROM moving_person WHERE account_id=? AND {_WRITES}"  # noqa: S608
        " ORDER BY CASE WHEN written>0 THEN 0 ELSE 1 END, last_at DESC, address LIMIT ? OFFSET ?",
        account,
        limit,
        offset,
    )
    return [_correspondent(row) for row in rows]


def count_people(tx: Tx, account: AccountId) -> dict[str, int]:
    """Count the people by the state of their message; "" is of those who are not chosen."""
    rows = tx.rows(
        f"SELECT state, count(*) FROM moving_person WHERE account_id=? AND ({_WRITES} OR state<>'') GROUP BY state",  # noqa: S608
        account,
    )
    return {row[0]: row[1] for row in rows}


def choose_people(tx: Tx, account: AccountId, addresses: Sequence[str], now: int) -> int:
    """Choose those who shall have the message; whoever has it is not chosen again.  Returns how many are new."""
    return sum(
        tx.run(
            "UPDATE moving_person SET state='chosen', changed_at=? WHERE account_id=? AND address=? AND state IN ('','failed')",
            now,
            account,
            address,
        )
        for address in addresses
    )


def unchoose_people(tx: Tx, account: AccountId) -> int:
    """Take back what has not been sent."""
    return tx.run("UPDATE moving_person SET state='' WHERE account_id=? AND state='chosen'", account)


def list_writers(tx: Tx, limit: int) -> list[AccountId]:
    """List the accounts that have messages to send, those first who waited longest."""
    rows = tx.rows(
        "SELECT account_id FROM moving_person WHERE state='chosen' GROUP BY account_id ORDER BY min(changed_at) LIMIT ?",
        limit,
    )
    return [AccountId(row[0]) for row in rows]


def list_chosen(tx: Tx, account: AccountId, limit: int) -> list[Correspondent]:
    rows = tx.rows(
        f"SELECT {_PERSON} FROM moving_person WHERE state='chosen' AND account_id=? ORDER BY changed_at, address LIMIT ?",  # noqa: S608
        account,
        limit,
    )
    return [_correspondent(row) for row in rows]


def save_state(tx: Tx, account: AccountId, address: str, state: str, now: int) -> bool:
    """Save what became of a message that was chosen; False if it was taken back meanwhile."""
    return bool(
        tx.run(
            "UPDATE moving_person SET state=?, changed_at=? WHERE account_id=? AND address=? AND state='chosen'",
            state,
            now,
            account,
            address,
        )
    )
