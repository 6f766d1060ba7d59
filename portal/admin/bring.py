"""Import of accounts from a file: sent, looked at line by line, and confirmed; a job creates them."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _

from mailcore.domain import ImportState
from mailcore.errors import MailError
from mailcore.services.operations import account_imports
from portal import current
from portal.access import Large, admin_only, takes
from portal.addresses import url_for
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import EmptyForm

SHOWN_FAULTS, SHOWN_ACCOUNTS = 50, 5


@blueprint.route("/import", methods=["GET", "POST"])
@takes(Large(lambda _core: account_imports.MAX_OCTETS + 2**20))
@admin_only
def bring() -> Answer:
    core, form, problem = current.core(), EmptyForm(), ""
    if form.validate_on_submit():
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            problem = _("Choose a file first.")
        else:
            try:
                octets = sent.stream.read(account_imports.MAX_OCTETS + 1)
                number = account_imports.begin_import(core, octets, sent.filename, agent=current.owner())
            except MailError as trouble:
                problem = words_of(trouble)
            else:
                return redirect(url_for("admin.brought", number=number), 303)
    page = render_template("admin/bring.html", form=form, problem=problem, imports=account_imports.list_imports(core))
    return page, 400 if problem else 200


@blueprint.route("/import/<int:number>", methods=["GET", "POST"])
@admin_only
def brought(number: int) -> Answer:
    """Show what a file would create and what is wrong with it; later how far it is."""
    core, form, problem = current.core(), ProofForm(), ""
    brought_file = account_imports.find_import(core, number)
    if brought_file.state is not ImportState.PREVIEW:
        return render_template("admin/import_progress.html", brought=brought_file)
    if request.form.get("action") == "drop" and EmptyForm().validate_on_submit():
        account_imports.drop_import(core, number)
        flash(_("Nothing was imported, and the file is deleted."))
        return redirect(url_for("admin.bring"), 303)
    if form.validate_on_submit():
        try:
            check_proof(form)
            account_imports.confirm_import(core, number, agent=current.owner())
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return redirect(url_for("admin.brought", number=number), 303)
    page = render_template(
        "admin/import_preview.html",
        brought=brought_file,
        people=account_imports.preview_import(core, number),
        fault_words=spoken.FAULTS,
        shown_faults=SHOWN_FAULTS,
        shown_accounts=SHOWN_ACCOUNTS,
        form=form,
        problem=problem,
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200
