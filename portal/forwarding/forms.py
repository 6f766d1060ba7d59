"""Where mail goes on to.  The password is asked for each time: whoever finds an open browser likes to add a forwarding."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, Length

from portal.auth.forms import password_field


class ForwardingForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
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
    password = password_field(_l("Your Alumnimail password"), "current-password")


class EmptyForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A button."""
