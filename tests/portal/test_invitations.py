"""Invitations on the page of a message, and the answer by mail (N34; RFC 6047)."""

import re

import icalendar
import pytest

from mailcore.mail.reading import text
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import body
from tests.portal.mailing import count, flags, put, queued, sent_octets
from tests.unit.test_invitation import calendar

WHEN = ("DTSTART;TZID=America/New_York:20270601T080000", "DTEND;TZID=America/New_York:20270601T090000")
ME = "ATTENDEE;CN=Ola;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ola@alumni.example"


def invitation(text: str, method: str = "REQUEST", sender: str = "kari@x.example") -> bytes:
    return (
        f"From: Kari <{sender}>\r\nTo: ola@alumni.example\r\nSubject: Invitation\r\nMessage-ID: <i1@x.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nSee the calendar.\r\n--b\r\n"
        f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n\r\n{text}\r\n--b--\r\n"
    ).encode()


def shown(inside, core, ola, text: str, method: str = "REQUEST") -> str:
    page = inside.get(f"/mail/INBOX/{put(core, ola, invitation(text, method))}").text
    found = re.search(r'<section class="files meeting".*?</section>', page, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_n34_a_card_says_what_when_where_and_who(inside, core, ola):
    text = calendar(*WHEN, ME, "SUMMARY:Årsmøte", "LOCATION:Grønn sal", "RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=3")
    card = shown(inside, core, ola, text)
    for words in (
        "Invitasjon", "Årsmøte", "tirsdag 1. juni 2027 14:00–15:00", "hver måned, den første tirsdagen, 3 ganger",
        "Grønn sal", "Kari &lt;kari@x.example&gt;", "Kommer du?",
    ):  # fmt: skip
        assert words in card


def test_n34_the_file_has_a_right_name(inside, core, ola):
    page = inside.get(f"/mail/INBOX/{put(core, ola, invitation(calendar(*WHEN)))}").text
    assert ">invitation.ics</a>" in page


@pytest.mark.parametrize(
    ("method", "lines", "words"),
    [
        ("REQUEST", ("SEQUENCE:2",), "Endret invitasjon"),
        ("CANCEL", (), "Dette møtet er avlyst"),
        ("CANCEL", ("RECURRENCE-ID:20270601T120000Z",), "En dag av dette møtet er avlyst"),
        ("REPLY", ("ATTENDEE;PARTSTAT=DECLINED:mailto:per@x.example",), "per@x.example kommer ikke"),
        ("COUNTER", ("ATTENDEE:mailto:per@x.example", "COMMENT:heller da"), "per@x.example foreslår en annen tid"),
        ("DECLINECOUNTER", (), "Tiden du foreslo, passer ikke"),
    ],
)
def test_n34_changes_answers_and_proposals_are_told(inside, core, ola, method, lines, words):
    card = shown(inside, core, ola, calendar(*WHEN, *lines, method=method), method)
    assert words in card
    assert ("Kommer du?" in card) is (method == "REQUEST")


@pytest.mark.parametrize("answer", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_n34_an_answer_goes_to_the_organizer_as_programs_take_it(inside, core, ola, answer):
    uid = put(core, ola, invitation(calendar(*WHEN, ME, "SUMMARY:Årsmøte, i Ås", "RECURRENCE-ID:20270601T120000Z")))
    sent = count(core, ola, "Sent")
    inside.send(f"/mail/INBOX/{uid}", f"/mail/INBOX/{uid}/answer", answer=answer)
    [item] = queued(core)
    assert (item.sender, item.recipient) == ("ola@alumni.example", "kari@x.example")
    message = Message(sent_octets(core))
    assert message.root.subtype == "alternative"
    [part] = [leaf for leaf in body.leaves(message.root) if leaf.subtype == "calendar"]
    assert part.param("method") == "REPLY"
    event = icalendar.Calendar.from_ical(text.transfer_decoded(message.octets, part)).walk("VEVENT")[0]
    assert event["UID"] == "1@x.example"
    assert event["ATTENDEE"] == "mailto:ola@alumni.example"
    assert event["ATTENDEE"].params["PARTSTAT"] == answer
    assert event["ORGANIZER"] == "mailto:kari@x.example"
    assert event["RECURRENCE-ID"].to_ical() == b"20270601T120000Z"
    assert event["SUMMARY"] == "Årsmøte, i Ås"
    assert {f"$Invitation{answer.title()}", "\\Answered"} <= flags(core, ola, uid)
    assert count(core, ola, "Sent") == sent + 1
    assert "Du har svart" in inside.get(f"/mail/INBOX/{uid}").text


def test_n34_an_answer_of_the_past_is_replaced_by_the_next(inside, core, ola):
    uid = put(core, ola, invitation(calendar(*WHEN, ME)))
    for answer in ("ACCEPTED", "DECLINED"):
        inside.send(f"/mail/INBOX/{uid}", f"/mail/INBOX/{uid}/answer", answer=answer)
    assert {one for one in flags(core, ola, uid) if "nvitation" in one} == {"$InvitationDeclined"}


def test_n34_nobody_answers_what_asks_for_nothing(inside, core, ola):
    for method, answer in (("CANCEL", "ACCEPTED"), ("REPLY", "ACCEPTED"), ("REQUEST", "NONSENSE")):
        uid = put(core, ola, invitation(calendar(*WHEN, ME, method=method), method))
        other = put(core, ola, invitation(calendar(*WHEN, ME)))
        token = re.search(r'name="csrf_token" value="([^"]+)', inside.get(f"/mail/INBOX/{other}").text)[1]
        sent = inside.client.post(f"/mail/INBOX/{uid}/answer", data={"csrf_token": token, "answer": answer})
        assert sent.status_code == 403
    assert queued(core) == []
