"""The form to the help desk.  What people never see (a trap, and the time at which the page was made) keeps programs out."""

from flask import current_app
from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from itsdangerous import BadData, URLSafeSerializer
from wtforms import HiddenField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from portal.web_form import Form

KINDS = {
    "login": _l("Logging in"),
    "password": _l("Password"),
    "account": _l("My account"),
    "client": _l("Mail program on phone or computer"),
    "quota": _l("Room and quota"),
    "forwarding": _l("Forwarding"),
    "mail": _l("Mail that is missing or strange"),
    "abuse": _l("Misuse of an address of ours"),
    "other": _l("Something else"),
}
MIN_SECONDS, MAX_SECONDS = 3, 12 * 3600
_needed = _l("This must be filled in.")
_long = _l("This is too long.")


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="help form")


def stamp(now: int) -> str:
    """Return the time at which the form was shown, signed; seconds since 1970."""
    return str(_signer().dumps(now))


def is_human(trap: str, stamped: str, now: int) -> bool:
    """The trap is empty, and somebody took the time to write (and not a day)."""
    try:
        shown_at = int(_signer().loads(stamped))
    except (BadData, ValueError):
        return False
    return not trap and MIN_SECONDS <= now - shown_at <= MAX_SECONDS


class HelpForm(Form):
    kind = SelectField(
        _l("What is it about?"), choices=[SelectChoice(*item) for item in KINDS.items()], default="other"
    )
    subject = StringField(_l("Subject"), [DataRequired(_needed), Length(max=200, message=_long)])
    text = TextAreaField(
        _l("What did you do, and what happened?"),
        [DataRequired(_needed), Length(max=20_000, message=_long)],
        description=_l(
            "Tell us when it happened, and copy the error message exactly. Never send your password; nobody here will ask for it."
        ),
        render_kw={"rows": 9},
    )
    reply_to = StringField(
        _l("E-mail address for the answer"),
        [Length(max=254, message=_long)],
        render_kw={"autocomplete": "email", "type": "email", "autocapitalize": "none"},
    )
    files = MultipleFileField(
        _l("Pictures or other files"),
        [Optional()],
        description=_l("At most five pictures, PDF or text files of 4 MB each."),
        render_kw={"accept": "image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain"},
    )
    website = StringField(render_kw={"tabindex": "-1", "autocomplete": "off"})
    shown = HiddenField()


class ReplyForm(Form):
    text = TextAreaField(_l("Your message"), [Length(max=20_000, message=_long)], render_kw={"rows": 7})
    files = MultipleFileField(
        _l("Pictures or other files"),
        [Optional()],
        description=_l("At most five pictures, PDF or text files of 4 MB each."),
    )
