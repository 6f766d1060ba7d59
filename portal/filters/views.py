"""Filters as sentences, and the person's own Sieve scripts.  Plain forms; the order is changed by buttons.

A form names a filter by its number and what all filters were when the page was made, so two open pages cannot mix them up.
"""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import FilterField, FilterMatch, FilterRule, FilterVerb
from mailcore.errors import MailError, ScriptInvalid, ScriptNotFound
from mailcore.services.sieve_scripts import filters
from mailcore.services.webmail import overview
from portal import current, formats, i18n, request_values
from portal.access import owner_only
from portal.addresses import url_for
from portal.errors import answer
from portal.filters import rule_form, words
from portal.filters.rule_form import RuleForm
from portal.in_place import mark_of

blueprint = Blueprint("filters", __name__)
Answer = str | BaseResponse | tuple[str, int]


def _titles() -> dict[str, str]:
    return {box.name: formats.mailbox_title(box) for box in overview.list_mailboxes(current.core(), current.owner().id)}


def _keys(rules: Sequence[FilterRule]) -> list[str]:
    """Name each filter by what it does, so that a button stays the same one, with the focus, when its filter moves or is off."""
    names = [mark_of(rule.name, rule.conditions, rule.actions) for rule in rules]
    return [f"{name}-{names[:at].count(name)}" for at, name in enumerate(names)]


def _stale(rules: Sequence[FilterRule]) -> bool:
    if request.form.get("mark") == mark_of(*rules):
        return False
    flash(_("The filters were changed elsewhere meanwhile. Look at them again."))
    return True


@blueprint.get("/filters")
@owner_only
def index() -> str:
    core, owner = current.core(), current.owner().id
    rules, titles = filters.list_rules(core, owner), _titles()
    return render_template(
        "filters/index.html",
        rules=[(rule, words.sentence(rule, titles)) for rule in rules],
        mark=mark_of(*rules),
        keys=_keys(rules),
        scripts=filters.read_scripts(core, owner),
        generated=filters.read_generated(core, owner),
    )


@blueprint.post("/filters")
@owner_only
def change() -> BaseResponse:
    """One button of the list: up, down, on, off, delete."""
    core, owner = current.core(), current.owner().id
    rules = list(filters.list_rules(core, owner))
    action, _sep, text = request.form.get("action", "").partition(" ")
    back = redirect(url_for("filters.index"), 303)
    at = request_values.number(text, -1)
    if _stale(rules) or not 0 <= at < len(rules):
        return back
    rule = rules[at]
    match action:
        case "up" if at > 0:
            rules[at - 1 : at + 1] = [rule, rules[at - 1]]
        case "down" if at + 1 < len(rules):
            rules[at : at + 2] = [rules[at + 1], rule]
        case "on" | "off":
            rules[at] = FilterRule(rule.name, rule.conditions, rule.actions, rule.every, action == "on")
        case "delete":
            del rules[at]
            flash(_("The filter is deleted."))
        case _:
            return back
    filters.save_rules(core, owner, rules)
    return back


@blueprint.route("/filters/new", methods=["GET", "POST"])
@owner_only
def new() -> Answer:
    return _edit(None)


@blueprint.route("/filters/<int:number>", methods=["GET", "POST"])
@owner_only
def edit(number: int) -> Answer:
    return _edit(number)


def _edit(number: int | None) -> Answer:
    """`number` counts from 1; None = a new one at the end."""
    core, owner = current.core(), current.owner().id
    rules = list(filters.list_rules(core, owner))
    before = rules[number - 1] if number is not None and 0 < number <= len(rules) else None
    if number is not None and before is None:
        return redirect(url_for("filters.index"), 303)
    if request.method == "GET":
        return _rule_page(rule_form.of_rule(before) if before else rule_form.empty(), rules, number)
    form = rule_form.read(request.form)
    if request.form.get("action") == "more":
        return _rule_page(_with_more_rows(form), rules, number, first_new=len(form.rows) + 1)
    if _stale(rules):
        return redirect(url_for("filters.index"), 303)
    try:
        made = rule_form.to_rule(form, before)
        if _targets(made) - {target for rule in rules for target in _targets(rule)} and _unasked():
            current.prove(request.form.get("password", ""))
        place = number - 1 if number is not None else len(rules)
        filters.save_rules(core, owner, [*rules[:place], made, *rules[place + 1 :]])
    except ScriptInvalid as problem:
        return _rule_page(form, rules, number, words.problem(problem), 400)
    except MailError as problem:
        code, told = answer(problem)
        return _rule_page(form, rules, number, told, code)
    flash(_("The filter is saved."))
    return redirect(url_for("filters.index"), 303)


def _targets(rule: FilterRule) -> set[str]:
    return {action.target.lower() for action in rule.actions if action.verb is FilterVerb.FORWARD}


def _unasked() -> bool:
    """Say if targets are taken without asking them.  Then the password is asked for, as on the page of forwarding."""
    return current.core().config.forwarding.targets == "any"


def _with_more_rows(form: RuleForm) -> RuleForm:
    return RuleForm(
        form.name,
        form.every,
        (*form.rows, *rule_form.empty().rows)[: rule_form.MAX_ROWS],
        form.file,
        form.new_mailbox,
        form.read,
        form.flag,
        form.forward,
        form.delete,
        form.stop,
    )


def _rule_page(
    form: RuleForm,
    rules: Sequence[FilterRule],
    number: int | None,
    problem: str = "",
    code: int = 200,
    *,
    first_new: int = 0,
) -> Answer:
    """`first_new` is the first of the conditions that were asked for, counted from 1."""
    page = render_template(
        "filters/rule.html",
        form=form,
        first_new=first_new,
        number=number,
        mark=mark_of(*rules),
        problem=problem,
        titles=_titles(),
        fields=[(one.value, words.field(one)) for one in FilterField],
        matches=[(one.value, words.match(one)) for one in FilterMatch],
        unasked=_unasked(),
    )
    return page, code


# The person's own scripts


@blueprint.route("/filters/scripts/", methods=["GET", "POST"])
@owner_only
def new_script() -> Answer:
    name = request.form.get("name", "").strip()
    return _script(name, request.form.get("source", ""), is_new=True)


@blueprint.route("/filters/scripts/<name>", methods=["GET", "POST"])
@owner_only
def script(name: str) -> Answer:
    found = filters.get_script(current.core(), current.owner().id, name)
    return _script(name, request.form.get("source", found.source), is_new=False)


def _script(name: str, source: str, *, is_new: bool) -> Answer:
    """Check, save, activate or delete; errors stand beside their line and nothing that was typed is lost."""
    core, owner = current.core(), current.owner().id
    action = request.form.get("action", "")
    if request.method == "GET":
        return _script_page(name, source, is_new=is_new)
    source = source.replace("\r\n", "\n")
    mistakes, advice = filters.examine(core, owner, source)
    if mistakes:
        told = _("The script has mistakes; see the lines below.")
        return _script_page(name, source, is_new=is_new, remarks=mistakes, problem=told, code=400)
    if action == "check":
        told = _("The script has no mistakes, but see the lines below.") if advice else _("The script has no mistakes.")
        return _script_page(name, source, is_new=is_new, remarks=advice, good=told)
    if in_the_way := _in_the_way(name, is_new=is_new):
        return _script_page(name, source, is_new=is_new, problem=in_the_way, code=409)
    try:
        proven = _needs_password(name, source, activate=action == "activate")
        if proven:
            current.prove(request.form.get("password", ""))
        saved = filters.put_script(core, owner, name, source.replace("\n", "\r\n"))
        if action == "activate" or saved.active:
            filters.set_active_script(core, owner, name, proven=proven)
    except MailError as problem:
        code, told = answer(problem)
        return _script_page(name, source, is_new=is_new, problem=told, code=code)
    flash(_("The script is saved and active.") if action == "activate" else _("The script is saved."))
    return redirect(url_for("filters.index"), 303)


def _now(name: str) -> str | None:
    """The script as it stands; a mail program may have written it."""
    try:
        return filters.get_script(current.core(), current.owner().id, name).source.replace("\r\n", "\n")
    except ScriptNotFound:
        return None


def _needs_password(name: str, source: str, *, activate: bool) -> bool:
    """Say if the password is needed: for a script that sends mail on and is new, changed or to be activated."""
    core, owner = current.core(), current.owner().id
    if not filters.sends_on(core, owner, source):
        return False
    known = next((script for script in filters.read_scripts(core, owner) if script.name == name), None)
    is_new = known is None or known.held or known.source.replace("\r\n", "\n") != source
    return is_new or (activate and known is not None and not known.active)


def _in_the_way(name: str, *, is_new: bool) -> str:
    """A script that this page has not shown is never written over."""
    now = _now(name)
    if is_new and now is not None:
        return _("There is a script of that name already. Choose another name.")
    if not is_new and now is not None and request.form.get("mark") != mark_of(now):
        return _(
            "The script was changed elsewhere while you wrote. Look at it in another window; saving once more replaces it."
        )
    return ""


def _script_page(
    name: str,
    source: str,
    *,
    is_new: bool,
    remarks: Sequence[filters.Remark] = (),
    problem: object = "",
    good: str = "",
    code: int = 200,
) -> Answer:
    told: dict[int, list[str]] = {}
    for one in remarks:
        told.setdefault(one.line, []).append(i18n.translate(one.text))
    lines = source.replace("\r\n", "\n").split("\n")
    page = render_template(
        "filters/script.html",
        name=name,
        source=source,
        is_new=is_new,
        problem=problem,
        good=good,
        lines=[(number, line, told.get(number, ())) for number, line in enumerate(lines, 1)] if told else (),
        mark=mark_of(_now(name) or ""),
    )
    return page, code


@blueprint.post("/filters/scripts/<name>/<any(activate, deactivate, delete):action>")
@owner_only
def do_script(name: str, action: str) -> BaseResponse:
    core, owner = current.core(), current.owner().id
    if action == "delete":
        filters.delete_script(core, owner, name)
        flash(_("The script is deleted."))
    elif action == "activate" and _needs_password(name, (_now(name) or ""), activate=True):
        flash(_("This script sends mail on. Read it, and activate it with your password."))
        return redirect(url_for("filters.script", name=name), 303)
    else:
        filters.set_active_script(core, owner, name if action == "activate" else "")
        flash(_("The script is active.") if action == "activate" else _("No script of yours is active."))
    return redirect(url_for("filters.index"), 303)
