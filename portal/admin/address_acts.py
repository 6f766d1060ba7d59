"""Acts on the addresses of an account (N29): one more, another that is written under, one that takes no mail any more."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from mailcore.domain import Account
from mailcore.services.accounts import addresses
from mailcore.services.accounts.desk import AccountFacts
from mailcore.services.operations import administration
from portal import current
from portal.signin.proof import ProofForm
from portal.web_form import Form


class AddForm(Form):
    address = StringField(
        _l("New address"),
        [
            DataRequired(_l("This must be filled in.")),
            Length(max=320, message=_l("This is too long.")),
        ],
        description=_l("Without a domain it is one of the service's own."),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    is_main = BooleanField(_l("The owner writes from it from now on"))


class MainForm(Form):
    address = SelectField(_l("Address to write from"))


class RemoveForm(ProofForm):
    address = SelectField(_l("Address that is removed"))


def fill_addresses(form: Form, owner: Account) -> None:
    """Offer the addresses of the account besides the one that is written under."""
    if isinstance(form, MainForm | RemoveForm):
        own = addresses.list_own(current.core(), owner.id)
        form.address.choices = [address.spec for address in own if not address.is_main and not address.removed]


def has_several(facts: AccountFacts) -> bool:
    return len(facts.addresses) > 1


def add_address(name: str, form: AddForm) -> str:
    spec = administration.add_address(
        current.core(), name, form.address.data or "", is_main=bool(form.is_main.data), agent=current.owner()
    )
    return _("Mail to %(address)s leads to this account from now on.", address=spec)


def set_main_address(name: str, form: MainForm) -> str:
    changed = administration.set_main_address(current.core(), name, form.address.data, agent=current.owner())
    return _("The owner writes from %(address)s from now on.", address=changed.address(current.core().config.domain))


def remove_address(name: str, form: RemoveForm) -> str:
    spec = administration.remove_address(current.core(), name, form.address.data, agent=current.owner())
    return _("Mail to %(address)s is refused from now on.", address=spec)
