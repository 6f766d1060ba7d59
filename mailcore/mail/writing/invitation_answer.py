"""An answer to an invitation: METHOD:REPLY of iTIP (RFC 5546 section 3.2.3) as iMIP sends it (RFC 6047 section 2.4)."""

from collections.abc import Iterator
from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress

from mailcore.mail.showing.invitation import Invitation, Person
from mailcore.mail.writing import entities
from mailcore.mail.writing.fields_out import media_field


def answer_entity(invitation: Invitation, me: Person, answer: str, words: str, now: datetime) -> Iterator[bytes]:
    """Write the text for people, and beside it the calendar for programs.

    Args:
        me: the reader, by the address that was invited.
        answer: ACCEPTED, DECLINED or TENTATIVE.
    """
    params = {"method": "REPLY", "charset": "utf-8", "component": "VEVENT"}
    calendar = media_field("Content-Type", "text/calendar", params) + entities.encoded(
        _calendar(invitation, me, answer, now)
    )
    return entities.multipart([[entities.text(words)], [calendar]], "alternative")


def _calendar(invitation: Invitation, me: Person, answer: str, now: datetime) -> bytes:
    """Write one attendee, the organizer, and the identity of the event; nothing else is ours to say."""
    event = Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", now.astimezone(UTC))
    for name, moment in (("dtstart", invitation.start), ("recurrence-id", invitation.instance)):
        if moment is not None:
            event.add(name, moment.at, {"TZID": moment.zone} if moment.zone else {})
    if invitation.title:
        event.add("summary", invitation.title)
    if invitation.organizer is not None:
        event.add("organizer", _address(invitation.organizer), encode=False)
    attendee = _address(me)
    attendee.params["PARTSTAT"] = answer
    event.add("attendee", attendee, encode=False)
    whole = Calendar()
    whole.add("prodid", "-//Alumnimail//EN")
    whole.add("version", "2.0")
    whole.add("method", "REPLY")
    whole.add_component(event)
    return whole.to_ical()


def _address(person: Person) -> vCalAddress:
    found = vCalAddress(f"mailto:{person.address}")
    if person.name:
        found.params["CN"] = person.name.replace('"', "'")
    return found
