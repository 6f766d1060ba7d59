"""Log-in and passwords.  Field names are those that password managers know."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from portal.web_form import Form

MAX_PASSWORD = 1024
MAX_ANSWER = 65_536  # characters of a passkey's answer
_needed = _l("This must be filled in.")
_long = _l("This is too long.")


def password_field(label: str, autocomplete: str, hint: str = "") -> PasswordField:
    return PasswordField(
        label,
        [DataRequired(_needed), Length(max=MAX_PASSWORD, message=_long)],
        description=hint,
        render_kw={"autocomplete": autocomplete},
    )


def username_field(autocomplete: str = "username") -> StringField:
    return StringField(
        _l("User name"),
        [DataRequired(_needed), Length(max=320, message=_long)],
        render_kw={"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"},
    )


class LoginForm(Form):
    username = username_field("username webauthn")
    password = password_field(_l("Password"), "current-password")
    next = HiddenField()


class PasskeyForm(Form):
    """Filled in by the script of the page."""

    response = HiddenField(validators=[Length(max=MAX_ANSWER)])
    next = HiddenField()


class CodeForm(Form):
    code = StringField(
        _l("Code"),
        [DataRequired(_needed), Length(max=40, message=_long)],
        description=_l("Six digits from your app, or one of your printed recovery codes."),
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": ""},
    )


class ForgottenForm(Form):
    username = StringField(
        _l("User name, or your confirmed contact address"),
        [DataRequired(_needed), Length(max=320, message=_long)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


class RecoveryCodeForm(Form):
    username = username_field()
    code = StringField(
        _l("Recovery code"),
        [DataRequired(_needed), Length(max=40, message=_long)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class NewPasswordForm(Form):
    password = password_field(
        _l("New password"), "new-password", _l("At least 12 characters. A sentence is fine, with spaces and æøå.")
    )
    again = PasswordField(
        _l("New password once more"),
        [DataRequired(_needed), EqualTo("password", _l("The two new passwords differ."))],
        render_kw={"autocomplete": "new-password"},
    )
    apps = BooleanField(_l("Withdraw every other way in, too: app passwords, passkeys, linked log-ins, recovery codes"))


class ChangePasswordForm(NewPasswordForm):
    current = password_field(_l("Current password"), "current-password")
    field_order = ("current", "password", "again")
