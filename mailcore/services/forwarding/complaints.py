"""Complaints about forwarded mail: an owner has called it spam at the target, whose server tells us (ARF, RFC 5965).

The envelope sender in the report proves that it is one: nobody but the target has heard it.  A complaint counts once for each
message, for its owner, and is a word of that owner to our filter; `not-spam` takes it back.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading.feedback import Feedback
from mailcore.services import audit, webhook_events
from mailcore.services.audit import Event
from mailcore.services.forwarding import bounces
from mailcore.store.delivery import spam_signs
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import complaints as store
from mailcore.store.forwarding.bounces import Return
from mailcore.store.people import topics
from mailcore.store.site import newsletters

KEEP_SECONDS = 30 * 86_400
_SPAM = frozenset({"abuse", "fraud", "virus", "other"})


def record_complaint(core: Core, tx: Tx, feedback: Feedback) -> bool:
    """Count a report for the owners of the messages that it names; False if it names none of ours."""
    is_ours = False
    for localpart in feedback.senders:
        returned = bounces.find_return(core, tx, localpart)
        if returned is None:
            continue
        is_ours = True
        now, is_spam = core.clock.seconds(), feedback.kind in _SPAM
        if is_spam and not store.add_complaint(tx, returned.account, returned.token, now):
            continue
        if is_spam:
            _leave_newsletter(core, tx, returned)
        blob = core.blobs.find(tx, returned.content)
        if blob is not None and core.config.filter.level != "off":
            spam_signs.add_vote(tx, returned.account, blob, "spam" if is_spam else "ham", now)
    return is_ours


def _leave_newsletter(core: Core, tx: Tx, returned: Return) -> None:
    """Count it for the newsletter that it is about, if any, and take the reader off its topic: they have said what they think."""
    newsletter = newsletters.find_by_content(tx, returned.content)
    if newsletter is None:
        return
    newsletters.count_complaint(tx, returned.content)
    if topics.delete_consent(tx, returned.account, newsletter.topic):
        detail = f"{newsletter.topic}: called spam where it is forwarded to"
        topic = topics.find_topic(tx, newsletter.topic)
        facts = webhook_events.describe_topic(topic) if topic else {"topic": newsletter.topic}
        audit.note(core, tx, returned.account, Event.CONSENT_WITHDRAWN, detail=detail, facts=facts)


def count_complaints(core: Core, account: AccountId) -> int:
    """Return how many messages of the last thirty days an owner has called spam at the target."""
    since = core.clock.seconds() - KEEP_SECONDS
    return core.db.read(lambda tx: store.count_complaints(tx, account, since))


def delete_old(core: Core) -> None:
    """Delete complaints older than thirty days; a job."""
    core.db.write(lambda tx: store.delete_complaints(tx, core.clock.seconds() - KEEP_SECONDS))
