"""The account that a log-in elsewhere opens.

It is found by the person id, where the provider gives it; else by a link that the owner created while logged in, or
that came with the order.  Never by an e-mail address or a user name.
"""

from mailcore.core import Core
from mailcore.domain import Account, Identity, Proven, Scope
from mailcore.errors import NotAllowed, TemporarilyUnavailable
from mailcore.services import audit
from mailcore.services.accounts import orders
from mailcore.services.audit import Event
from mailcore.services.credentials import login, login_log, waking
from mailcore.services.limits import throttle
from mailcore.services.notices import account_notices
from mailcore.services.signin import oidc, two_factor
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials
from mailcore.store.people import orders as store


def log_in(core: Core, proven: Proven, *, peer: str, agent: str = "") -> Identity | None:
    """Return the identity of a person who has just logged in elsewhere; None: there is no account yet."""
    account = orders.find_account_of(core, proven)
    if account is None:
        return None
    if account.asleep:
        waking.wake_account(core, account.id)
    identity = Identity(account, proven.source, None, _epoch(core, account))
    login_log.record_login(core, identity, Scope.PORTAL, peer, agent)
    return identity


def _epoch(core: Core, account: Account) -> int:
    return core.db.read(lambda tx: credentials.get_epoch(tx, account.id)) or 0


def link_login(core: Core, account: Account, proven: Proven) -> None:
    """Link a log-in there to the account of the owner, who is logged in and is notified.

    Raises:
        NotAllowed: that log-in is another person's, or opens another account.
    """
    other = orders.find_account_of(core, proven)
    if (other is not None and other.id != account.id) or (
        proven.person and account.person and proven.person != account.person
    ):
        raise NotAllowed("that log-in belongs to another account")

    def write(tx: Tx) -> None:
        store.save_link(tx, account.id, proven.source, proven.mark, core.clock.seconds())
        audit.note(core, tx, account.id, Event.LOG_IN_LINKED, detail=proven.source)
        account_notices.notify_owner(
            core, tx, account, "login_linked", provider=oidc.find_provider(core, proven.source).title
        )

    core.db.write(write)


def list_links(core: Core, account: Account) -> list[tuple[str, int]]:
    """List linked providers, and when they were linked, in seconds since 1970."""
    return core.db.read(lambda tx: store.list_links(tx, account.id))


def unlink_login(core: Core, account: Account, provider: str) -> None:
    """Remove the link of a provider, and record it."""

    def write(tx: Tx) -> None:
        if store.delete_link(tx, account.id, provider):
            audit.note(core, tx, account.id, Event.LOG_IN_UNLINKED, detail=provider)

    core.db.write(write)


def authenticate_bearer(core: Core, username: str, token: str, *, peer: str, scope: Scope) -> Identity:
    """Authenticate by OAUTHBEARER (RFC 7628): a provider's access token instead of a password; blocking.

    Args:
        username: may be "", the token says whose it is.

    Raises:
        WrongPassword: no good token, or another account's; counted.
        TemporarilyUnavailable: a provider does not answer; counted as no failure.
        TooMany.
    """
    name = login.to_local_name(core, username) or ""
    lane = throttle.check_name(core, name, peer=peer)
    silent: TemporarilyUnavailable | None = None
    for provider in oidc.list_providers(core):
        try:
            claims = oidc.check_bearer_token(core, provider, token)
            proven = oidc.identify_person(core, provider, claims) if claims else None
        except TemporarilyUnavailable as problem:
            silent = problem
            continue
        account = orders.find_account_of(core, proven) if proven else None
        if account is None or account.asleep or (name and account.id != lane.account):
            continue
        if two_factor.is_on(core, account.id):
            break  # with a second step mail programs need app passwords
        identity = Identity(account, provider.name, None, _epoch(core, account))
        login_log.record_login(core, identity, scope, peer)
        return identity
    if silent is not None:
        raise silent
    raise login.record_failure(core, name, peer)


def is_bearer_offered(core: Core) -> bool:
    """Say if OAUTHBEARER is offered to mail programs."""
    return bool(oidc.list_providers(core))
