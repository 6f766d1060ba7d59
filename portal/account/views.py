"""The account: who you are here, and the language of pages and of mail from us."""

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask_babel import gettext as _
from flask_babel import refresh
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services import accounts
from portal import i18n, web
from portal.account.forms import LanguageForm

blueprint = Blueprint("account", __name__)


@blueprint.route("/account", methods=["GET", "POST"])
@web.login_required
def index() -> str | BaseResponse:
    form = LanguageForm(language=i18n.language())
    if form.validate_on_submit():
        session["language"] = form.language.data
        accounts.set_language(web.core(), web.owner().id, form.language.data)
        refresh()
        flash(_("Saved."))
        return redirect(url_for("account.index"))
    return render_template("account/index.html", form=form)
