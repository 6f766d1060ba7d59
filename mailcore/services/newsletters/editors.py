"""Editors of a topic: owners who may write and send its newsletters, and nothing else.

An editor sees how many have agreed to the topic, and never who; the list of subscribers, the topic itself and its editors are
the administrators'.
"""

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Newsletter, NewsletterTopic
from mailcore.errors import InvalidName, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import Event
from mailcore.services.newsletters import topics
from mailcore.store.engine.db import Tx
from mailcore.store.people import topics as store
from mailcore.store.site import newsletters


def add_editor(core: Core, topic: int, name: str, *, actor: str) -> Account:
    """Let an owner edit a topic.  Raises InvalidName, AccountNotFound."""
    topics.find_topic(core, topic)
    account = accounts.find_account(core, name)

    def write(tx: Tx) -> None:
        if store.add_editor(tx, topic, account.id, core.clock.seconds()):
            audit.note(core, tx, account.id, Event.EDITOR_ADDED, actor=actor, detail=f"topic {topic}")

    core.db.write(write)
    return account


def remove_editor(core: Core, topic: int, name: str, *, actor: str) -> Account:
    """Take it back; what they have written stays.  Raises InvalidName: they are none."""
    account = accounts.find_account(core, name)

    def write(tx: Tx) -> None:
        if not store.delete_editor(tx, topic, account.id):
            raise InvalidName(Saying("They are no editor of this topic."))
        audit.note(core, tx, account.id, Event.EDITOR_REMOVED, actor=actor, detail=f"topic {topic}")

    core.db.write(write)
    return account


def list_editors(core: Core, topic: int) -> list[str]:
    """List the user names of a topic's editors."""
    return core.db.read(lambda tx: store.list_editors(tx, topic))


def list_own_topics(core: Core, account: AccountId) -> list[NewsletterTopic]:
    """List the topics that an owner edits."""
    own = core.db.read(lambda tx: store.list_topics_of_editor(tx, account))
    return [topic for topic in topics.list_topics(core) if topic.id in own] if own else []


def find_own_topic(core: Core, account: AccountId, topic: int) -> NewsletterTopic:
    """Raises NotAllowed: they are no editor of it, or there is none."""

    def read(tx: Tx) -> NewsletterTopic | None:
        return store.find_topic(tx, topic) if topic in store.list_topics_of_editor(tx, account) else None

    if (own := core.db.read(read)) is None:
        raise NotAllowed("not an editor of this topic")
    return own


def find_own_newsletter(core: Core, account: AccountId, number: int) -> tuple[Newsletter, NewsletterTopic]:
    """Raises NotAllowed: there is none, or it is of another topic."""
    newsletter = core.db.read(lambda tx: newsletters.find_newsletter(tx, number))
    if newsletter is None:
        raise NotAllowed("no such newsletter")
    return newsletter, find_own_topic(core, account, newsletter.topic)
