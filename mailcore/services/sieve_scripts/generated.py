"""The generated script of an account: settings in, a tree out, and its text with comments for the owner.

In this order: quota rule, simple filters, forwarding, out of office.  What a person typed is always a string of the tree, never
text of the script; and where the script has variables, a `${` that somebody typed stays what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailcore.domain import (
    Away,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
    Forwarding,
    ForwardingState,
)
from mailcore.errors import MAILBOX_FULL
from sieve.printer import print_script
from sieve.tree import Argument, Command, SieveTest, Tag

STOPPED = "stopped"
_FIELDS = {
    FilterField.FROM: ("from",),
    FilterField.TO: ("to", "cc"),
    FilterField.SUBJECT: ("subject",),
    FilterField.LIST_ID: ("list-id",),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that the script is generated from.

    Attributes:
        full_and_forwarding: "forward" or "reject", as in the configuration.
        targets: addresses that a rule may forward to, in lower case; None = any.
    """

    forwarding: Forwarding = Forwarding()
    away: Away = Away()
    rules: tuple[FilterRule, ...] = ()
    full_and_forwarding: str = "forward"
    targets: frozenset[str] | None = None

    @property
    def forwards(self) -> bool:
        return self.forwarding.state in (ForwardingState.HEALTHY, ForwardingState.FAILING)


@dataclass(slots=True)
class _Script:
    """Collects commands and what they need; `variables` says that strings are expanded."""

    variables: bool
    required: dict[str, None] = field(default_factory=dict)

    def text(self, value: str) -> str:
        return value.replace("${", "${dollar}{") if self.variables else value

    def command(self, name: str, *arguments: Argument, needs: Sequence[str] = (), comment: str = "") -> Command:
        self.required.update(dict.fromkeys(needs))
        return Command(name, arguments, comment=comment)


def generate(settings: Settings) -> str:
    """The whole script."""
    rules = tuple(rule for rule in settings.rules if rule.enabled and rule.actions)
    stops = any(action.verb is FilterVerb.STOP for rule in rules[:-1] for action in rule.actions)
    script = _Script(stops)
    body = [_quota(script, settings)]
    if stops:
        script.required["variables"] = None
        body.append(Command("set", ("dollar", "$"), comment="For text with ${ in it."))
    may_be_stopped = False
    for number, rule in enumerate(rules, 1):
        body.append(_rule(script, settings, rule, number, may_be_stopped, last=number == len(rules)))
        may_be_stopped |= any(action.verb is FilterVerb.STOP for action in rule.actions)
    if settings.forwards:
        body.append(_forwarding(script, settings.forwarding))
    if settings.away.active:
        body.append(_vacation(script, settings.away))
    head = Command(
        "require", (tuple(script.required),), comment="Made by Alumnimail from your settings; change them there."
    )
    return print_script([head, *body])


def _quota(script: _Script, settings: Settings) -> Command:
    script.required.update(dict.fromkeys(("environment", "relational", "comparator-i;ascii-numeric")))
    is_full = SieveTest(
        "environment",
        (Tag("value"), "ge", Tag("comparator"), "i;ascii-numeric", "vnd.alumnimail.quota-percent", "100"),
    )
    if settings.forwards and settings.full_and_forwarding == "forward":
        comment = "A full mailbox: mail is only forwarded."
        when_full: tuple[Command, ...] = (
            Command("redirect", (script.text(settings.forwarding.target),)),
            Command("stop"),
        )
    else:
        comment = "A full mailbox: the sender is told."
        when_full = (script.command("ereject", MAILBOX_FULL, needs=("ereject",)),)
    return Command("if", (), (is_full,), when_full, comment=comment)


def _forwarding(script: _Script, forwarding: Forwarding) -> Command:
    target = script.text(forwarding.target)
    if forwarding.copy:
        return script.command(
            "redirect", Tag("copy"), target, needs=("copy",), comment="Forwarding; a copy stays here."
        )
    return script.command("redirect", target, comment="Forwarding; no copy stays here.")


def _vacation(script: _Script, away: Away) -> Command:
    """On the days that were named."""
    comment = "Out of office."
    subject: tuple[Argument, ...] = (Tag("subject"), script.text(away.subject)) if away.subject else ()
    reply = script.command("vacation", *subject, script.text(away.text), needs=("vacation",), comment=comment)
    days = [(sign, day.isoformat()) for sign, day in (("ge", away.first_day), ("le", away.last_day)) if day]
    if not days:
        return reply
    script.required["date"] = None
    tests = tuple(SieveTest("currentdate", (Tag("value"), sign, "date", day)) for sign, day in days)
    inner = Command(reply.name, reply.arguments)
    return Command("if", (), (SieveTest("allof", (), tests),), (inner,), comment=comment)


# Simple filters


def _rule(
    script: _Script, settings: Settings, rule: FilterRule, number: int, may_be_stopped: bool, *, last: bool
) -> Command:
    tests = tuple(_test(script, condition) for condition in rule.conditions)
    if not tests:
        test = SieveTest("true")
    else:
        test = tests[0] if len(tests) == 1 else SieveTest("allof" if rule.every else "anyof", (), tests)
    if may_be_stopped:
        stopped = SieveTest("string", (Tag("is"), "${" + STOPPED + "}", "yes"))
        test = SieveTest("allof", (), (SieveTest("not", (), (stopped,)), test))
    comment = f"Filter {number}: {rule.name}"
    for action in rule.actions:
        if action.verb is FilterVerb.FORWARD and not _may_forward(settings, action.target):
            comment += f"\nNot forwarded: {action.target} has not agreed to it."
    return Command("if", (), (test,), tuple(_actions(script, settings, rule, last)), comment=comment)


def _may_forward(settings: Settings, target: str) -> bool:
    return settings.targets is None or target.lower() in settings.targets


def _test(script: _Script, condition: FilterCondition) -> SieveTest:
    match, value = Tag(condition.match.value), script.text(condition.value)
    match condition.field, condition.match:
        case FilterField.SIZE, _:
            return SieveTest("size", (match, int(condition.value)))
        case FilterField.HEADER, _:
            return SieveTest("header", (match, script.text(condition.header), value))
        case FilterField.LIST_ID, FilterMatch.IS:  # the identifier stands between < and > (RFC 2919 section 3)
            identifier = value if value.startswith("<") else f"<{value}>"
            return SieveTest("header", (Tag("contains"), "list-id", identifier))
        case (FilterField.FROM | FilterField.TO) as place, FilterMatch.IS:
            return SieveTest("address", (match, _names(place), value))
        case place, _:
            return SieveTest("header", (match, _names(place), value))


def _names(place: FilterField) -> Argument:
    names = _FIELDS[place]
    return names if len(names) > 1 else names[0]


def _actions(script: _Script, settings: Settings, rule: FilterRule, last: bool) -> list[Command]:
    """Flags first, so that what is filed has them; DELETE and STOP last."""
    wanted = {action.verb: action for action in rule.actions}
    flags = []
    if FilterVerb.READ in wanted:
        flags.append("\\Seen")
    flags += [action.target or "\\Flagged" for action in rule.actions if action.verb is FilterVerb.FLAG]
    done: list[Command] = []
    if flags:
        done.append(script.command("addflag", tuple(dict.fromkeys(flags)), needs=("imap4flags",)))
    for action in rule.actions:
        if action.verb is FilterVerb.FILE:
            needs = ("fileinto", "mailbox")
            done.append(script.command("fileinto", Tag("create"), script.text(action.target), needs=needs))
        elif action.verb is FilterVerb.FORWARD and _may_forward(settings, action.target):
            done.append(script.command("redirect", Tag("copy"), script.text(action.target), needs=("copy",)))
    if FilterVerb.DELETE in wanted:
        return [*done, Command("discard"), Command("stop")]
    if FilterVerb.STOP in wanted:
        forwards_only = settings.forwards and not settings.forwarding.copy
        if FilterVerb.FILE not in wanted and not forwards_only:
            done.append(Command("keep"))  # so that the personal script is not asked either
        if not last:
            done.append(Command("set", (STOPPED, "yes")))
    return done
