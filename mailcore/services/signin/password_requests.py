"""Links for a forgotten password, to the verified contact addresses (S15).

Whoever asks learns nothing of an account: the answer and the work are the same whether it exists or not.  Strangers who
ask for somebody's link use up the strangers' lane only.  A browser in which the owner has logged in before, a place from
which they did lately, and the verified address itself, typed instead of the user name, have lanes of their own.
"""

import secrets
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.net.address import place
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import credentials, login
from mailcore.services.limits import keys, mail_limits, throttle, tries
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.limits.tries import Bound
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people import contact_addresses as store
from mailcore.store.people import credentials as credential_store
from mailcore.store.people.accounts import get_account

MAILS_PER_HOUR = 3  # in one lane
MOST_ACCOUNTS = 3  # that one contact address opens at once


@dataclass(frozen=True, slots=True)
class _Request:
    """A request for an account: where its link goes, and the lanes that may bring it, the owner's own first."""

    owner: Account
    addresses: tuple[str, ...]
    lanes: tuple[str, ...]
    is_own_device: bool = False


def send_links(core: Core, written: str, *, peer: str = "", device: str = "") -> None:
    """Mail a link to the verified contact addresses, if there are any.  Names that are nobody's take the same work.

    Args:
        written: a user name, or a verified contact address.
        peer, device: as in `throttle.find_lane`.

    Raises:
        TooMany: too much was asked for from this place (which says nothing of any account).
    """
    written = written.strip().lower()
    requests = core.db.read(lambda tx: _list_requests(core, tx, written, peer, device))
    if not any(request.is_own_device for request in requests):
        core.db.write(lambda tx: mail_limits.count_mail(core, tx, Cause(None, peer), ""))
    tokens = [secrets.token_urlsafe(24) for _ in range(len(requests) or 1)]
    letters = [
        [_prepare_notice(core, request.owner.language, address, request.owner, token) for address in request.addresses]
        for request, token in zip(requests, tokens, strict=False)
    ]
    if not any(letters):
        _prepare_notice(core, "nb", f"nobody@{core.config.domain}", None, tokens[0])

    def write(tx: Tx) -> None:
        if not requests:
            _count_lanes(core, tx, [f"nobody {keys.compute_hmac(core.config, 'tries', written).hex()}"])
        for request, token, prepared in zip(requests, tokens, letters, strict=False):
            if _count_lanes(core, tx, request.lanes) and prepared:
                _send(core, tx, request, token, prepared)

    core.db.write(write)


def _list_requests(core: Core, tx: Tx, written: str, peer: str, device: str) -> list[_Request]:
    name = login.to_local_name(core, written)
    if name is None:  # an address elsewhere
        accounts = store.list_accounts_verifying(tx, written, MOST_ACCOUNTS)
        return [
            _Request(get_account(tx, account), (address,), (f"{account} by address",)) for account, address in accounts
        ]
    holder = credential_store.find_holder(tx, name) if name else None
    if holder is None:
        return []
    lane = throttle.find_lane(core, holder, name, peer=peer, device=device)
    lately = core.clock.seconds() - throttle.KNOWN_SECONDS
    lanes = [f"{holder.account.id} strangers"]
    if lane.is_known_device:
        lanes = [f"{holder.account.id} {lane.place}"]
    elif peer and credential_store.is_known_place(tx, holder.account.id, place(peer), lately):
        lanes = [f"{holder.account.id} from {place(peer)}", *lanes]
    return [
        _Request(holder.account, tuple(store.list_verified(tx, holder.account.id)), tuple(lanes), lane.is_known_device)
    ]


def _prepare_notice(core: Core, language: str, address: str, owner: Account | None, token: str) -> Prepared:
    return notices.prepare(
        core,
        "password_link",
        language,
        address,
        display_name=(owner.display_name or owner.name) if owner else "",
        user=owner.name if owner else "",
        link=credentials.format_link(core, token),
    )


def _count_lanes(core: Core, tx: Tx, lanes: list[str] | tuple[str, ...]) -> bool:
    return any(tries.count_if_allowed(core, tx, "forgotten", [Bound(lane, MAILS_PER_HOUR)]) for lane in lanes)


def _send(core: Core, tx: Tx, request: _Request, token: str, prepared: list[Prepared]) -> None:
    credentials.save_link(core, tx, request.owner.id, token, credentials.RESET_SECONDS)
    for address, message in zip(request.addresses, prepared, strict=True):
        notices.queue(core, tx, message, address, request.owner.id)
    audit.note(core, tx, request.owner.id, Event.PASSWORD_LINK_ASKED_FOR)
