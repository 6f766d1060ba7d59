"""The address book, and the names that the owner writes under."""

from flask import Response, flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services import client_settings
from mailcore.services.webmail import address_book as service
from mailcore.services.webmail import address_cards, mail_settings, overview, push, vapid
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.mail_settings import MailSettings
from portal import current, downloads
from portal.access import owner_only, takes
from portal.addresses import url_for
from portal.errors import answer
from portal.request_values import number
from portal.webmail import reader
from portal.webmail.forms import ContactForm, IdentityForm, ReadingForm
from portal.webmail.views import A_MESSAGE, blueprint

Answer = str | BaseResponse | tuple[str, int]


@blueprint.route("/mail/contacts", methods=["GET", "POST"])
@takes(A_MESSAGE)
@owner_only
def contacts() -> Answer:
    """Show contacts: collected, entered by hand, read from a vCard file."""
    core, owner = current.core(), current.owner()
    form, problem, code = ContactForm(), "", 200
    if request.method == "POST":
        try:
            return _change(form)
        except MailError as trouble:
            code, problem = answer(trouble)
    else:
        form.address.data, form.name.data = request.args.get("address", ""), request.args.get("name", "")
    contacts = service.list_contacts(core, owner.id)
    boxes = overview.list_mailboxes(core, owner.id)
    there = client_settings.format_address_book_url(core.config)
    page = render_template(
        "webmail/contacts.html", form=form, found=contacts, boxes=boxes, problem=problem, address_book=there
    )
    return page, code


def _change(form: ContactForm) -> BaseResponse:
    core, owner = current.core(), current.owner()
    match request.form.get("action"):
        case "delete":
            count = service.delete(core, owner.id, request.form.getlist("id"))
            flash(ngettext("%(num)s address removed.", "%(num)s addresses removed.", count))
        case "read":
            file = request.files.get("cards")
            octets = file.stream.read() if isinstance(file, FileStorage) else b""
            count = address_cards.import_cards(core, owner.id, octets)
            flash(ngettext("%(num)s address read.", "%(num)s addresses read.", count))
        case _:
            service.save(core, owner.id, form.address.data or "", form.name.data or "", form.note.data or "")
            flash(_("The address is saved."))
    return redirect(url_for("webmail.contacts"), 303)


@blueprint.get("/mail/contacts.vcf")
@owner_only
def contacts_file() -> Response:
    cards = Response(
        address_cards.write_file(current.core(), current.owner().id), content_type="text/vcard; charset=utf-8"
    )
    downloads.name_file(cards, "contacts.vcf")
    return cards


@blueprint.route("/mail/settings", methods=["GET", "POST"])
@owner_only
def settings() -> Answer:
    """Names and signatures; how lists and messages are shown."""
    core, owner = current.core(), current.owner()
    own = owner.address(core.config.domain)
    form, reading = IdentityForm(), ReadingForm()
    problem, code = "", 200
    if request.method == "POST":
        try:
            return _set(form, reading)
        except MailError as trouble:
            code, problem = answer(trouble)
    names = service.identities(core, owner.id, owner.display_name, own)
    chosen = next((one for one in names if str(one.id) == request.args.get("name", "")), None)
    if request.method == "GET":
        now = reader.read_settings()
        reading.threads.data, reading.html_first.data = now.threads, now.html_first
        reading.undo_seconds.data, reading.snippets.data = now.undo_seconds, now.snippets
        shown = chosen or WriterName(0, owner.display_name, own, first=not names[0].id)
        form.name.data, form.address.data, form.reply_to.data = shown.name, shown.address, shown.reply_to
        form.signature.data, form.first.data = shown.signature, shown.first
    boxes = overview.list_mailboxes(core, owner.id)
    page = render_template(
        "webmail/settings.html",
        form=form,
        reading=reading,
        names=[one for one in names if 0 < one.id < service.OF_ADDRESS],
        chosen=chosen,
        boxes=boxes,
        problem=problem,
        browsers=push.list_browsers(core, owner.id),
        push_key=vapid.find_public_key(core.config),
    )
    return page, code


def _set(form: IdentityForm, reading: ReadingForm) -> BaseResponse:
    core, owner = current.core(), current.owner()
    id_ = number(request.form.get("id"))
    match request.form.get("action"):
        case "reading":
            mail_settings.save_settings(
                core,
                owner.id,
                MailSettings(
                    reading.threads.data,
                    reading.html_first.data,
                    int(reading.undo_seconds.data or 0),
                    reading.snippets.data,
                ),
            )
            flash(_("That is how it is shown from now on."))
        case "delete":
            service.delete_identity(core, owner.id, id_)
            flash(_("The name is removed."))
        case _:
            name, spec, sign, to = (one.data or "" for one in (form.name, form.address, form.signature, form.reply_to))
            wish = WriterName(id_, name, spec, sign, to, bool(form.first.data))
            service.save_identity(core, owner.id, wish)
            flash(_("The name is saved."))
    return redirect(url_for("webmail.settings"), 303)
