"""The forms of moving day."""

from flask_babel import lazy_gettext as _l
from wtforms import DateField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from mailcore.services.transfer import moving_letters
from portal.web_form import Form, like_an_address

_NEEDED = _l("This must be filled in.")


class PlanForm(Form):
    new_address = StringField(
        _l("Your new address"),
        [Length(max=254, message=_l("This is too long.")), like_an_address(or_nothing=True)],
        description=_l(
            "If you close your account one day, people you have written to are told it for a year when they write to you."
        ),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )
    until = DateField(_l("I want to have moved by"), [Optional()], description=_l("Empty: when it suits me."))


class LetterForm(Form):
    subject = StringField(_l("Subject"), [DataRequired(_NEEDED), Length(max=moving_letters.MAX_SUBJECT)])
    text = TextAreaField(
        _l("Text"), [DataRequired(_NEEDED), Length(max=moving_letters.MAX_TEXT)], render_kw={"rows": 8}
    )
