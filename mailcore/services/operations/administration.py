"""Acts of an administrator on somebody's account, each by the service that the command line uses.

Nobody does them to their own account.  Each is in the account's log, with who, what, before and after.
"""

from dataclasses import dataclass

from mailcore.config import quota_octets
from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import AccountExists, AccountNotFound, ConfigError, InvalidName, NotAllowed
from mailcore.saying import Saying
from mailcore.services.accounts import accounts, addresses, closing
from mailcore.services.delivery import sending_limits
from mailcore.services.quota import quota
from mailcore.services.signin import web_sessions
from mailcore.store.engine.db import Tx
from mailcore.store.people import desk as store
from mailcore.store.people.accounts import get_account, get_role
from mailcore.store.people.sending import get_reason

KINDS = ("held", "staff", "asleep", "closed", "erased")
MOST = 50  # accounts on one page
_WHY = 200  # characters


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in a list; `held` is why it may not send, "" if it may."""

    account: Account
    role: str
    held: str


def list_accounts(core: Core, kind: str, after: str = "") -> list[AccountLine]:
    """List accounts of a kind of KINDS, by name, `MOST` from `after` on."""

    def read(tx: Tx) -> list[AccountLine]:
        return [_line(tx, get_account(tx, one)) for one in store.list_accounts_of_kind(tx, kind, after, MOST)]

    return core.db.read(read)


def describe_accounts(core: Core, found: list[Account]) -> list[AccountLine]:
    """Add role and hold to accounts that were found."""
    return core.db.read(lambda tx: [_line(tx, account) for account in found])


def _line(tx: Tx, account: Account) -> AccountLine:
    return AccountLine(account, get_role(tx, account.id), get_reason(tx, account.id))


def create_account(core: Core, new: accounts.NewAccount, *, agent: Account) -> tuple[Account, str]:
    """Create an account; return it, and the link that sets its password, "" where it was mailed to the contact address.

    Raises:
        InvalidName, AccountExists.
    """
    account = accounts.add_account(
        core,
        new.name,
        display_name=new.display_name,
        person=new.person,
        quota=new.quota,
        contact=new.contact,
        language=new.language,
        actor=agent.name,
    )
    return account, create_link(core, account.name, agent=agent)


def create_link(core: Core, name: str, *, agent: Account) -> str:
    """Create the link that sets the first password, and mail it to the contact address; "" then, else the link.

    Raises:
        NotAllowed: it is used by somebody, with whatever password; who cannot get in is recovered by the desk, which asks
            who they are, and a second agent where there is a second step (services/signin/recovery.py).
    """
    account = _find_other(core, name, agent)
    if is_used(core, account.id):
        raise NotAllowed(Saying("The account is in use. Let its owner in again at the help desk."))
    link = accounts.create_password_link(core, account.name, actor=agent.name)
    if not account.contact:
        return link
    accounts.send_password_link(core, account, link)
    return ""


def is_used(core: Core, account: AccountId) -> bool:
    """Say if anybody has a password or ever got in, so that a link would take somebody's mailbox."""
    return core.db.read(lambda tx: store.was_opened(tx, account))


def set_quota(core: Core, name: str, written: str, *, agent: Account) -> Account:
    """Set a quota for good: a size such as 4G, or `unlimited`; the owner is told.  Raises NotAllowed."""
    account = _find_other(core, name, agent)
    try:
        octets = quota_octets(written)
    except ConfigError:
        raise NotAllowed(Saying("That is not a valid quota.")) from None
    return quota.change_quota(core, account.id, octets, actor=agent.name, notify=True)


def add_address(core: Core, name: str, written: str, *, is_main: bool, agent: Account) -> str:
    """Give the account one more address; its owner writes under it if `is_main`.  Raises NotAllowed."""
    account = _find_other(core, name, agent)
    try:
        spec = addresses.add_address(core, account.id, written, actor=agent.name)
    except AccountExists:
        raise NotAllowed(Saying("That address is not available.")) from None
    except InvalidName:
        raise NotAllowed(Saying("That cannot be an address here.")) from None
    if is_main:
        addresses.set_main(core, account.id, spec, actor=agent.name)
    return spec


def set_main_address(core: Core, name: str, written: str, *, agent: Account) -> Account:
    """Choose the address that the owner writes under.  Raises NotAllowed for one that is not the account's."""
    return addresses.set_main(core, _find_other(core, name, agent).id, written, actor=agent.name)


def remove_address(core: Core, name: str, written: str, *, agent: Account) -> str:
    """Let an address take no mail any more.  Raises NotAllowed for the one that is written under."""
    return addresses.remove_address(core, _find_other(core, name, agent).id, written, actor=agent.name)


def set_role(core: Core, name: str, role: str, *, agent: Account) -> Account:
    """Give or take a role.  Raises InvalidName, NotAllowed."""
    return accounts.set_role(core, _find_other(core, name, agent).name, role, actor=agent.name)


def end_sessions(core: Core, name: str, *, agent: Account) -> None:
    """Log the account out of all browsers and mail programs; passwords stay as they are."""
    web_sessions.end_all_sessions(core, _find_other(core, name, agent).id, actor=agent.name)


def hold_sending(core: Core, name: str, why: str, *, agent: Account) -> None:
    """Stop the account's sending; its owner is told, and the desk has a case.  Raises NotAllowed without a reason."""
    hold_account(core, _find_other(core, name, agent), why, actor=agent.name)


def hold_account(core: Core, account: Account, why: str, *, actor: str) -> None:
    """Stop the account's sending, by whoever may.  Raises NotAllowed without a reason."""
    why = " ".join(why.split())[:_WHY]
    if not why:
        raise NotAllowed(Saying("Write why."))
    core.db.write(lambda tx: sending_limits.hold(core, tx, account, why, actor=actor))


def release_sending(core: Core, name: str, *, drop: bool, agent: Account) -> int:
    """Let the account send again; return how many messages go on, or are discarded (`drop`)."""
    account = _find_other(core, name, agent)
    if not sending_limits.why_held(core, account.id):
        raise NotAllowed(Saying("Sending is not on hold."))
    return sending_limits.release(core, account.name, drop=drop, actor=agent.name)[1]


def close_account(core: Core, name: str, *, agent: Account) -> Account:
    """Close the account; for thirty days it can be opened again.  Raises AccountNotFound: it is closed."""
    return closing.close_account(core, _find_other(core, name, agent).name, actor=agent.name)[0]


def reopen_account(core: Core, name: str, *, agent: Account) -> Account:
    """Open a closed account again.  Raises AccountNotFound: it is not closed, or erased."""
    return closing.reopen_account(core, _find_other(core, name, agent).id, actor=agent.name)


def _find_other(core: Core, name: str, agent: Account) -> Account:
    """Find the account of somebody else, for somebody who is an administrator at this moment.

    Raises:
        AccountNotFound.
        NotAllowed: it is their own, or they are no administrator any more.
    """
    account = accounts.find_account(core, name)
    if account.state is AccountState.ERASED:
        raise AccountNotFound(f"{name} is erased")
    if account.id == agent.id:
        raise NotAllowed(Saying("You cannot do this to your own account. Ask a colleague."))
    if accounts.get_role(core, agent.id) != "admin":
        raise NotAllowed("for administrators")
    return account
