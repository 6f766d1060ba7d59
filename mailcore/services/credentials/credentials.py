"""Passwords that people choose, and the one-time links that set them.

Whenever a password is set, all links are void, all sessions but the one it was done in end, and so do all connections
of mail programs (S14).
"""

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Identity, Scope
from mailcore.errors import LinkExpired, WrongPassword
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import breached, contact_addresses, login, scram, strength, waking
from mailcore.services.credentials.passwords import hash_password
from mailcore.services.limits import links
from mailcore.services.limits.links import LinkPurpose
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses as contact_store
from mailcore.store.people import credentials as store
from mailcore.store.people import orders as order_store
from mailcore.store.people import second_factors, web_sessions
from mailcore.store.people.accounts import get_account
from mailcore.store.people.tokens import delete_tokens, spend_token

RESET_SECONDS = 30 * 60
FIRST_SECONDS = 14 * 86_400


def set_password(
    core: Core, account: AccountId, new: str, *, session: str = "", apps: bool = False, epoch: int | None = None
) -> None:
    """Set the password that the owner chose.

    Args:
        session: the portal's token of the browser that does it, which stays logged in.
        apps: withdraw every other way in, too: app passwords, passkeys, log-ins elsewhere, printed codes.
        epoch: the account's when the present password was proved; None where nothing had to be.

    Raises:
        WeakPassword: it is too short or easy to guess.
        WrongPassword: the password that was proved was changed meanwhile.
    """
    owner = core.db.read(lambda tx: get_account(tx, account))
    strength.check_strength(new, owner, strength.list_site_words(core.config))
    breached.check_breached(core.config, new)
    hashed = hash_password(new)

    def write(tx: Tx) -> None:
        if epoch is not None and store.get_epoch(tx, account) != epoch:
            raise WrongPassword("the password was changed meanwhile")
        _save_password(core, tx, account, hashed, session=session, apps=apps)

    core.db.write(write)
    scram.save_account_verifier(core, account, new, hashed)


def _save_password(
    core: Core,
    tx: Tx,
    account: AccountId,
    hashed: str,
    event: Event = Event.PASSWORD_SET,
    *,
    session: str = "",
    apps: bool = False,
) -> None:
    store.save_password(tx, account, hashed, core.clock.seconds(), chosen=True)
    delete_tokens(tx, account, LinkPurpose.PASSWORD)
    web_sessions.end_access(tx, account, links.hash_token(session))
    if apps:
        _withdraw_other_ways(tx, account)
    audit.note(core, tx, account, event)
    # whoever steals an account changes its password
    account_notices.notify_owner(core, tx, get_account(tx, account), "password_changed", box=False)


def _withdraw_other_ways(tx: Tx, account: AccountId) -> None:
    """Withdraw what opens the account without the password: whoever had it for an hour may have made one of each."""
    store.delete_app_passwords(tx, account)
    second_factors.delete_passkeys(tx, account)
    order_store.delete_links(tx, account)
    contact_store.save_codes(tx, account, [])


def change_password(
    core: Core, account: AccountId, current: str, new: str, *, peer: str = "", session: str = "", apps: bool = False
) -> None:
    """Set a new password where the current one is right.  Raises WrongPassword, WeakPassword, TooMany."""
    owner = core.db.read(lambda tx: get_account(tx, account))
    proved = login.authenticate(core, owner.name, current, peer=peer, scope=Scope.PORTAL, session=session)
    set_password(core, account, new, session=session, apps=apps, epoch=proved.epoch)


def create_link(core: Core, tx: Tx, account: AccountId, seconds: int, *, proves: str = "") -> str:
    """Create a link that sets the password once; older links are void.  `proves`: the only address that it is sent to."""
    return format_link(core, links.create_link(core, tx, account, LinkPurpose.PASSWORD, seconds, data=proves))


def format_link(core: Core, token: str) -> str:
    """Return the URL of a link by its token."""
    return f"{core.config.url}/password/link/{token}"


def save_link(core: Core, tx: Tx, account: AccountId, token: str, seconds: int, *, proves: str = "") -> None:
    """Save a link by its token; `proves` as in `create_link`."""
    links.save_link(core, tx, account, LinkPurpose.PASSWORD, token, seconds, data=proves)


def find_link_account(core: Core, token: str) -> Account:
    """Return the account of a link, without using it up (previewers fetch links).  Raises LinkExpired."""
    return core.db.read(lambda tx: get_account(tx, links.find_link(core, tx, token, LinkPurpose.PASSWORD).account))


def redeem_link(core: Core, token: str, new: str, *, apps: bool = False) -> Identity:
    """Spend the link and set the password, which proves the account as it is then; `apps`: as in `set_password`.

    Raises:
        LinkExpired.
        WeakPassword: the link stays good.
    """
    owner = find_link_account(core, token)
    strength.check_strength(new, owner, strength.list_site_words(core.config))
    breached.check_breached(core.config, new)
    hashed = hash_password(new)

    def write(tx: Tx) -> Identity:
        link = links.find_link(core, tx, token, LinkPurpose.PASSWORD)
        if not spend_token(tx, link.id, core.clock.seconds()):
            raise LinkExpired("the link is used")
        _save_password(core, tx, link.account, hashed, Event.PASSWORD_SET_BY_LINK, apps=apps)
        waking.wake(core, tx, link.account)
        if link.data and link.data == get_account(tx, link.account).contact:
            contact_addresses.mark_verified(core, tx, link.account, link.data)
        # the epoch of this moment: whoever changes the password later ends what the link opened
        epoch = store.get_epoch(tx, link.account)
        return Identity(get_account(tx, link.account), "link", None, -1 if epoch is None else epoch)

    proved = core.db.write(write)
    scram.save_account_verifier(core, proved.account.id, new, hashed)
    return proved
