"""The form of a simple filter: rows of conditions, a few actions.  What is typed comes back as it was when it cannot be meant."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from werkzeug.datastructures import MultiDict

from mailcore.domain import FilterAction, FilterCondition, FilterField, FilterMatch, FilterRule, FilterVerb

Kind = TypeVar("Kind", bound=StrEnum)
SPARE = 2  # empty rows for more conditions
MAX_ROWS = 30
_SIZE = re.compile(r"\s*+(\d{1,12})(?:[.,](\d{1,3}))?\s*+([kmg]?)i?b?\s*+", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True, slots=True)
class Row:
    """One condition as it is typed."""

    field: str = "from"
    match: str = "contains"
    value: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class RuleForm:
    """`flags` are keywords beside \\Flagged that the portal does not offer, kept as they are."""

    name: str = ""
    every: bool = True
    rows: tuple[Row, ...] = ()
    file: str = ""
    new_mailbox: str = ""
    read: bool = False
    flag: bool = False
    forward: str = ""
    delete: bool = False
    stop: bool = False


def empty() -> RuleForm:
    return RuleForm(rows=(Row(),) * SPARE)


def of_rule(rule: FilterRule) -> RuleForm:
    rows = tuple(Row(c.field.value, c.match.value, _shown(c), c.header) for c in rule.conditions)
    targets = {action.verb: action.target for action in rule.actions}
    return RuleForm(
        rule.name,
        rule.every,
        rows + (Row(),) * SPARE,
        targets.get(FilterVerb.FILE, ""),
        "",
        FilterVerb.READ in targets,
        FilterVerb.FLAG in targets,
        targets.get(FilterVerb.FORWARD, ""),
        FilterVerb.DELETE in targets,
        FilterVerb.STOP in targets,
    )


def _shown(condition: FilterCondition) -> str:
    if condition.field is not FilterField.SIZE:
        return condition.value
    octets = int(condition.value)
    for unit, each in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if octets and octets % each == 0:
            return f"{octets // each} {unit}"
    return str(octets)


def read(form: MultiDict[str, str]) -> RuleForm:
    """Read the form that the browser sent."""
    columns = [form.getlist(name)[:MAX_ROWS] for name in ("field", "match", "value", "header")]
    rows = tuple(Row(*row) for row in zip(*columns, strict=False))
    return RuleForm(
        form.get("name", ""),
        form.get("every", "all") == "all",
        rows,
        form.get("file", ""),
        form.get("new_mailbox", "").strip(),
        "read" in form,
        "flag" in form,
        form.get("forward", "").strip(),
        "delete" in form,
        "stop" in form,
    )


def to_rule(form: RuleForm, before: FilterRule | None = None) -> FilterRule:
    """The rule that is meant; what cannot be is found by services.filter_rules.

    Args:
        before: the rule that is edited; it keeps its state and the keywords that the form does not offer.
    """
    conditions = []
    for row in form.rows:
        if not row.value.strip():
            continue
        field = _one_of(FilterField, row.field, FilterField.FROM)
        match = _one_of(FilterMatch, row.match, FilterMatch.CONTAINS)
        sized = match in (FilterMatch.OVER, FilterMatch.UNDER)
        if field is FilterField.SIZE and not sized:
            match = FilterMatch.OVER
        value = octets(row.value) if field is FilterField.SIZE else row.value.strip()
        conditions.append(
            FilterCondition(field, match, value, row.header.strip() if field is FilterField.HEADER else "")
        )
    kept = tuple(a for a in before.actions if a.verb is FilterVerb.FLAG and a.target) if before else ()
    actions = []
    if form.new_mailbox or form.file:
        actions.append(FilterAction(FilterVerb.FILE, form.new_mailbox or form.file))
    if form.read:
        actions.append(FilterAction(FilterVerb.READ))
    if form.flag:
        actions += kept or (FilterAction(FilterVerb.FLAG),)
    if form.forward:
        actions.append(FilterAction(FilterVerb.FORWARD, form.forward))
    if form.delete:
        actions.append(FilterAction(FilterVerb.DELETE))
    if form.stop:
        actions.append(FilterAction(FilterVerb.STOP))
    return FilterRule(
        form.name.strip(), tuple(conditions), tuple(actions), form.every, before.enabled if before else True
    )


def octets(text: str) -> str:
    """`1,5 MB` in octets; what is no size stays as it is, to be refused."""
    found = _SIZE.fullmatch(text)
    if not found:
        return text.strip()
    number = float(f"{found[1]}.{found[2] or '0'}")
    return str(int(number * _UNITS[found[3].lower()]))


def _one_of(kind: type[Kind], value: str, otherwise: Kind) -> Kind:
    return kind(value) if value in {one.value for one in kind} else otherwise
