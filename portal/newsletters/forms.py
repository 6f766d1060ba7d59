"""Forms of newsletters: what is written, and when it is sent."""

from flask_babel import lazy_gettext as _l
from wtforms import DateTimeLocalField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from mailcore.services.newsletters import writing
from portal.i18n import LANGUAGES
from portal.signin.proof import ProofForm
from portal.web_form import Form

_long = _l("This is too long.")


class TextForm(Form):
    """Subject and text; that they are there, the service checks, so that a preview says it too."""

    subject = StringField(_l("Subject"), [Length(max=writing.MAX_SUBJECT, message=_long)])
    text = TextAreaField(
        _l("Text"),
        [Length(max=writing.MAX_TEXT, message=_long)],
        description=_l(
            "**bold**, *italic*, # heading, - list, [words](https://…). An empty line begins a new paragraph."
        ),
        render_kw={"rows": 18, "spellcheck": "true"},
    )


class WriteForm(TextForm):
    language = SelectField(_l("Language"), choices=[SelectChoice(code, title) for code, title in LANGUAGES.items()])


class CorrectForm(TextForm, ProofForm):
    pass


class SendForm(ProofForm):
    at = DateTimeLocalField(
        _l("Send at"), [Optional()], format="%Y-%m-%dT%H:%M", description=_l("Empty: it is sent now.")
    )
