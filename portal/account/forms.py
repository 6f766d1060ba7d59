"""Settings of the account.  What gives power over it asks for the password once more."""

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    HiddenField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length

from portal.i18n import LANGUAGES
from portal.signin.forms import password_field
from portal.web_form import BoxesField, Form, like_an_address

_needed = _l("This must be filled in.")
_long = _l("This is too long.")


class LanguageForm(Form):
    language = SelectField(_l("Language"), choices=[SelectChoice(*item) for item in LANGUAGES.items()])


class ContactForm(Form):
    address = StringField(
        _l("New contact address"),
        [
            DataRequired(_needed),
            Length(max=254, message=_long),
            like_an_address(),
        ],
        description=_l("Outside this mailbox, so that we reach you when it cannot be opened."),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )
    current = password_field(_l("Password"), "current-password")


class AddressForm(Form):
    wanted = StringField(
        _l("Address"),
        [DataRequired(_needed), Length(max=100, message=_long)],
        description=_l("For example: kari.lie"),
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )
    reason = TextAreaField(
        _l("Why"),
        [Length(max=1000, message=_long)],
        description=_l("For example: the name under which people know you."),
        render_kw={"rows": 3},
    )


class AppForm(Form):
    label = StringField(
        _l("For which program?"),
        [DataRequired(_needed), Length(max=100, message=_long)],
        description=_l("For example: Thunderbird at home."),
    )
    scopes = BoxesField(
        _l("What may it do?"),
        [DataRequired(_l("Choose at least one."))],
        choices=[
            SelectChoice("imap", _l("read mail (IMAP)")),
            SelectChoice("smtp", _l("send mail (SMTP)")),
            SelectChoice("sieve", _l("change filters (ManageSieve)")),
            SelectChoice("contacts", _l("read and change contacts (CardDAV)")),
        ],
        default=["imap", "smtp"],
    )
    current = password_field(_l("Password"), "current-password")


class PasswordForm(Form):
    current = password_field(_l("Password"), "current-password")


class TotpForm(Form):
    code = StringField(
        _l("Code"),
        [DataRequired(_needed), Length(max=40, message=_long)],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"},
    )
    current = password_field(_l("Password"), "current-password")


class KeyForm(Form):
    """Filled in by the script of the page."""

    label = StringField(_l("Name of the key"), [Length(max=100, message=_long)])
    response = HiddenField()
    current = password_field(_l("Password"), "current-password")


class CloseForm(Form):
    notice = StringField(
        _l("Your new address"),
        [
            Length(max=254, message=_long),
            like_an_address(or_nothing=True),
        ],
        description=_l("Optional. For a year, people you have written to are told it when they write to you."),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )
    sure = BooleanField(_l("I want to close my account"), [DataRequired(_l("Tick this if you are sure."))])
    current = password_field(_l("Password"), "current-password")
