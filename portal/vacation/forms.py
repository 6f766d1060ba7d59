"""The form for being away."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from portal.web_form import Form


class VacationForm(Form):
    active = BooleanField(_l("Answer mail while I am away"))
    first_day = DateField(
        _l("First day"), [Optional()], description=_l("From midnight at its beginning. Empty: from now on.")
    )
    last_day = DateField(
        _l("Last day"), [Optional()], description=_l("Until midnight at its end. Empty: until you turn it off.")
    )
    subject = StringField(_l("Subject of the reply"), [Length(max=200)])
    text = TextAreaField(_l("Text of the reply"), [Length(max=5000)])

    def validate_last_day(self, field: DateField) -> None:
        if field.data and self.first_day.data and field.data < self.first_day.data:
            raise ValidationError(_l("The last day is before the first."))

    def validate_text(self, field: TextAreaField) -> None:
        if self.active.data and not (field.data or "").strip():
            raise ValidationError(_l("Write the text of the reply."))
