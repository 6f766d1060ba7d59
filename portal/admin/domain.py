"""The domain: DNS records with what is missing, the rotation of DKIM keys, the certificate; a page for each."""

from flask import abort, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services import certificates
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import dns_records, dns_watch, key_questions
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import EmptyForm


@blueprint.get("/domain")
@admin_only
def domain() -> str:
    look = dns_watch.load_last_look(current.core())
    return render_template(
        "admin/domain.html",
        look=look,
        state_words=spoken.RECORD_STATES,
        zone_line=dns_records.format_zone_line,
        form=EmptyForm(),
    )


@blueprint.post("/domain/look")
@admin_only
def look_at_dns() -> BaseResponse:
    if EmptyForm().validate_on_submit():
        dns_watch.check_records(current.core(), anew=True)
        flash(_("DNS was asked just now."))
    return redirect(url_for("admin.domain"), 303)


@blueprint.route("/domain/dkim", methods=["GET", "POST"])
@admin_only
def dkim() -> Answer:
    """Show the keys of each domain, and take the next step of a rotation."""
    core, form, problem = current.core(), ProofForm(), ""
    domains = core.config.mail_domains
    chosen = request.form.get("domain", domains[0])
    if chosen not in domains:
        abort(400)
    if form.validate_on_submit():
        try:
            check_proof(form)
            flash(_rotate(chosen))
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return redirect(url_for("admin.dkim"), 303)
    page = render_template(
        "admin/dkim.html",
        keys=[(name, dkim_keys.list_generations(core.config, name)) for name in domains],
        chosen=chosen,
        key_words=spoken.KEY_STATES,
        form=form,
        problem=problem,
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200


def _rotate(name: str) -> str:
    """Take a step, and say which."""
    done = key_questions.rotate(current.core(), name, actor=current.owner().name)
    if done.made is not None:
        return _("New keys are made. Publish their records, and take the next step when DNS shows them.")
    if done.signs is not None:
        return _("The new keys sign from now on. Leave the records of the old ones for two weeks.")
    if done.missing:
        return _("DNS does not show %(names)s yet. Nothing was changed.", names=", ".join(done.missing))
    return _("There was nothing to do.")


@blueprint.get("/domain/certificate")
@admin_only
def certificate() -> str:
    core = current.core()
    facts = certificates.read_facts(core.config)
    return render_template(
        "admin/certificate.html",
        facts=facts,
        path=core.config.certificate_path,
        days=(facts.ends - core.clock.now()).days if facts else 0,
    )
