"""The link of a notice of a new log-in, by which its owner ends all sessions at once.  It opens nothing (N30)."""

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits import links
from mailcore.services.limits.links import LinkPurpose
from mailcore.store.engine.db import Tx
from mailcore.store.people import web_sessions
from mailcore.store.people.accounts import get_account

GOOD_SECONDS = 30 * 86_400


def create_link(core: Core, tx: Tx, account: AccountId) -> str:
    """Create the link of one notice; the one of an earlier notice is void."""
    token = links.create_link(core, tx, account, LinkPurpose.LOG_OUT, GOOD_SECONDS)
    return f"{core.config.url}/login/stop/{token}"


def find_owner(core: Core, token: str) -> Account:
    """Return whose link it is, without using it.  Raises LinkExpired."""
    return core.db.read(lambda tx: _find_owner(core, tx, token))


def _find_owner(core: Core, tx: Tx, token: str) -> Account:
    return get_account(tx, links.find_link(core, tx, token, LinkPurpose.LOG_OUT).account)


def end_sessions(core: Core, token: str) -> Account:
    """End all sessions of the portal and all connections of mail programs; may be done again.  Raises LinkExpired."""

    def write(tx: Tx) -> Account:
        owner = _find_owner(core, tx, token)
        web_sessions.end_access(tx, owner.id)
        audit.note(core, tx, owner.id, Event.LOGGED_OUT_EVERYWHERE)
        return owner

    return core.db.write(write)
