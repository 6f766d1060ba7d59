"""Pages for whoever reads at a forwarding's target, without an account: stop it (N1)."""

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from mailcore.services.forwarding import consent
from portal import current
from portal.access import public
from portal.web_form import EmptyForm, Form

blueprint = Blueprint("forwarding_target", __name__)
Answer = str | tuple[str, int]


class AddressForm(Form):
    address = StringField(
        _l("Your address, where the mail arrives"),
        [DataRequired(_l("This must be filled in.")), Length(max=320, message=_l("This is too long."))],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


@blueprint.get("/forwarding/stop")
@public
def page() -> Answer:
    return render_template("forwarding/stop.html", form=AddressForm(), step="address")


@blueprint.post("/forwarding/stop-links")
@public
def send_links() -> Answer:
    """The same answer whether or not anything goes there."""
    form = AddressForm()
    if not form.validate_on_submit():
        return render_template("forwarding/stop.html", form=form, step="address"), 400
    consent.send_stop_links(current.core(), form.address.data, peer=current.peer())
    return render_template("forwarding/stop.html", form=form, step="sent")


@blueprint.get("/forwarding/stop/<word>")
@public
def ask(word: str) -> Answer:  # noqa: ARG001 - the word of the address, for the POST
    """A button only: programs that look at links in mail must not stop anything."""
    return render_template("forwarding/stop.html", form=EmptyForm(), step="button")


@blueprint.post("/forwarding/stop/<word>")
@public
def stop(word: str) -> Answer:
    consent.stop_by_target(current.core(), word)
    return render_template("forwarding/stop.html", form=EmptyForm(), step="done")
