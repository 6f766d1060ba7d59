"""Questions and answers, and the form to the help desk, for everyone: who is locked out gives another address."""

from flask import Blueprint, g, redirect, render_template, request, session
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import NewFile
from mailcore.errors import Busy, InvalidName, MailError
from mailcore.services import client_settings
from mailcore.services.filtering import uploads
from mailcore.services.operations import client_doctor as doctor_service
from mailcore.services.operations import faq as faq_service
from mailcore.services.tickets import ticket_text, tickets
from portal import current, i18n, in_place
from portal.access import Large, open_to_ended, owner_only, public, takes
from portal.addresses import url_for
from portal.errors import answer
from portal.help.forms import KINDS, HelpForm, is_human, stamp

blueprint = Blueprint("help", __name__)
MAX_FORM = ticket_text.MAX_FILES * ticket_text.MAX_FILE_OCTETS + 2**20
Answer = str | BaseResponse | tuple[str, int]


@blueprint.get("/faq")
@open_to_ended
@public
def faq() -> str:
    return render_template("help/faq.html", sections=faq_service.list_sections(current.core(), i18n.language()))


@blueprint.get("/clients")
@public
def clients() -> str:
    config = current.core().config
    there = client_settings.format_address_book_url(config)
    return render_template("help/clients.html", servers=client_settings.list_servers(config), address_book=there)


@blueprint.get("/clients/doctor")
@owner_only
def doctor() -> str | tuple[str, int]:
    """HTMX asks for the rows alone, every few seconds."""
    found = doctor_service.list_tries(current.core(), current.owner().id, current.peer())
    mark = in_place.mark_of(found)
    if in_place.has_seen(mark):
        return in_place.no_news()
    return render_template("help/_tries.html" if in_place.wants_part() else "help/doctor.html", tries=found, mark=mark)


def read_files(sent: list[FileStorage]) -> tuple[list[NewFile], str]:
    """Return the files that may be saved, and words about those that may not.  Raises Busy: they cannot be scanned now."""
    limit = ticket_text.MAX_FILE_OCTETS
    found = [(one.filename or "", one.stream.read(limit + 1)) for one in sent if one.filename]
    for one in sent:
        one.close()
    files, refused = ticket_text.select_files(found)
    if refused:
        return files, _(
            "These files cannot be sent: %(names)s. Pictures, PDF and text up to 4 MB can.", names=", ".join(refused)
        )
    if harmful := uploads.list_harmful(current.core(), files, peer=current.peer()):
        return [], _(
            "These files were refused, as a virus scanner found something in them: %(names)s.", names=", ".join(harmful)
        )
    return files, ""


@blueprint.route("/help", methods=["GET", "POST"])
@takes(Large(lambda _core: MAX_FORM, known=lambda _core: True))
@open_to_ended
@public
def index() -> Answer:
    form = HelpForm()
    now = current.core().clock.seconds()
    problem, code = "", 200
    if request.method == "GET":
        form.shown.data = stamp(now)
        asked = request.args.get("about", "")
        form.kind.data = asked if asked in KINDS else "other"
        form.subject.data = request.args.get("subject", "")[:200]
        form.text.data = request.args.get("text", "")[:2000]
    elif form.validate_on_submit():
        try:
            files, problem = read_files(form.files.data or [])
        except Busy as trouble:
            files, (code, words) = [], answer(trouble)
            problem = str(words)
        if not problem and g.account is None and not is_human(form.website.data or "", form.shown.data or "", now):
            problem = _("That was too quick, or the page was open for too long. Please send it once more.")
            form.shown.raw_data = None
            form.shown.data = stamp(now)
        if not problem:
            try:
                ticket = tickets.submit_form(
                    current.core(),
                    kind=form.kind.data,
                    subject=form.subject.data,
                    text=form.text.data,
                    reply_to=form.reply_to.data or "",
                    owner=g.account,
                    peer=current.peer(),
                    language=i18n.language(),
                    files=files,
                    name=(g.account.display_name or g.account.name) if g.account else (form.reply_to.data or ""),
                )
            except InvalidName:
                form.reply_to.errors = [_("This is not an e-mail address that we can answer to.")]
            except MailError as trouble:
                code, words = answer(trouble)
                problem = str(words)
            else:
                session["ticket"] = ticket.id
                return redirect(url_for("help.sent"))
    code = 400 if code == 200 and (form.errors or problem) else code
    return render_template("help/index.html", form=form, problem=problem), code


@blueprint.get("/help/sent")
@public
def sent() -> Answer:
    number = session.get("ticket")
    if not number:
        return redirect(url_for("help.index"))
    return render_template("help/sent.html", number=number)
