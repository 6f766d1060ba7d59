"""Forwarding forms.  The password is asked for each time: whoever finds an open browser likes to add a forwarding."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length

from mailcore.domain import ROLLING_DAYS
from portal.signin.forms import password_field
from portal.web_form import Form

ROLLING = (
    ("0", _l("never")),
    ("30", _l("after 30 days")),
    ("90", _l("after 90 days")),
    ("180", _l("after 180 days")),
    ("365", _l("after a year")),
)
UNSAFE = (
    ("", _l("as the service recommends")),
    ("rewrite", _l("forward it with your address as the sender")),
    ("keep", _l("keep it here and list it in a daily mail")),
)


class ForwardingForm(Form):
    target = StringField(
        _l("Forward to this address"),
        [DataRequired(_l("This must be filled in.")), Length(max=320, message=_l("This is too long."))],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )
    copy = BooleanField(
        _l("Keep a copy in Alumnimail (recommended)"),
        default=True,
        description=_l("Without a copy, mail that the other service loses is gone."),
    )
    rolling_days = SelectField(
        _l("Delete kept copies"),
        choices=[SelectChoice(*item) for item in ROLLING],
        default=str(ROLLING_DAYS),
        description=_l(
            "Only copies that the other server has accepted, and that you did not read, flag, answer or move. "
            "So the copies do not fill your mailbox."
        ),
    )
    unsafe = SelectField(
        _l("Mail that the other server would refuse as forged"),
        choices=[SelectChoice(*item) for item in UNSAFE],
        default="",
        description=_l(
            "Some senders forbid others to pass their mail on, and their mail has no signature that would show it is real."
        ),
    )
    digest = BooleanField(
        _l("Send me a daily list of what was kept here and not forwarded"),
        default=True,
        description=_l("Junk mail and mail whose sender nobody vouches for is never forwarded."),
    )
    password = password_field(_l("Your Alumnimail password"), "current-password")
