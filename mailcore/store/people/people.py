"""People and what belongs to them, as SQL: accounts, addresses, passwords, one-time links, orders,
forwardings, scripts, audit, failed log-ins, web sessions.

Every method runs inside `db.read(...)` or `db.write(...)`.  Names and addresses come in lower case.
Rules (who may have which name, how long a link lives) stand in mailcore/services.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailcore.domain import Account, AccountId, Forwarding, ForwardingState, Script
from mailcore.errors import AccountNotFound
from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.skeleton import skeleton

ACCOUNT_COLUMNS = "id,name,display_name,person,quota,used,language,contact,state,created_at"
_FORWARDING = "target,state,copy,failures,last_reply,confirmed_at,unsafe,digest,rolling_days"


@dataclass(frozen=True, slots=True)
class Token:
    """A one-time link; `expires_at` in seconds since 1970."""

    id: int
    account: AccountId
    purpose: str
    data: str
    expires_at: int
    used: bool


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: datetime
    account: AccountId | None
    actor: str
    event: str
    detail: str


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def account_of(row: Row) -> Account:
    name, display_name, person, quota, used, language, contact, state = row[1:9]
    return Account(AccountId(row[0]), name, display_name, person, quota, used, language, contact, state, _at(row[9]))


def _script(row: Row) -> Script:
    return Script(row[0], row[1], bool(row[2]), row[3], bool(row[4]))


def quiet_since(tx: Tx, before: int, events: Sequence[str], limit: int) -> list[AccountId]:
    """Return the active accounts created before that time for which none of these events was noted since."""
    marks = ",".join("?" * len(events))
    told = f"SELECT 1 FROM audit u WHERE u.account_id=a.id AND u.at>=? AND u.event IN ({marks})"  # noqa: S608 - question marks
    rows = tx.rows(
        f"SELECT id FROM account a WHERE state='active' AND name<>'postmaster' AND created_at<? AND NOT EXISTS ({told}) LIMIT ?",  # noqa: S608
        before,
        before,
        *events,
        limit,
    )
    return [AccountId(row[0]) for row in rows]


class People:
    """The people of all accounts."""

    # Accounts and addresses

    def account(self, tx: Tx, account: AccountId) -> Account:
        """Raises AccountNotFound."""
        row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE id=?", account)  # noqa: S608
        if row is None:
            raise AccountNotFound("no such account")
        return account_of(row)

    def find(self, tx: Tx, name: str) -> Account | None:
        row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE name=?", name)  # noqa: S608
        return account_of(row) if row else None

    def find_person(self, tx: Tx, person: str) -> Account | None:
        row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE person=?", person)  # noqa: S608
        return account_of(row) if row else None

    def accounts(self, tx: Tx) -> list[Account]:
        return [account_of(row) for row in tx.rows(f"SELECT {ACCOUNT_COLUMNS} FROM account ORDER BY name")]  # noqa: S608

    def add(
        self,
        tx: Tx,
        name: str,
        display_name: str,
        person: str | None,
        quota: int,
        language: str,
        contact: str,
        now: int,
    ) -> AccountId:
        return AccountId(
            tx.insert(
                "INSERT INTO account (name,display_name,person,quota,used,language,contact,state,role,created_at)"
                " VALUES (?,?,?,?,0,?,?,'active','',?)",
                name,
                display_name,
                person,
                quota,
                language,
                contact,
                now,
            )
        )

    def set_quota(self, tx: Tx, account: AccountId, octets: int) -> None:
        tx.run("UPDATE account SET quota=? WHERE id=?", octets, account)

    def set_person(self, tx: Tx, account: AccountId, person: str) -> None:
        tx.run("UPDATE account SET person=? WHERE id=?", person, account)

    def set_language(self, tx: Tx, account: AccountId, language: str) -> None:
        tx.run("UPDATE account SET language=? WHERE id=?", language, account)

    def set_contact(self, tx: Tx, account: AccountId, contact: str) -> None:
        tx.run("UPDATE account SET contact=? WHERE id=?", contact, account)

    def role(self, tx: Tx, account: AccountId) -> str:
        row = tx.row("SELECT role FROM account WHERE id=?", account)
        return str(row[0]) if row else ""

    def set_role(self, tx: Tx, account: AccountId, role: str) -> None:
        tx.run("UPDATE account SET role=? WHERE id=?", role, account)

    def close(self, tx: Tx, account: AccountId, now: int) -> None:
        """Nothing opens the account any more; its addresses become tombstones."""
        tx.run("UPDATE account SET state='closed', closed_at=? WHERE id=?", now, account)
        tx.run("UPDATE address SET former=account_id, account_id=NULL WHERE account_id=?", account)
        tx.run("UPDATE forwarding SET state='off', token='' WHERE account_id=?", account)
        tx.run("UPDATE account SET epoch=epoch+1 WHERE id=?", account)
        for table in ("token", "web_session"):  # passwords stay until it is erased, for it may be opened again
            tx.run(f"DELETE FROM {table} WHERE account_id=?", account)  # noqa: S608

    def find_address(self, tx: Tx, localpart: str, domain: str) -> AccountId | None:
        row = tx.row("SELECT account_id FROM address WHERE localpart=? AND domain=?", localpart, domain)
        return AccountId(row[0]) if row and row[0] is not None else None

    def was_address(self, tx: Tx, localpart: str, domain: str) -> bool:
        """Is it, or was it ever, somebody's?"""
        return tx.row("SELECT 1 FROM address WHERE localpart=? AND domain=?", localpart, domain) is not None

    def add_address(self, tx: Tx, account: AccountId, localpart: str, domain: str, now: int) -> None:
        tx.run(
            "INSERT INTO address (localpart,domain,account_id,created_at,skeleton) VALUES (?,?,?,?,?)",
            localpart,
            domain,
            account,
            now,
            skeleton(localpart),
        )

    def addresses(self, tx: Tx, account: AccountId) -> list[str]:
        rows = tx.rows("SELECT localpart, domain FROM address WHERE account_id=? ORDER BY id", account)
        return [f"{localpart}@{domain}" for localpart, domain in rows]

    # Passwords and one-time links

    def add_token(self, tx: Tx, hashed: str, account: AccountId, purpose: str, data: str, expires_at: int) -> None:
        """A newer link makes older ones for the same purpose void."""
        tx.run("DELETE FROM token WHERE account_id=? AND purpose=?", account, purpose)
        tx.run(
            "INSERT INTO token (hash,account_id,purpose,data,expires_at) VALUES (?,?,?,?,?)",
            hashed,
            account,
            purpose,
            data,
            expires_at,
        )

    def token(self, tx: Tx, hashed: str) -> Token | None:
        row = tx.row("SELECT id,account_id,purpose,data,expires_at,used_at FROM token WHERE hash=?", hashed)
        return Token(row[0], AccountId(row[1]), row[2], row[3], row[4], row[5] is not None) if row else None

    def spend_token(self, tx: Tx, token: int, now: int) -> bool:
        """Spend a token; return True once only."""
        return tx.run("UPDATE token SET used_at=? WHERE id=? AND used_at IS NULL", now, token) == 1

    def drop_tokens(self, tx: Tx, account: AccountId, purpose: str) -> None:
        tx.run("DELETE FROM token WHERE account_id=? AND purpose=?", account, purpose)

    # Forwarding

    def forwarding(self, tx: Tx, account: AccountId) -> Forwarding:
        row = tx.row(f"SELECT {_FORWARDING} FROM forwarding WHERE account_id=?", account)  # noqa: S608
        if row is None:
            return Forwarding()
        confirmed_at = _at(row[5]) if row[5] is not None else None
        return Forwarding(
            row[0], ForwardingState(row[1]), bool(row[2]), row[3], row[4], confirmed_at, row[6], bool(row[7]), row[8]
        )

    def set_forwarding(self, tx: Tx, account: AccountId, forwarding: Forwarding, token: str = "") -> None:
        confirmed_at = int(forwarding.confirmed_at.timestamp()) if forwarding.confirmed_at else None
        tx.run(
            "INSERT OR REPLACE INTO forwarding (account_id,target,state,copy,failures,last_reply,confirmed_at,token,unsafe,"
            "digest,rolling_days) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            account,
            forwarding.target,
            forwarding.state.value,
            forwarding.copy,
            forwarding.failures,
            forwarding.last_reply,
            confirmed_at,
            token,
            forwarding.unsafe,
            forwarding.digest,
            forwarding.rolling_days,
        )

    def forwarding_token(self, tx: Tx, account: AccountId) -> str:
        """The hash of the token in the question that waits for an answer, or ""."""
        row = tx.row("SELECT token FROM forwarding WHERE account_id=?", account)
        return str(row[0]) if row else ""

    def forwarding_by_token(self, tx: Tx, hashed: str) -> AccountId | None:
        row = tx.row("SELECT account_id FROM forwarding WHERE token=? AND token<>''", hashed)
        return AccountId(row[0]) if row else None

    # Scripts

    def scripts(self, tx: Tx, account: AccountId, origin: str = "personal") -> list[Script]:
        rows = tx.rows(
            "SELECT name,source,active,origin,held FROM script WHERE account_id=? AND origin=? ORDER BY name",
            account,
            origin,
        )
        return [_script(row) for row in rows]

    def script(self, tx: Tx, account: AccountId, name: str, origin: str = "personal") -> Script | None:
        row = tx.row(
            "SELECT name,source,active,origin,held FROM script WHERE account_id=? AND origin=? AND name=?",
            account,
            origin,
            name,
        )
        return _script(row) if row else None

    def put_script(self, tx: Tx, account: AccountId, script: Script) -> None:
        """New, or a new source for one that keeps its activity; one that is held is not active."""
        tx.run(
            "INSERT INTO script (account_id,name,source,active,origin,held) VALUES (?,?,?,?,?,?)"
            " ON CONFLICT (account_id,origin,name) DO UPDATE SET source=excluded.source,held=excluded.held,"
            " active=(CASE WHEN excluded.held THEN 0 ELSE active END)",
            account,
            script.name,
            script.source,
            script.active,
            script.origin,
            script.held,
        )

    def release_script(self, tx: Tx, account: AccountId, name: str) -> None:
        """Let an imported script run from now on."""
        tx.run("UPDATE script SET held=0 WHERE account_id=? AND origin='personal' AND name=?", account, name)

    def activate_script(self, tx: Tx, account: AccountId, name: str) -> None:
        """Activate a personal script; at most one is active, and the empty name leaves none."""
        tx.run("UPDATE script SET active=(name=?) WHERE account_id=? AND origin='personal'", name, account)

    def delete_script(self, tx: Tx, account: AccountId, name: str, origin: str = "personal") -> None:
        tx.run("DELETE FROM script WHERE account_id=? AND origin=? AND name=?", account, origin, name)

    def rename_script(self, tx: Tx, account: AccountId, old: str, new: str) -> None:
        tx.run("UPDATE script SET name=? WHERE account_id=? AND origin='personal' AND name=?", new, account, old)

    def active_sources(self, tx: Tx, accounts: Sequence[AccountId]) -> dict[AccountId, tuple[str, str]]:
        """Generated and personal source of each account, empty where there is none."""
        found: dict[AccountId, tuple[str, str]] = dict.fromkeys(accounts, ("", ""))
        for start in range(0, len(accounts), 500):
            some = accounts[start : start + 500]
            marks = ",".join("?" * len(some))
            for account, origin, source in tx.rows(
                f"SELECT account_id,origin,source FROM script WHERE active AND account_id IN ({marks})",  # noqa: S608
                *some,
            ):
                generated, personal = found[account]
                found[account] = (source, personal) if origin == "generated" else (generated, source)
        return found

    # Audit

    def add_audit(self, tx: Tx, account: AccountId | None, at: int, actor: str, event: str, detail: str) -> None:
        tx.run(
            "INSERT INTO audit (account_id,at,actor,event,detail) VALUES (?,?,?,?,?)", account, at, actor, event, detail
        )

    def audit(self, tx: Tx, account: AccountId, limit: int) -> list[AuditEntry]:
        rows = tx.rows(
            "SELECT at,account_id,actor,event,detail FROM audit WHERE account_id=? ORDER BY id DESC LIMIT ?",
            account,
            limit,
        )
        return [AuditEntry(_at(row[0]), *row[1:]) for row in rows]
