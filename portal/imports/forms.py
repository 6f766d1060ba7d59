"""The form for fetching mail from another account."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from mailcore.services.transfer import mail_fetch
from portal.request_values import NumberField
from portal.signin.forms import password_field
from portal.web_form import Form

_NEEDED = _l("This must be filled in.")


class FetchForm(Form):
    host = StringField(
        _l("Server for incoming mail (IMAP)"),
        [DataRequired(_NEEDED), Length(max=253)],
        description=_l("For example imap.example.org. Your provider names it in its help pages."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    user = StringField(
        _l("User name there"),
        [DataRequired(_NEEDED), Length(max=320)],
        description=_l("Often the whole e-mail address."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    password = password_field(_l("Password there"), "off")
    port = NumberField(_l("Port"), default=mail_fetch.PORT)
