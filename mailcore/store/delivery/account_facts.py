"""Facts of accounts on which every delivery to them rests, in one statement over several tables."""

import json
from collections.abc import Iterable, Sequence

from mailcore.domain import AccountFacts, AccountId
from mailcore.store.engine.db import Row, Statement, Tx

_COLUMNS = "SELECT a.id, a.used, a.quota, f.state IN ('healthy','failing'), f.unsafe, s.origin, s.source"
_JOINED = " LEFT JOIN forwarding f ON f.account_id=a.id LEFT JOIN script s ON s.account_id=a.id AND s.active<>0 WHERE "
_FACTS = f"{_COLUMNS} FROM account a{_JOINED}a.id IN (%s)"
_FACTS_OF_OWNER = f"{_COLUMNS} FROM address x JOIN account a ON a.id=x.account_id{_JOINED}x.localpart=? AND x.domain=?"
_FACTS_OF_ONE = _FACTS % "?"
_FACTS_OF_MANY = _FACTS % "SELECT value FROM json_each(?)"
_NOBODY = AccountFacts()


def find_owner(tx: Tx, localpart: str, domain: str) -> tuple[AccountId, AccountFacts] | None:
    """Find whose address it is, with the facts of the account."""
    rows = tx.rows(_FACTS_OF_OWNER, localpart, domain)
    return next(iter(read_facts([AccountId(rows[0][0])], rows).items())) if rows else None


def get_facts(tx: Tx, accounts: Sequence[AccountId]) -> dict[AccountId, AccountFacts]:
    """Return the facts of many accounts; who is gone has none."""
    [rows] = tx.ask([ask_for_facts(accounts)])
    return read_facts(accounts, rows)


def ask_for_facts(accounts: Sequence[AccountId]) -> Statement:
    """Return what to ask for the facts of many accounts (`Tx.ask`, `read_facts`)."""
    return (_FACTS_OF_ONE, accounts) if len(accounts) == 1 else (_FACTS_OF_MANY, (json.dumps(list(accounts)),))


def read_facts(accounts: Sequence[AccountId], rows: Iterable[Row]) -> dict[AccountId, AccountFacts]:
    """Read what is answered to `ask_for_facts`."""
    known: dict[AccountId, AccountFacts] = dict.fromkeys(accounts, _NOBODY)
    for account, used, quota, forwards, unsafe, origin, source in rows:
        before = known[account]
        generated, personal = before.generated, before.personal
        if origin == "generated":
            generated = source
        else:
            personal = source or ""
        known[account] = AccountFacts(used, quota, bool(forwards), unsafe or "", generated, personal)
    return known
