"""Acts on an account, a page for each: it says what is now, what will be, and asks for the rest.

A form that is a ProofForm makes an act grave: password and second step are asked for once more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length

from mailcore.config import UNLIMITED
from mailcore.domain import AccountState
from mailcore.services.accounts.desk import AccountFacts
from mailcore.services.operations import administration
from portal import current
from portal.account.events import ROLES
from portal.admin import address_acts
from portal.signin.proof import ProofForm
from portal.web_form import EmptyForm, Form

Words = Any  # flask-babel's LazyString, which has no types
_needed, _long = _l("This must be filled in."), _l("This is too long.")


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Attributes:
        about: what it does, in a sentence.
        run: takes the user name and the form, calls the service, and returns what to say when it is done.
        possible: whether the account, and why its sending is held ("" if it is not), are such that it can be done.
    """

    title: Words
    about: Words
    form: type[Form]
    run: Callable[[str, Any], str]
    possible: Callable[[AccountFacts, str], bool]
    danger: bool = False

    @property
    def is_grave(self) -> bool:
        return issubclass(self.form, ProofForm)


class QuotaForm(Form):
    quota = StringField(
        _l("New quota"),
        [DataRequired(_needed), Length(max=20, message=_long)],
        description=_l("A size such as 4G or 500M, or the word %(word)s.", word=UNLIMITED),
        render_kw={"autocomplete": "off"},
    )


class RoleForm(ProofForm):
    role = SelectField(_l("New role"), choices=[SelectChoice(role, words) for role, words in ROLES.items()])


class HoldForm(Form):
    why = StringField(
        _l("Why"),
        [DataRequired(_needed), Length(max=200, message=_long)],
        description=_l("The help desk reads it. The owner is told that sending is on hold."),
    )


class ReleaseForm(Form):
    drop = BooleanField(
        _l("Discard the messages that are held back"),
        description=_l("Otherwise they are sent to their recipients now."),
    )


def _set_quota(name: str, form: QuotaForm) -> str:
    administration.set_quota(current.core(), name, form.quota.data or "", agent=current.owner())
    return _("The new quota applies at once, and the owner is told.")


def _set_role(name: str, form: RoleForm) -> str:
    administration.set_role(current.core(), name, form.role.data or "", agent=current.owner())
    return _("The role is changed.")


def _end_sessions(name: str, _form: Form) -> str:
    administration.end_sessions(current.core(), name, agent=current.owner())
    return _("All browsers and mail programs of the account are logged out.")


def _hold(name: str, form: HoldForm) -> str:
    administration.hold_sending(current.core(), name, form.why.data or "", agent=current.owner())
    return _("Sending is on hold.")


def _release(name: str, form: ReleaseForm) -> str:
    count = administration.release_sending(current.core(), name, drop=bool(form.drop.data), agent=current.owner())
    if form.drop.data:
        return str(
            ngettext(
                "The account may send; %(num)s message is discarded.",
                "The account may send; %(num)s messages are discarded.",
                count,
            )
        )
    return str(
        ngettext(
            "The account may send; %(num)s message goes on.", "The account may send; %(num)s messages go on.", count
        )
    )


def _close(name: str, _form: Form) -> str:
    administration.close_account(current.core(), name, agent=current.owner())
    return _("The account is closed. For thirty days it can be opened again.")


def _reopen(name: str, _form: Form) -> str:
    administration.reopen_account(current.core(), name, agent=current.owner())
    return _("The account is open again.")


def _is_active(facts: AccountFacts, _held: str) -> bool:
    return facts.account.state is AccountState.ACTIVE


def _has_several(facts: AccountFacts, held: str) -> bool:
    return _is_active(facts, held) and address_acts.has_several(facts)


ACTS: dict[str, Act] = {
    "quota": Act(
        _l("Change the quota"),
        _l("It applies at once, for good. The owner is told."),
        QuotaForm,
        _set_quota,
        _is_active,
    ),
    "sessions": Act(
        _l("Log out everywhere"),
        _l("Ends all browsers and mail programs of the account. Passwords stay as they are."),
        EmptyForm,
        _end_sessions,
        _is_active,
    ),
    "hold": Act(
        _l("Put sending on hold"),
        _l("Nothing more is sent from the account, and what waits is held back. Mail to it still arrives."),
        HoldForm,
        _hold,
        lambda facts, held: _is_active(facts, held) and not held,
    ),
    "release": Act(
        _l("Allow sending again"),
        _l("Make sure first that the owner has a new password."),
        ReleaseForm,
        _release,
        lambda _facts, held: bool(held),
    ),
    "address": Act(
        _l("Add an address"),
        _l(
            "It leads to this account for ever, and is never anybody else's. One that was removed is given back."
            " The owner is told."
        ),
        address_acts.AddForm,
        address_acts.add_address,
        _is_active,
    ),
    "main-address": Act(
        _l("Change the address to write from"),
        _l("All addresses go on taking mail. The owner is told."),
        address_acts.MainForm,
        address_acts.set_main_address,
        _has_several,
    ),
    "address-removal": Act(
        _l("Remove an address"),
        _l("Mail to it is refused. Nobody else ever has it, and you can give it back. The owner is told."),
        address_acts.RemoveForm,
        address_acts.remove_address,
        _has_several,
        danger=True,
    ),
    "role": Act(
        _l("Change the role"),
        _l("The help desk sees facts of all accounts. An administrator can do everything on these pages."),
        RoleForm,
        _set_role,
        _is_active,
    ),
    "close": Act(
        _l("Close the account"),
        _l(
            "Nobody logs in any more, and mail is refused. After thirty days everything in it is erased."
            " The owner is told how to undo it."
        ),
        ProofForm,
        _close,
        _is_active,
        danger=True,
    ),
    "reopen": Act(
        _l("Open the account again"),
        _l("Mail, filters and settings come back. The target of a forwarding is asked again."),
        ProofForm,
        _reopen,
        lambda facts, _held: facts.account.state is AccountState.CLOSED,
    ),
}
