"""Ordering an account."""

import secrets

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from portal.signin.forms import password_field
from portal.web_form import Form, like_an_address

_needed = _l("This must be filled in.")
_long = _l("This is too long.")


def name_field() -> StringField:
    return StringField(
        _l("User name you would like"),
        [
            DataRequired(_needed),
            Regexp(
                r"\s*+[A-Za-z][A-Za-z0-9.-]{1,62}+\s*+\Z",
                message=_l("Use the letters a to z, digits, dots and hyphens."),
            ),
        ],
        description=_l("It becomes the first part of your address and cannot be changed later."),
        render_kw={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "username"},
    )


def contact_field() -> StringField:
    return StringField(
        _l("E-mail address where we can reach you now"),
        [
            DataRequired(_needed),
            Length(max=320, message=_long),
            like_an_address(),
        ],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


def terms_field() -> BooleanField:
    return BooleanField(_l("I accept the terms"), [DataRequired(_l("The terms must be accepted."))])


class UniversityForm(Form):
    username = StringField(
        _l("User name at the university"),
        [DataRequired(_needed), Length(max=320, message=_long)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = password_field(_l("Password at the university"), "current-password")


class AtOnceForm(Form):
    """`key` makes a second press of the button the same order."""

    name = name_field()
    contact = contact_field()
    terms = terms_field()
    key = HiddenField(default=lambda: secrets.token_urlsafe(16))


class AnswerForm(Form):
    name = name_field()
    more = TextAreaField(_l("More about who you are"), [Length(max=2000, message=_long)])


class OrderForm(Form):
    """`key` makes a second press of the button the same order."""

    display_name = StringField(
        _l("Your name"), [DataRequired(_needed), Length(max=200, message=_long)], render_kw={"autocomplete": "name"}
    )
    name = name_field()
    contact = contact_field()
    affiliation = SelectField(
        _l("You are"),
        choices=[
            SelectChoice("former student", _l("a former student")),
            SelectChoice("student", _l("a student who will finish soon")),
            SelectChoice("staff", _l("employed, or formerly employed")),
        ],
    )
    more = TextAreaField(
        _l("What did you study or work with, and when?"),
        [Length(max=1500, message=_long)],
        description=_l("It lets us answer at once. We never need your national identity number."),
        render_kw={"rows": 3},
    )
    terms = terms_field()
    key = HiddenField(default=lambda: secrets.token_urlsafe(16))

    def in_words(self) -> str:
        """Describe the person's tie to the university, as the desk reads it."""
        kind = next(str(choice.label) for choice in self.affiliation.choices if choice.value == self.affiliation.data)
        return f"{kind}\n\n{self.more.data or ''}".strip()
