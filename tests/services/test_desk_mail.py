"""Mail to the help desk as the world sends it: its writer's own words are found, whoever waits is answered, nothing is lost."""

import asyncio
import base64
import re
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import Disposition, Envelope, Outcome, Ticket, Verdict
from mailcore.errors import TooMany
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients, traces
from mailcore.services.tickets import ticket_inbox, ticket_text, tickets
from tests.mail.signed import signed
from tests.mail.winmail import attribute, prop, properties, stream, utf16, winmail_file
from tests.services.conftest import SetClock
from tests.services.test_tickets import STRANGER, mail, queued, said, written
from tests.smtp_talk import SECRET, build, talk

HEAD = (
    b"From: A Person <stranger@elsewhere.example>\r\nTo: help@alumni.example\r\nSubject: sak\r\nMIME-Version: 1.0\r\n"
)
OWN = "My own question"


def part(kind: str, text: str = OWN, **fields: str) -> str:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return f"Content-Type: {kind}\n{more}\n{text}\n"


def several(kind: str, *parts: str, mark: str = "b") -> str:
    inside = "".join(f"--{mark}\n{one}\n" for one in parts)
    return f"Content-Type: multipart/{kind}; boundary={mark}\n\n{inside}--{mark}--\n"


ATTACHED = part("message/rfc822", "Subject: old\n\nOLD WORDS")
HTML = part("text/html", f"<style>p {{}}</style><p>{OWN}</p>")
OLD = several("alternative", part("text/plain", "OLD WORDS"), part("text/html", "<p>OLD</p>"), mark="i")
FORWARDED = part("message/rfc822", OLD)
FILE = part("text/plain", "OLD WORDS", Content_Disposition="attachment; filename=log.txt")
PICTURE = part("image/png", "iVBORw0KGgo=", Content_Transfer_Encoding="base64")


@pytest.mark.parametrize("message", [
    several("mixed", HTML, ATTACHED), several("mixed", ATTACHED, HTML), several("mixed", FORWARDED, part("text/plain")),
    several("mixed", FILE, HTML), several("mixed", FILE, part("text/plain")), several("mixed", PICTURE, HTML, FILE),
    several("mixed", several("alternative", part("text/plain", " \n"), HTML, mark="c"), FILE),
    several("mixed", several("related", several("alternative", part("text/plain"), HTML, mark="d"), PICTURE, mark="c"), ATTACHED),
    several("alternative", part("text/plain"), several("related", HTML, PICTURE, mark="c")),
    several("alternative", part("text/x-amp-html", "OLD"), part("text/html", f"<div>{OWN}</div>")),
    several("signed", several("mixed", HTML, mark="c"), part("application/pgp-signature", "OLD")),
    several("mixed", part("text/plain", OWN, Content_Disposition="inline"), ATTACHED),
    several("mixed", several("digest", "\nSubject: x\n\nOLD WORDS\n", mark="c"), part("text/plain")),
    part("text/html", f"<html><head><title>OLD</title></head><body>{OWN}</body></html>"),
    part("text/plain; format=flowed", "My own \nquestion"),
    part("text/plain", OWN + "\n\nOn Monday Help wrote:\n> OLD WORDS"),
    part("message/rfc822", several("mixed", part("text/plain"), mark="c")),  # nothing but what was attached
    several("mixed", PICTURE, part("message/rfc822", "Subject: x\n\n" + OWN)), part("text/markdown"),
    several("form-data", part("text/plain", OWN, Content_Disposition='form-data; name="text"')),
    part("text/plain", OWN, Content_Disposition="attachment"),
    part("text/html", f"<p>{OWN}</p>", Content_Disposition="attachment; filename=m.html"),
    f"Content-Type: multipart/mixed; boundary=never\n\n{OWN}\n", f"{OWN}\n",
    part("text/html", f'<meta charset="koi8-r"><p>{OWN}</p>'),
])  # fmt: skip
def test_the_own_words_are_found_whatever_is_attached(message):
    found = ticket_text.extract_text(Message(HEAD + message.replace("\n", "\r\n").encode()))
    assert found == OWN
    assert "OLD" not in found


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (several("mixed", HTML, part("text/plain", "Sent through the list")), [OWN, "Sent through the list"]),
        (several("mixed", part("text/plain", "Before"), PICTURE, part("text/plain", "after")), ["Before", "after"]),
        (several("mixed", part("text/plain", "Above"), part("text/html", "<p>below</p>")), ["Above", "below"]),
    ],
)
def test_all_of_several_texts_is_there(message, words):
    found = ticket_text.extract_text(Message(HEAD + message.replace("\n", "\r\n").encode()))
    assert [line for line in found.split("\n") if line] == words


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.sampled_from([ATTACHED, FORWARDED, FILE, PICTURE]),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: several("mixed", *parts, mark=f"m{len(str(parts))}")
        ),
        max_leaves=6,
    ),
    st.booleans(),
    st.sampled_from([HTML, part("text/plain")]),
)
def test_whatever_comes_before_or_after(around, first, own):
    parts = (own, around) if first else (around, own)
    message = several("mixed", *parts, mark="outermost")
    assert ticket_text.extract_text(Message(HEAD + message.replace("\n", "\r\n").encode())) == OWN


def test_what_smime_wrapped_is_read_and_its_files_are_there():
    entity = several("mixed", part("text/plain"), FILE).replace("\n", "\r\n").encode()
    head = HEAD + b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
    message = Message(head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(signed(entity)))
    assert ticket_text.extract_text(message) == OWN
    accepted, refused = ticket_text.extract_files(message)
    assert [file.name for file in accepted] == ["log.txt"]
    assert not refused


@pytest.mark.parametrize("words", ["My own question", ""])
def test_files_that_outlook_packed_are_there_and_its_text_where_there_is_no_other(words):
    dat = stream(
        attribute(1, 0x9003, properties(prop(0x001F, 0x1000, utf16(OWN)))),
        winmail_file("RAPPOR~1.PDF", b"%PDF-1", long_name="rapport.pdf", kind="application/pdf"),
        winmail_file("x.exe", b"MZ"),
    )
    packed = part(
        "application/ms-tnef; name=winmail.dat", base64.encodebytes(dat).decode(), Content_Transfer_Encoding="base64"
    )
    message = Message(HEAD + several("mixed", part("text/plain", words), packed).replace("\n", "\r\n").encode())
    assert ticket_text.extract_text(message) == OWN
    accepted, refused = ticket_text.extract_files(message)
    assert [file.name for file in accepted] == ["rapport.pdf"]
    assert refused == ["x.exe"]


# Who is answered


def only(core: Core) -> Ticket:
    [ticket] = tickets.list_tickets(core)
    return ticket


@pytest.mark.parametrize(("reply_to", "answered"), [
    ("person@elsewhere.example", "person@elsewhere.example"), ("A, B <person@elsewhere.example>", "person@elsewhere.example"),
    ("not an address", STRANGER), ("", STRANGER), ("help@alumni.example, person@elsewhere.example", "person@elsewhere.example"),
    ("help+abc@alumni.example", STRANGER), ("postmaster@alumni.example", STRANGER), (STRANGER, STRANGER),
    ('"=?utf-8?q?boss=40alumni.example=2C?=" <person@elsewhere.example>', "person@elsewhere.example"),
])  # fmt: skip
def test_answers_go_where_their_writer_wants_them(core, reply_to, answered):
    mail(core, written("skjema", Reply_To=reply_to))
    ticket = only(core)
    assert ticket.reply_to == answered
    tickets.send_reply(core, ticket.id, "Svar", agent=None)
    assert queued(core)[-1]["X-Envelope"].endswith(f" {answered}")


def test_no_third_party_hears_what_nobody_has_read(core):
    """A Reply-To may name anyone; only the desk's own answer goes there."""
    mail(core, written("Buy at crook.example", Reply_To="victim@elsewhere.example"))
    assert [message["X-Envelope"].partition(" ")[2] for message in queued(core)] == [STRANGER]


def test_a_reply_to_makes_nobody_another_person(core):
    mail(core, written("Hello", "mine", sender="victim@elsewhere.example"), sender="victim@elsewhere.example")
    first = only(core)
    answer = queued(core)[-1]["Message-ID"]
    for more in ({"In_Reply_To": answer}, {}):
        mail(core, written("Hello", f"not mine {more}", Reply_To="victim@elsewhere.example", **more))
    assert [text for _, text in said(core, first.id)] == ["mine"]


def test_who_writes_again_with_the_same_reply_to_is_in_the_same_case(core):
    for text in ("one", "two"):
        mail(core, written("skjema", text, Reply_To="person@elsewhere.example"))
    assert [text for _, text in said(core, only(core).id)] == ["one", "two"]


# Who is a machine


@pytest.mark.parametrize(
    "value", ["no", "NO", "no (comment)", "(a (nested) comment) no", "no(comment)", "no; owner=x", ""]
)
def test_a_person_says_so_in_many_ways(core, value):
    mail(core, written(Auto_Submitted=value))
    assert only(core).reply_to == STRANGER


@pytest.mark.parametrize("value", ["auto-replied", "auto-generated (no)", "(no) auto-notified", "yes", "nobody"])
def test_a_machine_does_too(core, value):
    mail(core, written(Auto_Submitted=value))
    assert tickets.list_tickets(core) == []


@pytest.mark.parametrize(
    ("more", "answered"),
    [
        ({}, "noreply@shop.example"),
        ({"Reply_To": "person@elsewhere.example"}, "person@elsewhere.example"),
    ],
)
def test_what_a_form_sends_is_a_case_and_nobody_answers_by_itself(core, more, answered):
    mail(core, written("Kontaktskjema", sender="noreply@shop.example", **more), sender="noreply@shop.example")
    assert only(core).reply_to == answered
    assert queued(core) == []


# Nothing is lost in silence


@pytest.fixture
def postmaster(core: Core) -> int:
    accounts.ensure_postmaster(core)
    return accounts.find_account(core, "postmaster").id


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("", {}),
        (STRANGER, {"Auto_Submitted": "auto-replied"}),
        (STRANGER, {"Precedence": "bulk (news)"}),
        (STRANGER, {"List_Id": "<news.example>"}),
    ],
)
def test_what_becomes_no_case_is_listed(core, postmaster, sender, fields, caplog):
    why = "written by a machine"
    assert mail(core, written("Nyhetsbrev", **fields), sender=sender).outcome is Outcome.FILED
    [line] = traces.search(core, postmaster, "nyhetsbrev")
    assert (line.sender, line.address, line.outcome, line.detail) == (sender, "help@alumni.example", "discarded", why)
    assert why in caplog.text


def test_what_is_refused_is_listed_too_for_the_session_may_say_250_for_others(core, postmaster):
    mail(core, written("Buy"), verdict=Verdict(outside=True, disposition=Disposition.JUNK))
    [line] = traces.search(core, postmaster, "buy")
    assert line.outcome == "refused"
    assert "use the form" in line.detail


def mail_to_both(core: Core, octets: bytes, verdict: Verdict) -> list[Outcome]:
    """To the desk and to an owner, in one transaction of SMTP."""
    to = ("help@alumni.example", "ola@alumni.example")
    found = core.db.read(lambda tx: [recipients.check_recipient(core, tx, one, len(octets)) for one in to])
    envelope = Envelope(STRANGER, to, "192.0.2.1", "x")
    return [one.outcome for one in asyncio.run(delivery.accept(core, envelope, found, octets, b"", verdict))]


def test_what_the_desk_would_refuse_is_not_gone_with_a_250_where_another_takes_it(core):
    accounts.add_account(core, "ola")
    suspect = Verdict(outside=True, disposition=Disposition.JUNK)
    assert mail_to_both(core, written("Buy"), suspect) == [Outcome.FILED, Outcome.FILED]
    [ticket] = tickets.list_tickets(core)
    assert ticket.subject == "Buy"
    assert queued(core) == [], "nobody is answered"
    for number in range(tickets.PER_HOUR - 1):
        assert mail_to_both(core, written(f"Case {number}", f"text {number}"), suspect) == [Outcome.FILED] * 2
    with pytest.raises(TooMany):  # 450: it comes again, to both
        mail_to_both(core, written("Last", "last"), suspect)
    assert len(tickets.list_tickets(core)) == tickets.PER_HOUR


def test_one_id_of_two_messages_loses_none(core, postmaster):
    for number, sender in enumerate((STRANGER, STRANGER, "other@elsewhere.example")):
        same = re.sub(rb"(?m)^Message-ID:.*\r$", b"Message-ID: <1@x>\r", written(f"Sak {number}", "hei", sender=sender))
        mail(core, same.replace(b"hei", b"hei %d" % number), sender=sender)
    assert [ticket.subject for ticket in tickets.list_tickets(core)] == ["Sak 0", "Sak 1", "Sak 2"]


def test_the_same_message_to_both_addresses_is_one_case_and_the_second_is_listed(core, postmaster):
    for to in ("help", "hjelp"):
        mail(core, written("Sak", "hei"), to)
    assert len(said(core, only(core).id)) == 1
    assert [line.detail for line in traces.search(core, postmaster, "sak")] == ["a case has it already"]


def test_what_goes_on_answering_is_listed_and_heard_again_after_an_hour(core, postmaster, clock: SetClock):
    mail(core, written("Sak", "hei"))
    to = f"help+{only(core).token}"
    for _ in range(ticket_inbox.NOTES_PER_HOUR + 2):
        mail(core, written("Away", Auto_Submitted="auto-replied"), to)
    assert len(traces.search(core, postmaster, "away")) == 2
    clock.forward(hours=2)
    mail(core, written("Back", Auto_Submitted="auto-replied"), to)
    assert said(core, only(core).id)[-1] == ("note", "Automatic reply: Back")


@pytest.mark.parametrize(
    "head",
    [
        b"From: k\xe5re@elsewhere.example\r\nSubject: hjelp",
        b"From: k\xc3\xa5re@elsewhere.example\r\nSubject: hjelp",
        b"From: \xff\xfe <\x80@\x81>\r\nSubject: hj\xe6lp",
        b"From: nobody\r\nReply-To: \xff@\xff\r\nSubject: \xf8",
        b"Subject: no author at all",
        b"From: =?utf-8?q?a=40b.example=2C?= <x@elsewhere.example>\r\nSubject: hei",
    ],
)
def test_raw_octets_in_addresses_are_a_case(core, head):
    assert mail(core, head + b"\r\nMessage-ID: <8@x>\r\n\r\nhei\r\n").outcome is Outcome.FILED
    ticket = only(core)
    assert ticket.reply_to in (STRANGER, "x@elsewhere.example")
    assert said(core, ticket.id) == [("person", "hei")]


@pytest.mark.parametrize("submitted", [False, True])
def test_a_message_is_read_before_the_write_begins(tmp_path, monkeypatch, submitted):
    """A large one takes its time, and every other write waits behind the one that is at work."""
    core = build(tmp_path)
    writer = core.db.write(lambda tx: threading.current_thread().name)
    read, seen = ticket_inbox.read_letter, []

    def watched(*args):
        seen.append(threading.current_thread().name)
        return read(*args)

    monkeypatch.setattr(ticket_inbox, "read_letter", watched)

    async def play(connect):
        client = await connect()
        if submitted:
            await client.say(f"AUTH PLAIN {SECRET}\r\n")
        sent = "MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<help@alumni.example>\r\nDATA\r\n"
        replies = await client.say(sent + "From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n", 4)
        assert replies[-1].startswith("250 ")

    talk(core, play, "submissions" if submitted else "smtp")
    assert only(core).subject == "hei"
    assert len(seen) == 1
    assert writer not in seen
    cores.close(core)


FIELDS = st.sampled_from(
    [b"From", b"Reply-To", b"Subject", b"Message-ID", b"References", b"In-Reply-To", b"Auto-Submitted"]
)
ODD = st.sampled_from([
    b"=?utf-7?Q?+2AA-?=", b"=?utf-16?B?2AAA?=", b"=?unicode-escape?Q?=5Cud800?=", b"=?utf-8?Q?=00?=", b"=?x?Q?=ED=A0=80?=",
    b"\xed\xa0\x80", b"\xff\xfe", b"<a@b.example>", b"\"", b"(", b",", b":;", b"@", b"\r\n ", b"<1@x>", b" ", b"\xe2\x80\xa8",
    b"stranger@elsewhere.example",
])  # fmt: skip
LINES = st.lists(st.tuples(FIELDS, st.lists(ODD, max_size=6).map(b"".join)), max_size=6)
CHARSETS = st.sampled_from([b"utf-7", b"utf-16", b"utf-32", b"unicode-escape", b"idna", b"hz", b"no", b"utf-8"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, CHARSETS, st.sampled_from([b"plain", b"html"]), st.lists(ODD, max_size=6).map(b"".join))
def test_whatever_comes_is_read_into_what_can_be_stored(core, lines, charset, subtype, body):
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    head += (
        b"Content-Type: text/" + subtype + b"; charset=" + charset + b'; name="' + body.replace(b"\r\n", b"") + b'"\r\n'
    )
    octets = head + b"\r\n" + body + b"+2AA-\\ud800\r\n"
    letter = ticket_inbox.read_letter(core, Message(octets), STRANGER)
    shown = (
        letter.writer,
        letter.answer_to,
        letter.subject,
        letter.text,
        letter.message_id,
        letter.shown,
        *letter.threads,
    )
    for text in (*shown, *(file.name for file in letter.files)):
        text.encode()
    mail(core, octets)


def test_a_subject_of_half_a_character_is_a_case(core):
    assert mail(core, written("=?utf-7?Q?+2AA-?=")).outcome is Outcome.FILED
    only(core).subject.encode()
