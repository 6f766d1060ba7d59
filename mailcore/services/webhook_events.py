"""Changes that programs of the university are told of, saved in the transaction of the change itself.

What is told is little: the account's number, the person's id, the addresses and, of a consent, its topic; no names, no mail.
Nothing is sent here: services/operations/webhook_post.py does.
"""

import json
import secrets
from collections.abc import Mapping

from mailcore.core import Core
from mailcore.domain import AccountId, AccountState, NewsletterTopic, WebhookKind
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts, addresses
from mailcore.store.site import webhooks as store

MOST_WAITING = 50_000  # for one webhook; a site has seldom more accounts, and then a full read by the API is quicker
Facts = Mapping[str, str | int]


def save_event(core: Core, tx: Tx, kind: WebhookKind, account: AccountId | None, facts: Facts) -> None:
    """Save a change for each webhook that wants to hear of its kind; `facts` are of the change."""
    if listeners := store.list_listeners(tx, kind):
        body = write_body(core, tx, kind, account, facts)
        event = create_event_id()
        for one in listeners:
            store.add_delivery(tx, one, account, event, kind, body, core.clock.seconds(), MOST_WAITING)


def create_event_id() -> str:
    """Create the id of an event, by which a receiver knows one that it has had."""
    return f"evt_{secrets.token_hex(12)}"


def write_body(core: Core, tx: Tx, kind: WebhookKind, account: AccountId | None, facts: Facts) -> str:
    """Write what is sent, as Standard Webhooks has it: type, timestamp, data."""
    data: dict[str, object] = {}
    if account is not None:
        owner = accounts.get_account(tx, account)
        data = {
            "account": int(account),
            "person": owner.person,
            "main": owner.address(core.config.domain),
            "addresses": addresses.list_addresses(tx, account),
        }
        if owner.state is AccountState.CLOSED:
            data["ended"] = addresses.list_ended_addresses(tx, account)
    told = {"type": kind, "timestamp": f"{core.clock.now():%Y-%m-%dT%H:%M:%SZ}", "data": {**data, **facts}}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def describe_topic(topic: NewsletterTopic) -> dict[str, str | int]:
    """Describe a topic of newsletters to programs."""
    return {"topic": topic.id, "topic_name": topic.names["nb"]}
