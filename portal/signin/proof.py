"""Asking again before a grave act: the password, and the code of the second step where there is one."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Length

from mailcore.errors import WrongPassword
from mailcore.saying import Saying
from mailcore.services.signin import two_factor
from portal import current
from portal.signin.forms import password_field
from portal.web_form import Form


class ProofForm(Form):
    """Fields that grave acts ask for beside their own; shown by the macro `proof` of templates/admin/_proof.html."""

    password = password_field(_l("Your password"), "current-password")
    code = StringField(
        _l("Code of your two-step log-in"),
        [Length(max=40, message=_l("This is too long."))],
        description=_l("Six digits from your app, or one of your printed recovery codes."),
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"},
    )


def needs_code() -> bool:
    """Say if the administrator has a second step, so that the password alone is not enough."""
    return two_factor.is_on(current.core(), current.owner().id)


def check_proof(form: ProofForm) -> None:
    """Check password and code.

    Raises:
        WrongPassword, TooMany, TemporarilyUnavailable.
    """
    core, owner = current.core(), current.owner()
    current.prove(form.password.data or "")
    if not needs_code():
        return
    try:
        two_factor.check_code(core, owner, form.code.data or "", peer=current.peer(), device=current.device())
    except WrongPassword:
        raise WrongPassword(Saying("That code is wrong, or was used before.")) from None
