"""The rules of simple filters.  `check_rules` gives them in the form that is saved, or says what is wrong."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mailcore.core import Core
from mailcore.domain import (
    FilterAction,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
    Forwarding,
)
from mailcore.errors import InvalidName, ScriptInvalid
from mailcore.saying import Saying
from mailcore.store.mail.mailboxes import check_name
from sieve import read_address
from sieve.limits import MAX_NUMBER, MAX_REDIRECTS

MAX_RULES = 100
MAX_CONDITIONS, MAX_FLAGS = 30, 10  # of one rule
MAX_TEXT = 500  # characters of a name or a value
MAX_TARGETS = MAX_REDIRECTS - 1  # different addresses of all rules; the forwarding is one more
_HEADER = re.compile(r"[!-9;-~]{1,100}", re.ASCII)
_KEYWORD = re.compile(r"""[^\s(){%*"\]\\\x00-\x1f\x7f-\U0010ffff]{1,100}""")
_SYSTEM = ("\\Flagged", "\\Answered", "\\Draft")
_ALONE = (FilterVerb.FILE, FilterVerb.FLAG, FilterVerb.READ)  # make no sense for what is deleted


def check_rules(rules: Sequence[FilterRule]) -> tuple[FilterRule, ...]:
    """Check rules and return them as they are saved.  Raises ScriptInvalid, which names the number of the rule."""
    if len(rules) > MAX_RULES:
        raise ScriptInvalid(Saying("You can have at most %(most)s filters.", most=MAX_RULES))
    checked_rules = []
    for number, rule in enumerate(rules, 1):
        try:
            checked_rules.append(_check_rule(rule))
        except (ScriptInvalid, InvalidName) as problem:
            raise ScriptInvalid(
                Saying("Filter %(number)s: %(problem)s", number=number, problem=problem.args[0])
            ) from None
    targets = {_make_key(a.target) for rule in checked_rules for a in rule.actions if a.verb is FilterVerb.FORWARD}
    if len(targets) > MAX_TARGETS:
        raise ScriptInvalid(Saying("Filters may forward to at most %(most)s addresses.", most=MAX_TARGETS))
    return tuple(checked_rules)


def list_allowed_targets(core: Core, forwarding: Forwarding) -> frozenset[str] | None:
    """List the addresses that a rule may forward to: one that agreed; None = any, if the site does not ask."""
    if core.config.forwarding.targets == "any":
        return None
    if core.config.forwarding.targets == "none" or forwarding.confirmed_at is None:
        return frozenset()
    return frozenset({forwarding.target.lower()})


def check_targets(core: Core, forwarding: Forwarding, rules: Sequence[FilterRule]) -> None:
    """Raises ScriptInvalid for an address that has not agreed; the forwarding page asks it."""
    allowed = list_allowed_targets(core, forwarding)
    for number, rule in enumerate(rules, 1):
        for action in rule.actions:
            if action.verb is FilterVerb.FORWARD and allowed is not None and action.target.lower() not in allowed:
                problem = Saying(
                    "%(target)s has not agreed to get your mail. Set it up on the forwarding page first.",
                    target=action.target,
                )
                raise ScriptInvalid(Saying("Filter %(number)s: %(problem)s", number=number, problem=problem))


def _make_key(target: str) -> str:
    local, _, domain = target.rpartition("@")
    return f"{local}@{domain.lower()}"


def _check_rule(rule: FilterRule) -> FilterRule:
    if not rule.actions:
        raise ScriptInvalid(Saying("Choose what happens to the mail."))
    if len(rule.conditions) > MAX_CONDITIONS:
        raise ScriptInvalid(Saying("The filter has more than %(most)s conditions.", most=MAX_CONDITIONS))
    verbs = [action.verb for action in rule.actions]
    for verb in verbs:
        if verb is not FilterVerb.FLAG and verb is not FilterVerb.FORWARD and verbs.count(verb) > 1:
            raise ScriptInvalid(Saying("The filter says '%(verb)s' twice.", verb=verb.value))
    if verbs.count(FilterVerb.FLAG) > MAX_FLAGS:
        raise ScriptInvalid(Saying("The filter has more than %(most)s flags.", most=MAX_FLAGS))
    if FilterVerb.DELETE in verbs and any(verb in _ALONE for verb in verbs):
        raise ScriptInvalid(Saying("What is deleted cannot be filed or marked as well."))
    name = " ".join(_check_text(rule.name).split())
    return replace(
        rule,
        name=name,
        conditions=tuple(map(_check_condition, rule.conditions)),
        actions=tuple(map(_check_action, rule.actions)),
    )


def _check_text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ScriptInvalid(Saying("A text is longer than %(most)s characters.", most=MAX_TEXT))
    if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise ScriptInvalid(Saying("A text holds a control character."))
    return value


def _check_condition(condition: FilterCondition) -> FilterCondition:
    sized = condition.match in (FilterMatch.OVER, FilterMatch.UNDER)
    if sized != (condition.field is FilterField.SIZE):
        words = {"field": condition.field.value, "match": condition.match.value}
        raise ScriptInvalid(Saying("'%(field)s' cannot be compared by '%(match)s'", **words))
    value = _check_text(condition.value.strip())
    if not value:
        raise ScriptInvalid(Saying("Say what '%(field)s' is compared with.", field=condition.field.value))
    if sized and not (value.isascii() and value.isdigit() and int(value[:25]) <= MAX_NUMBER):
        raise ScriptInvalid(Saying("Write the size as 10 MB, for example."))
    header = condition.header.strip().rstrip(":") if condition.field is FilterField.HEADER else ""
    if condition.field is FilterField.HEADER and not _HEADER.fullmatch(header):
        raise ScriptInvalid(
            Saying(
                "'%(name)s' is not the name of a field. Write the name of the other field, such as X-Spam.",
                name=_check_text(header),
            )
        )
    return replace(condition, value=value, header=header)


def _check_action(action: FilterAction) -> FilterAction:
    target = action.target.strip()
    match action.verb:
        case FilterVerb.FILE:
            return replace(action, target=check_name(_check_text(target)))
        case FilterVerb.FORWARD:
            if not read_address(_check_text(target)):
                raise ScriptInvalid(Saying("'%(target)s' is not an e-mail address.", target=target))
            return replace(action, target=target)
        case FilterVerb.FLAG:
            if target and target not in _SYSTEM and not _KEYWORD.fullmatch(target):
                raise ScriptInvalid(Saying("'%(flag)s' is no flag", flag=_check_text(target)))
            return replace(action, target=target)
        case _:
            return replace(action, target="")
