"""Fields of texts that administrators write in every language of the site."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from portal.i18n import LANGUAGES
from portal.web_form import Form


def add_fields(form: type[Form], *, most: int) -> None:
    """Add a field for each language to a form, named by its code; all must be filled in, by `most` characters."""
    checks: Sequence[object] = (
        DataRequired(_l("This must be filled in.")),
        Length(max=most, message=_l("This is too long.")),
    )
    for language, title in LANGUAGES.items():
        setattr(form, language, StringField(title, checks, render_kw={"lang": language}))


def read_fields(form: Form) -> dict[str, str]:
    """Return what was written, by language."""
    return {language: form[language].data or "" for language in LANGUAGES}
