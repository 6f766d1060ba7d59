"""The simple filters of an account as SQL, in their order."""

import json
from collections.abc import Sequence

from mailcore.domain import AccountId, FilterAction, FilterCondition, FilterField, FilterMatch, FilterRule, FilterVerb
from mailcore.store.engine.db import Row, Tx


def _rule(row: Row) -> FilterRule:
    name, conditions, actions, every, enabled = row
    return FilterRule(
        name,
        tuple(
            FilterCondition(FilterField(field), FilterMatch(match), value, header)
            for field, match, value, header in json.loads(conditions)
        ),
        tuple(FilterAction(FilterVerb(verb), target) for verb, target in json.loads(actions)),
        bool(every),
        bool(enabled),
    )


def list_rules(tx: Tx, account: AccountId) -> tuple[FilterRule, ...]:
    rows = tx.rows(
        "SELECT name,conditions,actions,every,enabled FROM filter_rule WHERE account_id=? ORDER BY position", account
    )
    return tuple(map(_rule, rows))


def save_rules(tx: Tx, account: AccountId, rules: Sequence[FilterRule]) -> None:
    tx.run("DELETE FROM filter_rule WHERE account_id=?", account)
    for position, rule in enumerate(rules):
        conditions = [(c.field.value, c.match.value, c.value, c.header) for c in rule.conditions]
        actions = [(action.verb.value, action.target) for action in rule.actions]
        tx.run(
            "INSERT INTO filter_rule (account_id,position,name,conditions,actions,every,enabled) VALUES (?,?,?,?,?,?,?)",
            account,
            position,
            rule.name,
            json.dumps(conditions),
            json.dumps(actions),
            rule.every,
            rule.enabled,
        )
