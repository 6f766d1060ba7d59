"""Facts of accounts on which every delivery to them rests, in one statement over several tables."""

from collections.abc import Sequence

from mailcore.domain import AccountFacts, AccountId
from mailcore.store.engine.db import Tx

_FACTS = (
    "SELECT a.id, a.used, a.quota, f.state IN ('healthy','failing'), f.unsafe, s.origin, s.source FROM account a"
    " LEFT JOIN forwarding f ON f.account_id=a.id LEFT JOIN script s ON s.account_id=a.id AND s.active<>0 WHERE a.id IN (%s)"
)
_FACTS_OF_ONE = _FACTS % "?"
_NOBODY = AccountFacts()


def get_facts(tx: Tx, accounts: Sequence[AccountId]) -> dict[AccountId, AccountFacts]:
    """Return the facts of many accounts; who is gone has none."""
    known: dict[AccountId, AccountFacts] = dict.fromkeys(accounts, _NOBODY)
    for start in range(0, len(accounts), 500):
        some = accounts[start : start + 500]
        statement = _FACTS_OF_ONE if len(some) == 1 else _FACTS % ",".join("?" * len(some))
        for account, used, quota, forwards, unsafe, origin, source in tx.rows(statement, *some):
            before = known[account]
            generated, personal = before.generated, before.personal
            if origin == "generated":
                generated = source
            else:
                personal = source or ""
            known[account] = AccountFacts(used, quota, bool(forwards), unsafe or "", generated, personal)
    return known
