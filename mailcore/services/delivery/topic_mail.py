"""Mail to the address of a topic: what one of its editors sends there, logged in, becomes a draft of a newsletter (N39).

Nothing is sent to anybody by mail alone: the editor gets a message with the link to the draft, looks at it and sends it there.
To everybody else the address is unknown, and what comes from another server in an editor's name is refused: it may be forged.
"""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import AccountId, Delivered, Outcome, TopicRecipient
from mailcore.errors import InvalidName
from mailcore.mail.showing import body
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.plans import TopicDraft
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import topics
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import find_address_owner
from mailcore.store.site import newsletters

MAX_SUBJECT, MAX_TEXT = 200, 50_000  # characters
EDITORS_ONLY = "Only editors of this newsletter, logged in, can write to this address"


def check_draft(language: str, subject: str, text: str) -> tuple[str, str]:
    """Return subject and text as they are saved.  Raises InvalidName."""
    subject, text = " ".join(subject.split()), text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    if language not in notices.LANGUAGES:
        raise InvalidName(Saying("Choose a language."))
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise InvalidName(Saying("The subject is empty or too long."))
    if not text.strip() or len(text) > MAX_TEXT:
        raise InvalidName(Saying("The text is empty or too long."))
    return subject, text


@dataclass(frozen=True, slots=True)
class _Editor:
    account: AccountId
    name: str
    language: str
    address: str


def plan(core: Core, tx: Tx, arrival: Arrival, recipient: TopicRecipient) -> TopicDraft:
    """Read the message, and write the word to its editor; without one it is refused."""
    editor = _find_editor(core, tx, arrival, recipient.topic)
    if editor is None:
        return TopicDraft(recipient, EDITORS_ONLY)
    message = arrival.prepared.message
    try:
        subject, text = check_draft(
            editor.language,
            " ".join(message.header.values("subject")[:1]),
            body.readable(message.octets, message.root, MAX_TEXT + 1),
        )
    except InvalidName as problem:
        return TopicDraft(recipient, str(problem))
    notice = notices.prepare(core, "newsletter_draft", editor.language, editor.address, subject=subject)
    return TopicDraft(
        recipient, "", editor.account, editor.name, editor.address, editor.language, subject, text, notice
    )


def find_topic(core: Core, tx: Tx, localpart: str, domain: str, sender: str) -> int | None:
    """Find the topic whose address it is, if the envelope's sender edits it."""
    name, plus, slug = localpart.lower().partition("+")
    if not plus or name != newsletters.LOCALPART or domain.lower() != core.config.domain:
        return None
    topic, account = topics.find_topic_by_slug(tx, slug), _find_sender(tx, sender)
    return topic if account is not None and topic in topics.list_topics_of_editor(tx, account) else None


def _find_sender(tx: Tx, sender: str) -> AccountId | None:
    localpart, _, domain = sender.lower().rpartition("@")
    return find_address_owner(tx, localpart.partition("+")[0], domain)


def _find_editor(core: Core, tx: Tx, arrival: Arrival, topic: int) -> _Editor | None:
    """Find who sent it: the envelope's sender, which submission has compared with the log-in."""
    account = None if arrival.verdict.outside else _find_sender(tx, arrival.envelope.sender)
    if account is None or topic not in topics.list_topics_of_editor(tx, account):
        return None
    found = get_account(tx, account)
    return _Editor(account, found.name, found.language, found.address(core.config.domain))


def save(core: Core, tx: Tx, draft: TopicDraft) -> Delivered:
    """Save the draft, and queue the word to its editor."""
    if draft.problem or draft.notice is None or draft.account is None:
        return Delivered(draft.recipient.address, Outcome.REJECTED, reason=draft.problem)
    topic, now = draft.recipient.topic, core.clock.seconds()
    number = newsletters.add_newsletter(tx, topic, draft.language, draft.subject, draft.text, draft.name, now)
    detail = f"{number}, topic {topic}: {len(draft.text)} characters, by mail"
    audit.note(core, tx, None, Event.NEWSLETTER_WRITTEN, actor=draft.name, detail=detail)
    notices.queue(core, tx, draft.notice, draft.address, draft.account)
    return Delivered(draft.recipient.address, Outcome.FILED)
