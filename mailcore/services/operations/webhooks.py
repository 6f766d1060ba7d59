"""Webhooks: programs of the university that are told of changes, added and looked after by administrators.

What is signed and how stands in docs/webhooks.md: the headers of Standard Webhooks, so that receivers need no code of ours.
The key is shown once, when it is made.
"""

import base64
import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.domain import Webhook, WebhookDelivery, WebhookKind, WebhookState
from mailcore.errors import InvalidName, LinkExpired, TooMany
from mailcore.saying import Saying
from mailcore.services import audit, webhook_events
from mailcore.services.audit import Event
from mailcore.services.limits import keys
from mailcore.store.engine.db import Tx
from mailcore.store.site import webhooks as store

MAX_WEBHOOKS = 20  # each has a thread of its own while it is told of something
MAX_LABEL, MAX_URL = 100, 1000
KINDS = tuple(kind for kind in WebhookKind if kind is not WebhookKind.TEST)
FORMER_SECONDS = 86_400  # for which a key counts beside the one that replaced it
PAGE = 50  # deliveries at a time
_SEAL, _KEY_OCTETS = "webhook", 32


def add_webhook(core: Core, label: str, url: str, kinds: Collection[str], *, actor: str) -> tuple[Webhook, str]:
    """Add a program that is told of changes from now on; return it, and its key, which cannot be shown again.

    Raises:
        InvalidName: it has no name, the address is none that we send to, or a kind is not known.
        TooMany.
    """
    label, url = " ".join(label.split()), check_url(url)
    if not 0 < len(label) <= MAX_LABEL:
        raise InvalidName(Saying("Give the program a name of at most 100 characters."))
    wanted = _check_kinds(kinds)

    def write(tx: Tx) -> tuple[Webhook, str]:
        if len(store.list_webhooks(tx)) >= MAX_WEBHOOKS:
            raise TooMany(Saying("There are many webhooks already. Remove one first."))
        id_ = store.add_webhook(tx, label, url, wanted, core.clock.seconds())
        key = _make_key(core, tx, id_)
        store.save_state(tx, id_, WebhookState.ON)
        detail = f"{id_} ({label}): {_describe_place(url)}; {' '.join(wanted)}"
        audit.note(core, tx, None, Event.WEBHOOK_ADDED, actor=actor, detail=detail)
        return _get_webhook(tx, id_), key

    return core.db.write(write)


def check_url(url: str) -> str:
    """Return the address as it is saved.  Raises InvalidName: it is no HTTPS address of a host that could be asked."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidName(Saying("That is not an address such as https://crm.example.org/hooks.")) from None
    host = (parts.hostname or "").rstrip(".")
    good = parts.scheme == "https" and host and url.isascii() and url.isprintable() and " " not in url
    if not good or port == 0 or parts.username is not None or parts.fragment or len(url) > MAX_URL:
        raise InvalidName(Saying("That is not an address such as https://crm.example.org/hooks."))
    return url


def _check_kinds(kinds: Collection[str]) -> list[WebhookKind]:
    """Return the kinds in their own order.  Raises InvalidName: there is none, or one that is not known."""
    if not kinds:
        raise InvalidName(Saying("Choose at least one kind of change."))
    if unknown := set(kinds) - set(KINDS):
        raise InvalidName(f"{min(unknown)!r} is not a kind of change; there are {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in kinds]


def list_webhooks(core: Core) -> list[Webhook]:
    return core.db.read(store.list_webhooks)


def find_webhook(core: Core, id_: int) -> Webhook:
    """Find a webhook.  Raises LinkExpired: there is none of that number."""
    return core.db.read(lambda tx: _get_webhook(tx, id_))


def _get_webhook(tx: Tx, id_: int) -> Webhook:
    found = store.find_webhook(tx, id_)
    if found is None:
        raise LinkExpired(f"there is no webhook {id_}")
    return found


def set_state(core: Core, id_: int, *, on: bool, actor: str) -> Webhook:
    """Turn it on or off; what happens while it is off, it is not told.  Raises LinkExpired."""

    def write(tx: Tx) -> Webhook:
        before = _get_webhook(tx, id_)
        state = WebhookState.ON if on else WebhookState.OFF
        store.save_state(tx, id_, state)
        _note_change(core, tx, before, f"{state}, before {before.state}", actor)
        return _get_webhook(tx, id_)

    return core.db.write(write)


def change_key(core: Core, id_: int, *, actor: str) -> str:
    """Make a new key and return it; for a day the former one signs too.  Raises LinkExpired."""

    def write(tx: Tx) -> str:
        webhook = _get_webhook(tx, id_)
        key = _make_key(core, tx, id_)
        _note_change(core, tx, webhook, "new key", actor)
        return key

    return core.db.write(write)


def _make_key(core: Core, tx: Tx, id_: int) -> str:
    key = secrets.token_bytes(_KEY_OCTETS)
    store.save_key(tx, id_, keys.seal(core.config, _SEAL, key, str(id_)), core.clock.seconds() + FORMER_SECONDS)
    return f"whsec_{base64.b64encode(key).decode()}"


def open_keys(core: Core, tx: Tx, id_: int) -> list[bytes]:
    """Return the keys that sign, the newest first; none where a backup came without them."""
    sealed = store.list_keys(tx, id_, core.clock.seconds())
    return [key for one in sealed if (key := keys.unseal(core.config, _SEAL, one, str(id_))) is not None]


def delete_webhook(core: Core, id_: int, *, actor: str) -> Webhook:
    """Delete a webhook and what is on its way to it.  Raises LinkExpired."""

    def write(tx: Tx) -> Webhook:
        webhook = _get_webhook(tx, id_)
        store.delete_webhook(tx, id_)
        detail = f"{id_} ({webhook.label}): {webhook.waiting} were waiting"
        audit.note(core, tx, None, Event.WEBHOOK_REMOVED, actor=actor, detail=detail)
        return webhook

    return core.db.write(write)


def list_deliveries(core: Core, id_: int, before: int = 0) -> list[WebhookDelivery]:
    """List what a webhook was told and how it answered, newest first."""
    return core.db.read(lambda tx: store.list_deliveries(tx, id_, before, PAGE))


def send_test(core: Core, id_: int, *, actor: str) -> str:
    """Send a test event, to see whether the webhook answers; return the event's id.  Raises LinkExpired."""

    def write(tx: Tx) -> str:
        webhook = _get_webhook(tx, id_)
        event, kind = webhook_events.create_event_id(), WebhookKind.TEST
        body = webhook_events.write_body(core, tx, kind, None, {})
        store.add_delivery(tx, id_, None, event, kind, body, core.clock.seconds(), webhook_events.MOST_WAITING)
        store.save_rest(tx, id_, 0, 0)
        _note_change(core, tx, webhook, f"test {event}", actor)
        return event

    return core.db.write(write)


def send_again(core: Core, id_: int, delivery: int | None = None, *, actor: str) -> int:
    """Send one delivery again, or all that were given up; return how many.  Raises LinkExpired."""

    def write(tx: Tx) -> int:
        webhook = _get_webhook(tx, id_)
        count = store.send_again(tx, id_, delivery, core.clock.seconds())
        _note_change(core, tx, webhook, f"{count} sent again", actor)
        return count

    return core.db.write(write)


def _note_change(core: Core, tx: Tx, webhook: Webhook, words: str, actor: str) -> None:
    detail = f"{webhook.id} ({webhook.label}): {words}"
    audit.note(core, tx, None, Event.WEBHOOK_CHANGED, actor=actor, detail=detail)


def _describe_place(url: str) -> str:
    """Return the address without its query, in which some receivers want a secret."""
    return url.partition("?")[0]
