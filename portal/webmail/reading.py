"""One message: the page, the designed version in its frame, header, source, files, print."""

from urllib.parse import urlencode

from flask import Response, current_app, g, render_template, request

from mailcore.errors import MailboxNotFound
from mailcore.services.webmail import (
    address_book,
    attachments,
    html_mail,
    invitations,
    mail_actions,
    mail_view,
    message_content,
    overview,
    remote_pictures,
    snooze,
)
from mailcore.services.webmail import inside as messages_inside
from mailcore.services.webmail.message_content import Content
from portal import current, downloads, request_values
from portal.access import owner_only, public, same_for_all
from portal.addresses import url_for
from portal.webmail import invitation_words, reader, snoozing
from portal.webmail.views import blueprint


@blueprint.get("/mail/<path:mailbox>/<int:uid>")
@owner_only
def message(mailbox: str, uid: int) -> str:
    """`?pictures=1` shows pictures from the network too, `?portion=2` the next portion of a very large text."""
    core, owner = current.core(), current.owner()
    domains = address_book.domains(core, owner.id)
    reading = mail_view.read_message(core, owner.id, mailbox, uid, domains, _portion())
    g.account = overview.read_account(core, owner.id)
    return render_template(
        "webmail/message.html",
        reading=reading,
        content=reading.content,
        inside=reading.inside,
        boxes=overview.list_mailboxes(core, owner.id),
        html_first=_is_html_first(reading.content),
        pictures="pictures" in request.args,
        meeting_words=invitation_words,
        times=snoozing.list_times(),
        comes_back=snooze.find_time(core, owner.id, mailbox, uid) if reading.mailbox.name == snooze.NAME else None,
    )


@blueprint.get("/mail/<path:mailbox>/<int:uid>/inside/<inside>")
@owner_only
def inside_page(mailbox: str, uid: int, inside: str) -> str:
    """Show a message within a message: an attached one, or what is in a winmail.dat."""
    core, owner = current.core(), current.owner()
    opened = messages_inside.open_inside(core, owner.id, mailbox, uid, inside)
    content = message_content.read_inside(opened, _portion())
    return render_template(
        "webmail/inside.html",
        content=content,
        meeting=invitations.find_inside(core, owner.id, opened),
        meeting_words=invitation_words,
        inside=inside,
        mailbox=mailbox,
        uid=uid,
        boxes=overview.list_mailboxes(core, owner.id),
        html_first=_is_html_first(content),
        pictures="pictures" in request.args,
    )


def _is_html_first(content: Content) -> bool:
    settings = reader.read_settings()
    return content.designed and (settings.html_first or content.thin or "pictures" in request.args)


def _portion() -> int:
    return request_values.number(request.args.get("portion"), 1)


@blueprint.get("/mail/<path:mailbox>/<int:uid>/print")
@owner_only
def print_page(mailbox: str, uid: int) -> str:
    """The message alone, for paper."""
    reading = mail_view.read_message(current.core(), current.owner().id, mailbox, uid)
    return render_template("webmail/print.html", reading=reading)


@blueprint.get("/mail/<path:mailbox>/<int:uid>/header")
@owner_only
def header(mailbox: str, uid: int) -> str:
    """Every field of the header."""
    fields = mail_view.all_fields(current.core(), current.owner().id, mailbox, uid)
    boxes = overview.list_mailboxes(current.core(), current.owner().id)
    return render_template("webmail/header.html", fields=fields, boxes=boxes, mailbox=mailbox, uid=uid)


@blueprint.get("/mail/<path:mailbox>/<int:uid>/html")
@blueprint.get("/mail/<path:mailbox>/<int:uid>/inside/<inside>/html", endpoint="inside_html")
@owner_only
def html(mailbox: str, uid: int, inside: str = "") -> Response:
    """Show the HTML in the frame; its own policy runs nothing and fetches nothing, but by our proxy when asked."""
    proxy = url_for("webmail.picture", _external=True)
    asked = "pictures" in request.args
    opened = messages_inside.open_inside(current.core(), current.owner().id, mailbox, uid, inside)
    safe = html_mail.page_of(opened.octets, _proxied if asked else None, opened.root, _portion())
    if safe is None:
        raise MailboxNotFound(f"no HTML in message {uid}")
    answer = Response(safe.html, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = html_mail.policy(proxy if asked else "")
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _key() -> bytes:
    key = current_app.secret_key
    return key if isinstance(key, bytes) else str(key).encode()


def _proxied(url: str) -> str:
    """The address of a picture by way of us.  The frame has no cookies, so the address carries its own permission."""
    signature = remote_pictures.sign_address(current.core(), _key(), url, current.owner().id)
    signed = urlencode({"u": url, "s": signature})
    return f"{url_for('webmail.picture', _external=True)}?{signed}"


@blueprint.get("/mail/picture")
@same_for_all
@public
def picture() -> Response:
    """A picture from the network, fetched by us without cookies and referrer."""
    url = request.args.get("u", "")
    reader = remote_pictures.check_signature(current.core(), _key(), url, request.args.get("s", ""))
    kind, octets = remote_pictures.fetch_picture(current.core(), reader, url)
    answer = Response(octets, content_type=kind)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # the frame is no origin at all
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@blueprint.get("/mail/<path:mailbox>/<int:uid>/source")
@owner_only
def source(mailbox: str, uid: int) -> Response:
    size, pieces = mail_actions.open_source(current.core(), current.owner().id, mailbox, uid)
    answer = Response(pieces, content_type="text/plain; charset=utf-8")
    answer.content_length = size
    if "save" in request.args:
        downloads.name_file(answer, f"message-{uid}.eml")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@blueprint.get("/mail/<path:mailbox>/<int:uid>/file/<int:number>")
@blueprint.get("/mail/<path:mailbox>/<int:uid>/inside/<inside>/file/<int:number>", endpoint="inside_file")
@owner_only
def file(mailbox: str, uid: int, number: int, inside: str = "") -> Response:
    """A picture or a text may be shown, anything else is saved."""
    download = attachments.open_file(current.core(), current.owner().id, mailbox, uid, number, inside)
    answer = Response(download.pieces, content_type=download.type)
    answer.content_length = download.size
    shown = download.may_show and "save" not in request.args
    downloads.name_file(answer, download.name, shown=shown)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@blueprint.get("/mail/<path:mailbox>/<int:uid>/files.zip")
@owner_only
def files_zip(mailbox: str, uid: int) -> Response:
    """Send all files at once, as a zip file written while it is sent."""
    answer = Response(
        attachments.make_zip(current.core(), current.owner().id, mailbox, uid), content_type="application/zip"
    )
    downloads.name_file(answer, f"message-{uid}.zip")
    return answer
