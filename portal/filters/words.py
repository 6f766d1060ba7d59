"""A simple filter as a sentence."""

from flask_babel import gettext as _

from mailcore.domain import FilterAction, FilterCondition, FilterField, FilterMatch, FilterRule, FilterVerb
from mailcore.errors import ScriptInvalid
from mailcore.saying import Translatable
from portal import formats, i18n


def sentence(rule: FilterRule, titles: dict[str, str]) -> str:
    """Such as: If the sender contains "kari" and the size is over 10 MB: file in Work, mark as read.

    Args:
        titles: of the mailboxes by name.
    """
    actions = ", ".join(action(one, titles) for one in rule.actions)
    if not rule.conditions:
        return _("All mail: %(actions)s.", actions=actions)
    joint = _(" and ") if rule.every else _(" or ")
    return _("If %(conditions)s: %(actions)s.", conditions=joint.join(map(condition, rule.conditions)), actions=actions)


def condition(one: FilterCondition) -> str:
    place = field(one.field) if one.field is not FilterField.HEADER else _("the field %(name)s", name=one.header)
    value = formats.size(int(one.value)) if one.field is FilterField.SIZE else f"«{one.value}»"
    return f"{place} {match(one.match)} {value}"


def field(one: FilterField) -> str:
    return {
        FilterField.FROM: _("the sender"),
        FilterField.TO: _("the recipient"),
        FilterField.SUBJECT: _("the subject"),
        FilterField.LIST_ID: _("the mailing list"),
        FilterField.HEADER: _("another field"),
        FilterField.SIZE: _("the size"),
    }[one]


def match(one: FilterMatch) -> str:
    return {
        FilterMatch.CONTAINS: _("contains"),
        FilterMatch.IS: _("is exactly"),
        FilterMatch.MATCHES: _("looks like (* and ?)"),
        FilterMatch.OVER: _("is over"),
        FilterMatch.UNDER: _("is under"),
    }[one]


def action(one: FilterAction, titles: dict[str, str]) -> str:
    match one.verb:
        case FilterVerb.FILE:
            return _("file in %(mailbox)s", mailbox=titles.get(one.target, one.target))
        case FilterVerb.FLAG:
            return _("mark with %(flag)s", flag=one.target) if one.target else _("flag")
        case FilterVerb.READ:
            return _("mark as read")
        case FilterVerb.DELETE:
            return _("delete")
        case FilterVerb.FORWARD:
            return _("send a copy to %(target)s", target=one.target)
        case FilterVerb.STOP:
            return _("and stop here")


def problem(refused: ScriptInvalid) -> str:
    """Explain why the service does not take a filter, without the number that stands above the form anyway."""
    said = refused.args[0]
    inner = said.values.get("problem") if isinstance(said, Translatable) else None
    return i18n.translate(inner if isinstance(inner, str) else said)
