"""The form for writing."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, MultipleFileField, StringField, TextAreaField
from wtforms.validators import Length


class ComposeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    to = StringField(_l("To"), [Length(max=20_000)])
    cc = StringField(_l("Copy"), [Length(max=20_000)])
    bcc = StringField(_l("Blind copy"), [Length(max=20_000)])
    subject = StringField(_l("Subject"), [Length(max=900)])
    body = TextAreaField(_l("Text"), [Length(max=2_000_000)])
    files = MultipleFileField(_l("Attach files"))
    in_reply_to = HiddenField()
    references = HiddenField()
    answers = HiddenField()
    draft = HiddenField()
