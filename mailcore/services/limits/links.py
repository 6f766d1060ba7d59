"""Links that notices carry: a random token for one purpose, of which only the hash is saved."""

import hashlib
import secrets
from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import LinkExpired
from mailcore.store.engine.db import Tx
from mailcore.store.people.tokens import Token, find_token, save_token


class LinkPurpose(StrEnum):
    """Purpose of a link; an account has one for each at most."""

    PASSWORD = "password"  # noqa: S105 - the purpose, no password
    CONTACT = "contact"
    UNDO = "undo"
    PRESENCE = "presence"
    LOG_OUT = "log out"


def hash_token(token: str) -> str:
    """Hash a random token, as it is saved: it cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create_link(core: Core, tx: Tx, account: AccountId, purpose: LinkPurpose, seconds: int, *, data: str = "") -> str:
    """Create the token of a link that is good for `seconds`; an earlier one for the purpose is void."""
    token = secrets.token_urlsafe(24)
    save_link(core, tx, account, purpose, token, seconds, data=data)
    return token


def save_link(
    core: Core, tx: Tx, account: AccountId, purpose: LinkPurpose, token: str, seconds: int, *, data: str = ""
) -> None:
    """Save the token of a link, as `create_link` does, where the letter had to be written before."""
    save_token(tx, hash_token(token), account, purpose, data, core.clock.seconds() + seconds)


def find_link(core: Core, tx: Tx, token: str, purpose: LinkPurpose) -> Token:
    """Find a link without spending it: previewers fetch links.  Raises LinkExpired."""
    link = find_token(tx, hash_token(token))
    if link is None or link.used or link.purpose != purpose or link.expires_at <= core.clock.seconds():
        raise LinkExpired("the link is used, too old or unknown; ask for a new one")
    return link
