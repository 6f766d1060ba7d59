"""The desk's actions on a case, a person or an order: one form, whose buttons say what."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import Length, Optional

from portal.request_values import NumberField
from portal.web_form import Form


class ActForm(Form):
    action = StringField()
    canned = StringField(validators=[Length(max=100)])
    text = TextAreaField(
        _l("Answer or note"), [Length(max=20_000, message=_l("This is too long."))], render_kw={"rows": 10}
    )
    assignee = NumberField(_l("Hand over to"), [Optional()])
    into = NumberField(_l("Merge with case number"), [Optional()])
    quota = StringField(_l("New quota"), [Length(max=10)])
    days = NumberField(_l("For how long"), [Optional()])
