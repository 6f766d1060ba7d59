"""Mail to the address of a topic: what one of its editors sends there, logged in, becomes a draft of a newsletter (N39).

Nothing is sent to anybody by mail alone: the editor gets a message with the link to the draft, looks at it and sends it there.
Everybody else is refused before the message, as is what comes without a log-in in an editor's name: it may be forged.
"""

from mailcore.core import Core
from mailcore.domain import AccountId, Delivered, Outcome, TopicRecipient
from mailcore.errors import EditorsOnly, InvalidName
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
from mailcore.store.site import newsletters

MAX_SUBJECT, MAX_TEXT = 200, 50_000  # characters


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


def find_topic(core: Core, tx: Tx, localpart: str, domain: str) -> int | None:
    """Find the topic whose address it is."""
    name, plus, slug = localpart.lower().partition("+")
    if not plus or name != newsletters.LOCALPART or domain.lower() != core.config.domain:
        return None
    return topics.find_topic_by_slug(tx, slug)


def check_editor(tx: Tx, address: str, topic: int, account: AccountId | None) -> TopicRecipient:
    """Let the editors of a topic write to it.  Raises EditorsOnly: nobody is logged in, or somebody else."""
    if account is None or topic not in topics.list_topics_of_editor(tx, account):
        raise EditorsOnly("a topic of newsletters")
    return TopicRecipient(address, topic, account)


def plan(core: Core, tx: Tx, arrival: Arrival, recipient: TopicRecipient) -> TopicDraft:
    """Read the message, and write the word to its editor; what can be no newsletter is refused."""
    editor, message = get_account(tx, recipient.editor), arrival.prepared.message
    try:
        subject, text = check_draft(
            editor.language,
            message.header.text("subject"),
            body.readable(message.octets, message.root, MAX_TEXT + 1),
        )
    except InvalidName as problem:
        return TopicDraft(recipient, str(problem))
    address = editor.address(core.config.domain)
    notice = notices.prepare(core, "newsletter_draft", editor.language, address, subject=subject)
    return TopicDraft(recipient, "", editor.name, address, editor.language, subject, text, notice)


def save(core: Core, tx: Tx, draft: TopicDraft) -> Delivered:
    """Save the draft, and queue the word to its editor."""
    if draft.problem or draft.notice is None:
        return Delivered(draft.recipient.address, Outcome.REJECTED, reason=draft.problem)
    topic, now = draft.recipient.topic, core.clock.seconds()
    number = newsletters.add_newsletter(tx, topic, draft.language, draft.subject, draft.text, draft.name, now)
    detail = f"{number}, topic {topic}: {len(draft.text)} characters, by mail"
    audit.note(core, tx, None, Event.NEWSLETTER_WRITTEN, actor=draft.name, detail=detail)
    notices.queue(core, tx, draft.notice, draft.address, draft.recipient.editor)
    return Delivered(draft.recipient.address, Outcome.FILED)
