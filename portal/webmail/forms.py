"""The forms for writing, for the address book and for names to write under."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, MultipleFileField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.request_values import number
from portal.web_form import Form

MAX_REFERENCES = 50_000  # characters of all identifiers of a thread


class ComposeForm(Form):
    to = StringField(_l("To"), [Length(max=20_000)])
    cc = StringField(_l("Copy"), [Length(max=20_000)])
    bcc = StringField(_l("Blind copy"), [Length(max=20_000)])
    subject = StringField(_l("Subject"), [Length(max=900)])
    body = TextAreaField(_l("Text"), [Length(max=2_000_000)])
    files = MultipleFileField(_l("Attach files"))
    identity = SelectField(_l("From"), coerce=number, validate_choice=False)
    in_reply_to = HiddenField(validators=[Length(max=MAX_REFERENCES)])
    references = HiddenField(validators=[Length(max=MAX_REFERENCES)])
    answers = HiddenField()
    source = HiddenField()
    whole = HiddenField()
    draft = HiddenField()
    writing = HiddenField()


class ContactForm(Form):
    name = StringField(_l("Name"), [Length(max=120)])
    address = StringField(_l("E-mail address"), [Length(max=320)])
    note = StringField(_l("Note"), [Length(max=500)])


class IdentityForm(Form):
    name = StringField(_l("Name"), [Length(max=120)])
    address = StringField(
        _l("Address"), [Length(max=320)], description=_l("One of yours; something after a plus may be added.")
    )
    reply_to = StringField(_l("Answers go to"), [Length(max=320)], description=_l("Empty: to the address above."))
    signature = TextAreaField(_l("Signature"), [Length(max=4000)])
    first = BooleanField(_l("Use this one unless I choose another"))


class TextForm(Form):
    name = StringField(_l("Name"), [InputRequired(), Length(max=60)])
    text = TextAreaField(_l("Text"), [InputRequired(), Length(max=10_000)])
    before = HiddenField(validators=[Length(max=60)])


class ReadingForm(Form):
    threads = BooleanField(_l("Show lists as conversations"))
    snippets = BooleanField(_l("Show in lists how each message begins"))
    html_first = BooleanField(_l("Open messages as their sender designed them, not as plain text"))
    undo_seconds = SelectField(
        _l("Time to undo after “Send”"),
        coerce=number,
        choices=[
            SelectChoice("0", _l("no time")),
            SelectChoice("10", _l("10 seconds")),
            SelectChoice("30", _l("30 seconds")),
        ],
    )
