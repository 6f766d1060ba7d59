"""Questions and answers, and the desk's standard answers: edited as text, with a preview."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import Length

from mailcore.errors import MailError
from mailcore.services.operations import faq, site_texts
from mailcore.services.operations.site_texts import TextKind
from mailcore.services.tickets import canned
from portal import current, i18n
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.i18n import LANGUAGES
from portal.web_form import Form


class TextForm(Form):
    text = TextAreaField(
        _l("Text"),
        [Length(max=site_texts.MAX_LENGTH, message=_l("This is too long."))],
        render_kw={"rows": 20, "spellcheck": "true"},
    )


@blueprint.get("/texts")
@admin_only
def texts() -> str:
    listed: dict[tuple[str, str], list[site_texts.TextName]] = {}
    for one in site_texts.list_texts(current.core()):
        listed.setdefault((one.kind, one.name), []).append(one)
    return render_template(
        "admin/texts.html",
        listed=listed,
        titles=_list_titles(),
        kind_words=spoken.TEXT_KINDS,
        language_names=LANGUAGES,
    )


def _list_titles() -> dict[tuple[str, str], str]:
    """Map kind and name to what people see above the text, in the reader's language."""
    core, language = current.core(), i18n.language()
    sections = {(TextKind.FAQ.value, one.topic): one.title for one in faq.list_sections(core, language)}
    return sections | {(TextKind.CANNED.value, one.name): one.title for one in canned.list_answers(core, language)}


@blueprint.route("/texts/<kind>/<name>/<language>", methods=["GET", "POST"])
@admin_only
def text(kind: str, name: str, language: str) -> Answer:
    """Edit a text: look at it first, save it, or go back to the shipped one."""
    core, agent = current.core(), current.owner()
    chosen = site_texts.check_name(kind, name, language)
    form, problem, action, shown = TextForm(), "", request.form.get("action", ""), False
    if form.validate_on_submit():
        try:
            if action == "remove":
                site_texts.remove_text(core, chosen, name, language, actor=agent.name)
                flash(_("The text that comes with the program is shown again."))
                return redirect(url_for("admin.texts"), 303)
            if action == "save":
                site_texts.save_text(core, chosen, name, language, form.text.data or "", actor=agent.name)
                flash(_("The text is saved, and shown from now on."))
                return redirect(url_for("admin.texts"), 303)
            site_texts.check_text(core, chosen, name, language, (form.text.data or "").replace("\r\n", "\n"))
            shown = True
        except MailError as trouble:
            problem = words_of(trouble)
    elif request.method == "GET":
        form.text.data = site_texts.load_text(core, chosen, name, language)
    written = (form.text.data or "").replace("\r\n", "\n")
    page = render_template(
        "admin/text.html",
        kind=chosen,
        kind_words=spoken.TEXT_KINDS,
        name=name,
        text_language=language,
        language_names=LANGUAGES,
        own=any(one.own for one in site_texts.list_texts(core) if (one.kind, one.name, one.language) == (chosen, name, language)),
        form=form,
        problem=problem,
        section=faq.render_section(core, name, language, written) if shown and chosen is TextKind.FAQ else None,
        answer=canned.render_answer(core, name, written) if shown and chosen is TextKind.CANNED else None,
    )  # fmt: skip
    return page, 400 if problem or form.errors else 200
