"""Topics of the alumni office's newsletters, and consent to each of them, with proof (N13).

A consent is the owner's own act, and is saved with the time and the words of the question; giving and taking it back are both in
the account's log.  Whoever has the link of a subscriber leaves a topic by one press (RFC 8058), without logging in.
"""

import csv
import hmac
import io
import re
from collections.abc import Collection
from itertools import chain, count

from mailcore.core import Core
from mailcore.domain import Account, AccountId, NewsletterTopic
from mailcore.errors import InvalidName, LinkExpired
from mailcore.saying import Saying
from mailcore.services import audit, webhook_events
from mailcore.services.accounts.sunset import escape_formula
from mailcore.services.audit import Event
from mailcore.services.limits import keys
from mailcore.services.notices.notices import LANGUAGES
from mailcore.store.engine.db import Tx
from mailcore.store.people import topics as store
from mailcore.store.site.newsletters import LOCALPART as LOCALPART
from mailcore.store.site.newsletters import stop_newsletters
from sieve.addrspec import read_addr_spec

MAX_NAME, MAX_SLUG = 100, 30  # characters
_KEY, _MAC = "newsletter", 32


def list_topics(core: Core) -> list[NewsletterTopic]:
    """List the topics that there are."""
    return core.db.read(store.list_topics)


def create_topic(core: Core, words: dict[str, str], *, actor: str) -> int:
    """Create a topic with its name in each language.  Raises InvalidName."""
    words = {language: " ".join(words.get(language, "").split())[:MAX_NAME] for language in LANGUAGES}
    if not all(words.values()):
        raise InvalidName(Saying("The name is needed in all three languages."))

    def write(tx: Tx) -> int:
        number = store.add_topic(tx, words, _find_slug(tx, words["en"]), core.clock.seconds())
        audit.note(core, tx, None, Event.TOPIC_CREATED, actor=actor, detail=f"{number}: {words['en']}")
        return number

    return core.db.write(write)


def _find_slug(tx: Tx, name: str) -> str:
    """Make the word of a topic's address from its English name; one that was ever used is not used again."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_SLUG].strip("-") or "topic"
    names = chain((base,), (f"{base}-{number}" for number in count(2)))
    return next(slug for slug in names if not store.is_slug_taken(tx, slug))


def address_of(core: Core, topic: NewsletterTopic) -> str:
    """Return the address of a topic: its author, and where its editors mail newsletters to."""
    return f"{LOCALPART}+{topic.slug}@{core.config.domain}"


def set_reply_to(core: Core, topic: int, address: str, *, actor: str) -> None:
    """Set where readers' answers go; "" = the help desk.  Raises InvalidName."""
    address, before = address.strip(), find_topic(core, topic).reply_to
    if address and (len(address) > MAX_NAME or read_addr_spec(address) is None or not address.isascii()):
        raise InvalidName(Saying("That is no e-mail address."))

    def write(tx: Tx) -> None:
        store.save_reply_to(tx, topic, address)
        detail = f"{topic}: answers to {address or 'the help desk'}, before {before or 'the help desk'}"
        audit.note(core, tx, None, Event.TOPIC_CHANGED, actor=actor, detail=detail)

    core.db.write(write)


def end_topic(core: Core, topic: int, *, actor: str) -> None:
    """End a topic; everybody's consent to it goes.  Raises InvalidName."""
    found, subscribers = find_topic(core, topic), count_subscribers(core, topic)

    def write(tx: Tx) -> None:
        store.end_topic(tx, topic, core.clock.seconds())
        stop_newsletters(tx, topic)
        detail = f"{topic}: {found.names['en']}, before {subscribers} subscribers"
        audit.note(
            core, tx, None, Event.TOPIC_ENDED, actor=actor, detail=detail, facts=webhook_events.describe_topic(found)
        )

    core.db.write(write)


def find_topic(core: Core, topic: int) -> NewsletterTopic:
    """Find a topic that has not ended.  Raises InvalidName."""
    found = core.db.read(lambda tx: store.find_topic(tx, topic))
    if found is None:
        raise InvalidName(Saying("There is no such topic."))
    return found


def count_subscribers(core: Core, topic: int) -> int:
    """Count those who have agreed to a topic, and whose accounts are in use."""
    return core.db.read(lambda tx: store.count_subscribers(tx, topic))


def list_consents(core: Core, account: AccountId) -> set[int]:
    """List the topics that an account has agreed to."""
    return core.db.read(lambda tx: store.list_consents(tx, account))


def set_consents(core: Core, account: AccountId, wanted: Collection[int], wordings: dict[int, str]) -> None:
    """Set what the owner agrees to; `wordings` are the questions as they stood on the page."""

    def write(tx: Tx) -> None:
        for topic in store.list_topics(tx):
            if topic.id in wanted:
                wording = wordings.get(topic.id, topic.names["nb"])
                if store.add_consent(tx, account, topic.id, core.clock.seconds(), wording):
                    facts = {**webhook_events.describe_topic(topic), "wording": wording}
                    audit.note(core, tx, account, Event.CONSENT_GIVEN, detail=f"{topic.id}: {wording}", facts=facts)
            elif store.delete_consent(tx, account, topic.id):
                _note_withdrawal(core, tx, account, topic)

    core.db.write(write)


def _note_withdrawal(core: Core, tx: Tx, account: AccountId, topic: NewsletterTopic) -> None:
    detail = f"{topic.id}: {topic.names['nb']}"
    audit.note(core, tx, account, Event.CONSENT_WITHDRAWN, detail=detail, facts=webhook_events.describe_topic(topic))


def create_leave_link(core: Core, account: AccountId, topic: int) -> str:
    """Create the link by which a subscriber leaves a topic; it stays good."""
    return f"{get_leave_address(core)}{account}.{topic}.{_mark(core, account, topic)}"


def get_leave_address(core: Core) -> str:
    """Return what every such link begins with."""
    return f"{core.config.url}/newsletters/leave/"


def _mark(core: Core, account: int, topic: int) -> str:
    return keys.compute_hmac(core.config, _KEY, f"{account}\0{topic}").hex()[:_MAC]


def read_leave_link(core: Core, token: str) -> tuple[AccountId, NewsletterTopic]:
    """Return what a link leaves.  Raises LinkExpired: it is none of ours, or the topic has ended."""
    parts = token.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts[:2]):
        raise LinkExpired("no such link")
    account, topic = int(parts[0]), int(parts[1])
    if not hmac.compare_digest(parts[2].encode("utf-8", "replace"), _mark(core, account, topic).encode()):
        raise LinkExpired("no such link")
    try:
        return AccountId(account), find_topic(core, topic)
    except InvalidName:
        raise LinkExpired("the topic has ended") from None


def leave_topic(core: Core, token: str) -> NewsletterTopic:
    """Leave a topic by its link, as often as you like.  Raises LinkExpired."""
    account, topic = read_leave_link(core, token)

    def write(tx: Tx) -> None:
        if store.delete_consent(tx, account, topic.id):
            _note_withdrawal(core, tx, account, topic)

    core.db.write(write)
    return topic


def export_subscribers(core: Core, topic: int, *, agent: Account) -> str:
    """Write those who agreed to a topic as CSV, with the link by which each leaves it.  Raises InvalidName."""
    found = find_topic(core, topic)

    def read(tx: Tx) -> list[store.Subscriber]:
        subscribers = store.list_subscribers(tx, topic)
        detail = f"{topic}: {found.names['en']}, {len(subscribers)} subscribers"
        audit.note(core, tx, None, Event.SUBSCRIBERS_EXPORTED, actor=agent.name, detail=detail)
        return subscribers

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("address", "name", "language", "agreed_at", "agreed_to", "list_unsubscribe"))
    for one in core.db.write(read):
        address = one.account.address(core.config.domain)
        link = create_leave_link(core, one.account.id, topic)
        name, language = escape_formula(one.account.display_name), one.account.language
        writer.writerow((address, name, language, one.at.isoformat(), one.wording, link))
    return text.getvalue()
