"""Incidents, announced by staff: a line on every page, a page, and a feed (N25)."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape

from mailcore.core import Core
from mailcore.domain import Incident
from mailcore.errors import InvalidName
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices.notices import LANGUAGES
from mailcore.store.engine.db import Tx
from mailcore.store.site import public_pages as store

LEVELS = ("info", "warn", "bad")
KEPT_SECONDS = 30 * 86_400


def announce_incident(core: Core, words: dict[str, str], level: str = "warn", *, actor: str = "") -> int:
    """Announce an incident until `end_incident`; returns its number.  Raises InvalidName when a language is missing."""
    words = {language: " ".join(words.get(language, "").split())[:500] for language in LANGUAGES}
    if missing := [language for language, text in words.items() if not text]:
        raise InvalidName(f"the words are missing in {', '.join(missing)}")
    if level not in LEVELS:
        raise InvalidName(f"{level!r} is not a level; there are {', '.join(LEVELS)}")

    def write(tx: Tx) -> int:
        number = store.add_incident(tx, level, words, core.clock.seconds())
        audit.note(core, tx, None, Event.STATUS_ANNOUNCED, actor=actor, detail=f"{number}, {level}: {words['en']}")
        return number

    return core.db.write(write)


def end_incident(core: Core, incident: int | None = None, *, actor: str = "") -> int:
    """End an incident; None = all of them.  Returns how many ended."""

    def write(tx: Tx) -> int:
        ended = [one for one in store.list_current_incidents(tx) if incident in (None, one.id)]
        for one in ended:
            audit.note(
                core, tx, None, Event.STATUS_ENDED, actor=actor, detail=f"{one.id}, {one.level}: {one.words['en']}"
            )
        return store.end_incidents(tx, incident, core.clock.seconds())

    return core.db.write(write)


def list_current(core: Core) -> list[Incident]:
    return core.db.read(store.list_current_incidents)


def list_recent(core: Core) -> list[Incident]:
    """List the incidents of the last thirty days, newest first."""
    return core.db.read(lambda tx: store.list_incidents(tx, core.clock.seconds() - KEPT_SECONDS))


def make_feed(core: Core, language: str) -> str:
    """Write the feed of incidents as Atom (RFC 4287)."""
    incidents = list_recent(core)
    url = core.config.url
    changed = max(
        (incident.ended_at or incident.at for incident in incidents), default=datetime(2026, 1, 1, tzinfo=UTC)
    )
    entries = "".join(
        f"<entry><id>{escape(url)}/status#{incident.id}</id><title>{escape(incident.words[language])}</title>"
        f'<link href="{escape(url)}/status"/><published>{incident.at.isoformat()}</published>'
        f'<updated>{(incident.ended_at or incident.at).isoformat()}</updated><category term="{incident.level}"/>'
        f'<category term="{"ended" if incident.ended_at else "current"}"/></entry>\n'
        for incident in incidents
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}">'
        f"<id>{escape(url)}/status</id><title>Alumnimail</title><updated>{changed.isoformat()}</updated>"
        f'<author><name>Alumnimail</name></author><link rel="self" href="{escape(url)}/status.xml"/>\n{entries}</feed>\n'
    )
