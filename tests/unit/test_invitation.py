"""Invitations as Google, Outlook and Apple write them, and as nobody should (N34)."""

from datetime import UTC, date, datetime

import pytest

from mailcore.mail.reading import structure
from mailcore.mail.showing.invitation import Invitation, Moment, Repeats, find_invitation, read_invitation
from tests.processor import costs_under

OWN = ("ola@alumni.example",)


def calendar(*lines: str, method: str = "REQUEST", zone: str = "") -> str:
    event = "\r\n".join(("UID:1@x.example", "ORGANIZER;CN=Kari:mailto:kari@x.example", *lines))
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\n"
    return f"{head}{zone}BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def read(*lines: str, method: str = "REQUEST", zone: str = "") -> Invitation:
    found = read_invitation(calendar(*lines, method=method, zone=zone), OWN)
    assert found is not None
    return found


def observance(kind: str, month: int, hour: str, before: str, after: str, rule: str = "") -> str:
    rule = rule or f"FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH={month}"
    return (
        f"BEGIN:{kind}\r\nDTSTART:16010101T{hour}0000\r\nTZOFFSETFROM:{before}\r\nTZOFFSETTO:{after}\r\nRRULE:{rule}\r\n"
        f"END:{kind}\r\n"
    )


def zone(name: str, rule: str = "") -> str:
    winter = observance("STANDARD", 10, "03", "+0200", "+0100", rule)
    summer = observance("DAYLIGHT", 3, "02", "+0100", "+0200", rule)
    return f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{winter}{summer}END:VTIMEZONE\r\n"


@pytest.mark.parametrize(
    ("written", "defined", "expected"),
    [
        ("DTSTART:20270601T120000Z", "", Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        ("DTSTART;TZID=Europe/Oslo:20270601T140000", "", Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        ("DTSTART;TZID=W. Europe Standard Time:20270601T140000", "", Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        (
            "DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Oslo:20270601T140000",
            "",
            Moment(datetime(2027, 6, 1, 12, tzinfo=UTC)),
        ),
        ("DTSTART;TZID=Customized:20270601T140000", zone("Customized"), Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        ("DTSTART;TZID=Customized:20271201T140000", zone("Customized"), Moment(datetime(2027, 12, 1, 13, tzinfo=UTC))),
        ("DTSTART;TZID=Nowhere:20270601T140000", "", Moment(datetime(2027, 6, 1, 14), "Nowhere")),  # noqa: DTZ001
        ("DTSTART:20270601T140000", "", Moment(datetime(2027, 6, 1, 14))),  # noqa: DTZ001
        ("DTSTART: 20270601T120000Z ", "", Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        ("DTSTART;TZID=tzone://Microsoft/Utc:20270601T120000", "", Moment(datetime(2027, 6, 1, 12, tzinfo=UTC))),
        (
            "DTSTART;TZID=tzone://Microsoft/Custom:20270601T140000",
            zone("tzone://Microsoft/Custom"),
            Moment(datetime(2027, 6, 1, 12, tzinfo=UTC)),
        ),
        ("DTSTART;VALUE=DATE:20270601", "", Moment(date(2027, 6, 1))),
    ],
)
def test_a_moment_has_the_zone_that_was_meant(written, defined, expected):
    assert read(written, zone=defined).start == expected


def test_people_without_an_address_of_mail_have_it_beside_their_name():
    found = read(
        "ORGANIZER;CN=Ann;EMAIL=ann@x.example:/aMTIz/principal/",
        'ATTENDEE;CN=Ola;EMAIL="Ola@alumni.example":urn:uuid:1',
        "DTSTART:20270601T120000Z",
    )
    assert [person.address for person in found.attendees] == ["Ola@alumni.example"]
    assert found.me == found.attendees[0]


def test_an_organizer_of_another_kind_of_address_can_be_answered():
    lines = calendar("DTSTART:20270601T120000Z").replace("CN=Kari:mailto:kari@x.example", "EMAIL=ann@x.example:/1/")
    found = read_invitation(lines, OWN)
    assert found
    assert found.organizer
    assert found.organizer.address == "ann@x.example"
    assert found.may_answer


def test_a_mark_of_the_encoding_and_the_older_format_are_read():
    lines = calendar("DTSTART:20270601T120000Z", "SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=B8te; r=0D=0Aom")
    found = read_invitation("\ufeff" + lines, OWN)
    assert found
    assert found.title == "Møte; r om"


def test_a_line_may_be_folded_within_a_character():
    written = calendar("DTSTART:20270601T120000Z", "SUMMARY:Møte").encode().replace("ø".encode(), b"\xc3\r\n \xb8")
    octets = b"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n" + written
    found = find_invitation(octets, structure.parse(octets), OWN)
    assert found is not None
    assert found.title == "Møte"


def test_the_type_says_the_method_of_a_calendar_that_does_not():
    written = calendar("DTSTART:20270601T120000Z").replace("METHOD:REQUEST\r\n", "")
    octets = f"Content-Type: text/calendar; method=request\r\n\r\n{written}".encode()
    found = find_invitation(octets, structure.parse(octets), OWN)
    assert found is not None
    assert found.may_answer


def test_names_and_places_that_should_have_been_quoted_are_read():
    found = read(
        "DTSTART:20270601T120000Z",
        r"LOCATION:House \"A\"\, room 1",
        "ATTENDEE;CN=Nordmann, Ola:mailto:ola@alumni.example",
    )
    assert (found.place, found.attendees[0].name) == ('House "A", room 1', "Nordmann, Ola")


def test_a_zone_of_one_letter_is_not_believed_by_the_next():
    read("DTSTART;TZID=Customized:20270601T140000", zone=zone("Customized"))
    assert read("DTSTART;TZID=Customized:20270601T140000").start.zone == "Customized"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=5", Repeats("daily", times=5)),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,MO;WKST=MO", Repeats("weekly", 2, (0, 1))),
        ("FREQ=MONTHLY;BYDAY=2TU", Repeats("monthly", days=(1,), place=2)),
        ("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1", Repeats("monthly", days=(4,), place=-1)),
        ("FREQ=MONTHLY;BYMONTHDAY=15", Repeats("monthly", month_day=15)),
        ("FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=17", Repeats("yearly")),
        ("FREQ=DAILY;UNTIL=20270701", Repeats("daily", until=Moment(date(2027, 7, 1)))),
        ("FREQ=SECONDLY", Repeats("")),
        ("FREQ=WEEKLY;BYHOUR=1,2,3", Repeats("")),
        ("FREQ=MONTHLY;BYDAY=TU", Repeats("")),
        ("nonsense", Repeats("")),
    ],
)
def test_a_rule_is_taken_apart_or_said_to_be_odd(rule, expected):
    assert read("DTSTART:20270601T120000Z", f"RRULE:{rule}").repeats == expected


def test_whole_days_end_on_their_last_day():
    found = read("DTSTART;VALUE=DATE:20270601", "DTEND;VALUE=DATE:20270603")
    assert found.end == Moment(date(2027, 6, 2))
    assert read("DTSTART;VALUE=DATE:20270601", "DTEND;VALUE=DATE:20270602").end is None


def test_a_cancelled_instance_and_days_left_out():
    found = read("DTSTART:20270601T120000Z", "RECURRENCE-ID:20270601T110000Z", "STATUS:CANCELLED", method="CANCEL")
    assert found.cancelled
    assert not found.may_answer
    assert found.instance == Moment(datetime(2027, 6, 1, 11, tzinfo=UTC))
    found = read("DTSTART:20270601T120000Z", "EXDATE:20270602T120000Z,20270603T120000Z", "EXDATE:20270604T120000Z")
    assert [one.at.day for one in found.excepted] == [2, 3, 4]


def test_the_reader_is_found_among_a_hundred_thousand():
    crowd = [f"ATTENDEE:mailto:p{number}@x.example" for number in range(50_000)]
    with costs_under(2):
        found = read("DTSTART:20270601T120000Z", *crowd, "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:Ola+uni@alumni.example")
    assert found.attendee_count == 50_001
    assert len(found.attendees) <= 100
    assert found.me is not None
    assert found.me.address == "Ola+uni@alumni.example"


@pytest.mark.parametrize(
    "hostile",
    [
        calendar("DTSTART:20270601T120000Z").replace("BEGIN:VEVENT", "BEGIN:X\r\n" * 100_000),
        calendar("DTSTART:20270601T120000Z", "LOCATION:" + "x" * 1_900_000),
        calendar("DTSTART:20270601T120000Z", "LOCATION:" + "\r\n " * 600_000),
        calendar("DTSTART:20270601T120000Z", "LOCATION" + ";A=B" * 400_000 + ":x"),
        calendar("DTSTART:20270601T120000Z", "EXDATE:" + ",".join(["20270602T120000Z"] * 100_000)),
        calendar("DTSTART:20270601T120000Z", "RRULE:FREQ=YEARLY;BYSECOND=" + ",".join(["1"] * 500_000)),
        calendar("DTSTART:20270601T120000Z", *["EXDATE:20270602T120000Z"] * 80_000),
        calendar("DTSTART;TZID=a:20270601T120000", zone=zone("a", "FREQ=SECONDLY") * 8),
        calendar(
            "DTSTART;TZID=a:20270601T120000", zone=zone("a").replace("RRULE", "RDATE:19700101T000000\r\nRRULE") * 9
        ),
        calendar("DTSTART:20270601T120000Z").replace("END:VCALENDAR", "BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 70_000),
        calendar("DTSTART:99999999T999999"),
        calendar("DTSTART:00010101T000000Z"),
        calendar("DTSTART;TZID=../../etc/passwd:20270601T120000"),
        calendar("DTSTART:20270601T120000Z", "DURATION:P99999999999D"),
        calendar("DTSTART:20270601T120000Z", 'ORGANIZER;CN="a:mailto:x@y.example'),
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT",
        "END:VEVENT\r\n" * 1000,
        "",
    ],
)
def test_hostile_calendars_cost_little_and_raise_nothing(hostile):
    with costs_under(2):
        read_invitation(hostile, OWN)


@pytest.mark.parametrize(
    ("lines", "method", "expected"),
    [
        ((), "REQUEST", True),
        (("STATUS:CANCELLED",), "REQUEST", False),
        ((), "PUBLISH", False),
        ((), "CANCEL", False),
        ((), "REPLY", False),
        (("ATTENDEE:mailto:ola@alumni.example",), "REQUEST", True),
    ],
)
def test_only_a_request_awaits_an_answer(lines, method, expected):
    assert read("DTSTART:20270601T120000Z", *lines, method=method).may_answer is expected
