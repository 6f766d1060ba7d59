"""Forms about room."""

from flask_babel import lazy_gettext as _l
from wtforms import SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.web_form import Form


class MoreForm(Form):
    size = SelectField(
        _l("How much do you need in all?"), choices=["3 GB", "4 GB", "5 GB", "10 GB", "20 GB"], default="4 GB"
    )
    reason = TextAreaField(
        _l("What is it for?"),
        [DataRequired(_l("This must be filled in.")), Length(max=5000, message=_l("This is too long."))],
    )
