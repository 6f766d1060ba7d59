"""Settings of the account."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField

from portal.i18n import LANGUAGES


class LanguageForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    language = SelectField(_l("Language"), choices=[SelectChoice(*item) for item in LANGUAGES.items()])
