"""Pages of moving day: what hangs on the address, who writes to it, and how far one has come (N31)."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import RegistrationKind
from mailcore.errors import InvalidName, MailError
from mailcore.services.transfer import moving_day, moving_letters, moving_scan
from portal import current
from portal.access import owner_only
from portal.addresses import url_for
from portal.errors import answer
from portal.moving.forms import LetterForm, PlanForm
from portal.request_values import number

blueprint = Blueprint("moving", __name__)
Answer = str | BaseResponse | tuple[str, int]
REFRESH_SECONDS = 3
MAX_PAGE = 1000
KINDS = {
    RegistrationKind.ACCOUNT: _l("user account"),
    RegistrationKind.PURCHASE: _l("shopping or travel"),
    RegistrationKind.BANK: _l("bank or insurance"),
    RegistrationKind.PUBLIC: _l("public service"),
    RegistrationKind.NEWSLETTER: _l("newsletter"),
    RegistrationKind.LIST: _l("mailing list"),
}


def _page_number() -> int:
    return min(MAX_PAGE, max(0, number(request.args.get("page"), 0)))


def _page(form: PlanForm | None = None, problem: object = "", code: int = 200) -> Response:
    core, owner = current.core(), current.owner().id
    moving = moving_day.read_moving(core, owner)
    page = _page_number()
    if form is None:
        form = PlanForm(formdata=None, new_address=moving.new_address, until=moving.until)
    shown = make_response(
        render_template(
            "moving/index.html",
            moving=moving,
            services=moving_day.list_services(core, owner, page),
            page=page,
            pages=-(-moving.services // moving_day.SERVICES_SHOWN),
            kinds=KINDS,
            form=form,
            problem=problem,
        ),
        code,
    )
    if code == 200 and moving.state == "running":
        shown.headers["Refresh"] = str(REFRESH_SECONDS)
    return shown


@blueprint.get("/moving")
@owner_only
def index() -> Response:
    return _page()


@blueprint.post("/moving/scan")
@owner_only
def scan() -> BaseResponse:
    """Look through the mail: some seconds of it at once, the rest by a job while the page is shown."""
    core, owner = current.core(), current.owner().id
    moving_scan.start_scan(core, owner)
    moving_scan.scan(core, owner, moving_day.SCAN_SECONDS)
    return redirect(url_for("moving.index") + "#services", 303)


@blueprint.post("/moving/services")
@owner_only
def tick() -> BaseResponse:
    moving_day.tick_services(
        current.core(), current.owner().id, request.form.getlist("shown"), request.form.getlist("done")
    )
    flash(_("Saved."))
    return redirect(url_for("moving.index", page=_page_number() or None) + "#services", 303)


@blueprint.post("/moving/plan")
@owner_only
def plan() -> Answer:
    form = PlanForm()
    if not form.validate_on_submit():
        return _page(form, code=400)
    try:
        moving_day.save_wishes(current.core(), current.owner().id, form.until.data, form.new_address.data or "")
    except InvalidName as trouble:
        code, words = answer(trouble)
        return _page(form, words, code)
    flash(_("Saved."))
    return redirect(url_for("moving.index"), 303)


def _people_page(form: LetterForm, problem: object = "", code: int = 200) -> Answer:
    core, owner = current.core(), current.owner().id
    moving = moving_day.read_moving(core, owner)
    page = _page_number()
    return render_template(
        "moving/people.html",
        moving=moving,
        people=moving_day.list_people(core, owner, page),
        page=page,
        pages=-(-sum(moving.people.values()) // moving_day.PEOPLE_SHOWN),
        form=form,
        problem=problem,
    ), code


@blueprint.get("/moving/people")
@owner_only
def people() -> Answer:
    owner = current.owner()
    subject, text = moving_letters.read_letter(current.core(), owner.id)
    return _people_page(LetterForm(formdata=None, subject=subject or _("I have a new address"), text=text or _draft()))


def _draft() -> str:
    """Words to begin with; the owner changes them."""
    owner = current.owner()
    new = moving_day.find_new_address(current.core(), owner.id)
    return _(
        "Hello!\n\nI am moving away from %(old)s. Please write to me at %(new)s from now on, and change it in your address"
        " book.\n\n%(name)s",
        old=owner.address(current.core().config.domain),
        new=new or _("(your new address)"),
        name=owner.display_name or owner.name,
    )


@blueprint.post("/moving/people")
@owner_only
def write() -> Answer:
    """Let those who are ticked have the message, in portions."""
    form = LetterForm()
    chosen = request.form.getlist("person")[: moving_day.MAX_KEYS]
    if not form.validate_on_submit():
        return _people_page(form, code=400)
    if not chosen:
        return _people_page(form, _("Choose some people first."), 400)
    try:
        count = moving_letters.choose_people(
            current.core(), current.owner().id, chosen, form.subject.data or "", form.text.data or ""
        )
    except MailError as trouble:
        code, words = answer(trouble)
        return _people_page(form, words, code)
    flash(
        ngettext(
            "The message goes to %(num)s person.",
            "The message goes to %(num)s people, some at a time.",
            count,
        )
    )
    return redirect(url_for("moving.people", page=_page_number() or None), 303)


@blueprint.post("/moving/people/stop")
@owner_only
def stop() -> BaseResponse:
    count = moving_letters.stop_sending(current.core(), current.owner().id)
    flash(ngettext("%(num)s message is not sent.", "%(num)s messages are not sent.", count))
    return redirect(url_for("moving.people"), 303)
