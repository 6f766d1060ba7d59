"""How much room is used, and by which mailbox."""

from flask import Blueprint, render_template

from mailcore.services import webmail
from portal import web

blueprint = Blueprint("quota", __name__)


@blueprint.get("/quota")
@web.login_required
def index() -> str:
    boxes = sorted(webmail.mailboxes(web.core(), web.owner().id), key=lambda box: -box.octets)
    return render_template("quota/index.html", boxes=boxes)
