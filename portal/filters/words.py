"""A simple filter as a sentence."""

import re

from flask_babel import gettext as _

from mailcore.domain import FilterAction, FilterCondition, FilterField, FilterMatch, FilterRule, FilterVerb
from portal import web


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
    value = web.size(int(one.value)) if one.field is FilterField.SIZE else f"«{one.value}»"
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
            return _("and ask no further filter")


def problem(text: str) -> str:
    """Why the service does not take a filter; it names the filter's number, which stands above the form anyway."""
    known = {
        "it does nothing": _("Choose what happens to the mail."),
        "cannot be filed or marked": _("What is deleted cannot be filed or marked as well."),
        "has not agreed": _("That address has not agreed to get your mail. Set it up on the forwarding page first."),
        "is no address": _("That is no e-mail address."),
        "a size is a number": _("Write the size as 10 MB, for example."),
        "no name of a header": _("Write the name of the other field, such as X-Spam."),
        "mailbox name": _("That mailbox name cannot be used."),
        "there may be at most": _("There are too many filters."),
    }
    told = re.sub(r"^filter \d+: ", "", text)
    return next((words for part, words in known.items() if part in text), told)
