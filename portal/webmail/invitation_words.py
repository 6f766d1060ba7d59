"""An invitation in words: when it is in the reader's zone, how it repeats, what an answer to it says."""

from datetime import date, datetime

from babel.dates import format_date, format_datetime, format_time, get_day_names
from flask_babel import gettext as _
from flask_babel import ngettext

from mailcore.mail.showing.invitation import Invitation, Moment, Person, Repeats
from mailcore.services.webmail.invitations import AnswerWords
from portal import current, formats, i18n


def when(meeting: Invitation) -> str:
    """Say from when until when, by the clock of the site; of whole days only the days."""
    start = _here(meeting.start)
    end = _here(meeting.end) if meeting.end else None
    if end is None:
        return _day(start) if meeting.start.is_day else _time(start)
    if isinstance(start, datetime) and isinstance(end, datetime) and start.date() == end.date():
        return f"{_time(start)}–{format_time(end, 'HH:mm', locale=i18n.language())}"
    return " – ".join(_day(one) if meeting.start.is_day else _time(one) for one in (start, end))


def moment(one: Moment) -> str:
    return _day(_here(one)) if one.is_day else _time(_here(one))


def _here(one: Moment) -> date | datetime:
    if isinstance(one.at, datetime) and one.at.tzinfo is not None:
        return one.at.astimezone(current.core().config.zone)
    return one.at


def _day(at: date) -> str:
    return str(format_date(at, f"EEEE {formats.day_number()} MMMM yyyy", locale=i18n.language()))


def _time(at: date) -> str:
    return str(format_datetime(at, f"EEEE {formats.day_number()} MMMM yyyy HH:mm", locale=i18n.language()))


def repeats(rule: Repeats) -> str:
    """Say a rule in words; a rule that has none says so."""
    words = _every(rule)
    names = get_day_names("wide", locale=i18n.language())
    days = ", ".join(str(names[one]) for one in rule.days)
    if rule.place:
        words = _("%(every)s, on the %(place)s %(day)s", every=words, place=_place(rule.place), day=days)
    elif days:
        words = _("%(every)s, on %(days)s", every=words, days=days)
    elif rule.month_day:
        words = _("%(every)s, on day %(number)s", every=words, number=rule.month_day)
    if rule.times:
        return words + ngettext(", %(num)s time", ", %(num)s times", rule.times)
    if rule.until:
        return _("%(every)s, until %(day)s", every=words, day=_day(_here(rule.until)))
    return words


def _every(rule: Repeats) -> str:
    is_each, number = rule.interval == 1, rule.interval
    match rule.every:
        case "daily":
            return _("every day") if is_each else _("every %(number)s days", number=number)
        case "weekly":
            return _("every week") if is_each else _("every %(number)s weeks", number=number)
        case "monthly":
            return _("every month") if is_each else _("every %(number)s months", number=number)
        case "yearly":
            return _("every year") if is_each else _("every %(number)s years", number=number)
    return _("by a rule that only a calendar program can tell")


def _place(number: int) -> str:
    return {1: _("first"), 2: _("second"), 3: _("third"), 4: _("fourth"), -1: _("last")}[number]


def news(meeting: Invitation) -> str:
    """Say in a line what the message does: invite, change, cancel, answer, propose."""
    who = named(meeting.attendees[0]) if meeting.attendees else ""
    if meeting.cancelled:
        return _("One day of this meeting is cancelled") if meeting.instance else _("This meeting is cancelled")
    match meeting.method:
        case "REQUEST" if meeting.instance:
            return _("One day of this meeting is changed")
        case "REQUEST":
            return _("Changed invitation") if meeting.sequence else _("Invitation")
        case "REPLY":
            return _answer_of(meeting.attendees[0].answer if meeting.attendees else "", who)
        case "COUNTER":
            return _("%(who)s proposes another time", who=who)
        case "DECLINECOUNTER":
            return _("The other time that you proposed is not possible")
    return _("Event")


def _answer_of(answer: str, who: str) -> str:
    match answer:
        case "ACCEPTED":
            return _("%(who)s is coming", who=who)
        case "DECLINED":
            return _("%(who)s is not coming", who=who)
        case "TENTATIVE":
            return _("%(who)s may be coming", who=who)
        case "DELEGATED":
            return _("%(who)s sends somebody else", who=who)
    return _("%(who)s has not decided yet", who=who)


def named(person: Person) -> str:
    return f"{person.name} <{person.address}>" if person.name and person.name != person.address else person.address


def answer_words(answer: str, meeting: Invitation) -> AnswerWords:
    """Write subject and text of an answer."""
    title = meeting.title or _("(no subject)")
    match answer:
        case "ACCEPTED":
            subject, line = _("Accepted: %(title)s", title=title), _("Yes, I am coming.")
        case "DECLINED":
            subject, line = _("Declined: %(title)s", title=title), _("No, I am not coming.")
        case _:
            subject, line = _("Perhaps: %(title)s", title=title), _("I may be coming.")
    return AnswerWords(subject, "\n".join((line, "", title, moment(meeting.instance or meeting.start))))
