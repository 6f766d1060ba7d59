"""Counts of what other servers answered to forwarded mail, as SQL, over all accounts."""

from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.values import get_value, save_value

_KEY = "arrivals"
_DOMAIN = "lower(substr(target,instr(target,'@')+1))"


def list_results(tx: Tx, since: int) -> list[Row]:
    """Return (host, domain of the target, state, code, reply of a refusal, count); what stayed with us is not among them."""
    return tx.rows(
        f"SELECT host, {_DOMAIN}, state, CASE WHEN state='refused' THEN code ELSE 0 END,"  # noqa: S608
        " CASE WHEN state='refused' THEN reply ELSE '' END, count(*) FROM onward"
        " WHERE at>=? AND state IN ('delivered','refused','waiting') GROUP BY 1,2,3,4,5",
        since,
    )


def list_owners(tx: Tx, since: int) -> list[Row]:
    """Return (host, domain, account), each once, of what was answered."""
    return tx.rows(
        f"SELECT DISTINCT host, {_DOMAIN}, account_id FROM onward WHERE at>=? AND state IN ('delivered','refused')",  # noqa: S608
        since,
    )


def list_probes(tx: Tx, since: int) -> list[Row]:
    """Return (domain, place, count) of test messages whose owner told where they were found."""
    return tx.rows(
        f"SELECT {_DOMAIN}, found, count(*) FROM probe WHERE at>=? AND found<>'' GROUP BY 1,2",  # noqa: S608
        since,
    )


def find_counted(tx: Tx) -> str:
    """Return the last count as it was saved, or ""."""
    return get_value(tx, _KEY)


def save_counted(tx: Tx, counted: str) -> None:
    save_value(tx, _KEY, counted)
