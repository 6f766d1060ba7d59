"""Newsletters from draft to sending: written, scheduled, taken back, stopped and resumed.  Every act is in the log.

An actor is the user name of an editor, or "command line"; who may do it is decided before (editors.py).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailcore.core import Core
from mailcore.domain import Newsletter, NewsletterState
from mailcore.errors import InvalidName, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.newsletters import sending, topics, writing
from mailcore.store.engine.db import Tx
from mailcore.store.site import newsletters as store

LATEST = timedelta(days=366)
LISTED = 100


def list_newsletters(core: Core, of: Sequence[int]) -> list[Newsletter]:
    """List the newest newsletters of these topics."""
    return core.db.read(lambda tx: store.list_newsletters(tx, of, LISTED))


def create_draft(core: Core, topic: int, language: str, subject: str, text: str, *, actor: str) -> int:
    """Save a new newsletter, and return its number.  Raises InvalidName."""
    topics.find_topic(core, topic)
    subject, text = writing.check_draft(language, subject, text)

    def write(tx: Tx) -> int:
        number = store.add_newsletter(tx, topic, language, subject, text, actor, core.clock.seconds())
        audit.note(core, tx, None, Event.NEWSLETTER_WRITTEN, actor=actor, detail=_describe(number, topic, text))
        return number

    return core.db.write(write)


def _describe(number: int, topic: int, text: str) -> str:
    return f"{number}, topic {topic}: {len(text)} characters"


def save_draft(core: Core, number: int, language: str, subject: str, text: str, *, actor: str) -> None:
    """Save a draft in place of the one before.  Raises InvalidName, NotAllowed: it is no draft any more."""
    newsletter = sending.find_newsletter(core, number)
    subject, text = writing.check_draft(language, subject, text)

    def write(tx: Tx) -> None:
        if not store.save_draft(tx, number, language, subject, text, actor, core.clock.seconds()):
            raise _too_late()
        detail = f"{_describe(number, newsletter.topic, text)}, before {len(newsletter.text)}"
        audit.note(core, tx, None, Event.NEWSLETTER_WRITTEN, actor=actor, detail=detail)

    core.db.write(write)


def _too_late() -> NotAllowed:
    return NotAllowed(Saying("Somebody has changed this newsletter meanwhile. Look at it again."))


def delete_draft(core: Core, number: int, *, actor: str) -> None:
    """Delete a draft.  Raises NotAllowed: it is none."""

    def write(tx: Tx) -> None:
        if not store.delete_draft(tx, number):
            raise _too_late()
        audit.note(core, tx, None, Event.NEWSLETTER_DELETED, actor=actor, detail=str(number))

    core.db.write(write)


def schedule(core: Core, number: int, at: datetime | None, *, actor: str) -> Newsletter:
    """Let a draft be sent at a time, or now.  Raises InvalidName, NotAllowed."""
    now = core.clock.now()
    at = at or now
    if at < now - timedelta(minutes=5) or at > now + LATEST:
        raise InvalidName(Saying("Choose a time from now on, within a year."))
    newsletter = sending.find_newsletter(core, number)
    topic = topics.find_topic(core, newsletter.topic)
    subscribers = topics.count_subscribers(core, topic.id)
    detail = f"{number}, topic {topic.id}: at {at.isoformat(timespec='minutes')}, {subscribers} subscribers"
    _change(
        core,
        number,
        (NewsletterState.DRAFT, NewsletterState.SCHEDULED),
        Event.NEWSLETTER_SCHEDULED,
        actor=actor,
        detail=detail,
        at=int(at.timestamp()),
    )
    return sending.find_newsletter(core, number)


def take_back(core: Core, number: int, *, actor: str) -> None:
    """Make a scheduled newsletter a draft again.  Raises NotAllowed: it is being sent."""
    _change(core, number, (NewsletterState.SCHEDULED, NewsletterState.DRAFT), Event.NEWSLETTER_TAKEN_BACK, actor=actor)


def stop(core: Core, number: int, *, actor: str) -> None:
    """Stop the sending where it is.  Raises NotAllowed: it is over."""
    _change(core, number, (NewsletterState.SENDING, NewsletterState.STOPPED), Event.NEWSLETTER_STOPPED, actor=actor)


def resume(core: Core, number: int, *, actor: str) -> None:
    """Go on with those who do not have it yet.  Raises NotAllowed."""
    topics.find_topic(core, sending.find_newsletter(core, number).topic)
    _change(core, number, (NewsletterState.STOPPED, NewsletterState.SENDING), Event.NEWSLETTER_RESUMED, actor=actor)


def _change(
    core: Core,
    number: int,
    states: tuple[NewsletterState, NewsletterState],
    event: Event,
    *,
    actor: str,
    detail: str = "",
    at: int | None = None,
) -> None:
    """Change the state, and log it.  Raises NotAllowed: somebody else has changed it."""

    def write(tx: Tx) -> None:
        if not store.change_state(tx, number, *states, core.clock.seconds(), at):
            raise _too_late()
        audit.note(core, tx, None, event, actor=actor, detail=detail or str(number))

    core.db.write(write)
