"""Every kind of message that we write, with strangers' words in it: right by the book, and the same to three readers."""

import email
import email.policy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sieve
from mailcore import core as cores
from mailcore.config import Config
from mailcore.mail.reading import address, header
from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.returned import read_returned
from mailcore.mail.writing import attached, dsn
from mailcore.services.accounts import accounts
from mailcore.services.delivery import script_notify, vacation_reply
from mailcore.services.mailauth import forward_policy
from mailcore.services.notices import notices
from mailcore.services.tickets import first_notice, ticket_text, tickets
from mailcore.services.webmail import compose
from mailcore.services.webmail.compose import Attachment, Draft
from mailcore.store.queue.items import list_items, read_octets
from mailcore.store.tickets import tickets as ticket_store
from tests.readers import READERS, by_python, faults

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG = "<AM0PR05MB6834D2C88EE7DD0B43CC6B35E8A0A@AM0PR05MB6834.eurprd05.prod.outlook.com>"
WORDS = st.one_of(
    st.text(max_size=200),
    st.text('æ日😀 =?"\\,<>@\r\n\x0b\x0c\x1e\x85\u2028', max_size=300),
    st.text("x\u2028", max_size=2000),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=20), st.integers(1, 200)),
)
HEADER = st.builds(
    lambda name, subject, id_, refs: (
        b"From: "
        + name
        + b" <kari@x.example>\r\nTo: ola@alumni.example\r\nSubject: "
        + subject
        + b"\r\nMessage-ID: <"
        + id_
        + b"@x.example>\r\nReferences: "
        + refs
        + b"\r\n\r\n"
    ),
    *[WORDS.map(lambda text: text.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b"\r\n "))] * 4,
)


def report(**given: object) -> bytes:
    values: dict[str, Any] = {  # Any: texts, times and octets, checked by what builds it
        "kind": "failed", "reporting_mta": "mx.alumni.example", "sender": "ola@alumni.example", "recipient": "kari@x.example",
        "original_recipient": "rfc822;kari@x.example", "envelope_id": "", "status": "5.0.0", "diagnostic": "550 no",
        "remote": "mx.x.example", "arrival": AT, "now": AT, "subject": "Ikke levert", "words": "Nei, æøå",
        "original": b"Subject: x\r\n\r\n",

        "whole": False, "message_id": "<1@alumni.example>",
    }  # fmt: skip
    return dsn.build(**values | given)


@given(WORDS, HEADER, st.booleans())
def test_a_report_of_delivery(words, original, whole):
    octets = report(
        diagnostic=words,
        remote=words,
        subject=words,
        words=words,
        envelope_id=words,
        original_recipient=words,
        status=words,
        original=original + words.encode("utf-8", "replace"),
        whole=whole,
    )
    assert faults(octets, eight_bit=whole) == []
    text, status, returned = by_python_parts(octets)
    assert (text, status) == ("text/plain", "message/delivery-status")
    assert returned in ("text/rfc822-headers", "message/rfc822")
    assert read_returned(octets).action == "failed"


def by_python_parts(octets: bytes) -> list[str]:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report"
    return [part.get_content_type() for part in message.iter_parts()]


@pytest.mark.parametrize(
    "end", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\n", "\r\n"]
)
def test_a_remote_servers_reply_begins_no_line_in_our_report(end):
    """Python's `splitlines` made a line of what stands behind U+2028 or VT."""
    said = f"550 no{end}Action: delivered{end}{end}X: y"
    octets = report(
        diagnostic=said, words=f"Svaret var: {one_line(said)}", original_recipient=f"rfc822;a{end}b", remote=said
    )
    lines = octets.decode().split("\r\n")
    assert lines.count("Action: failed") == 1
    assert not [line for line in lines if line.startswith(("Action: delivered", "X: y"))]
    assert by_python(octets).text == f"Svaret var: {one_line(said)}"
    assert len(by_python(octets).text.splitlines()) == 1


def test_a_report_returns_the_header_alone_of_what_not_every_host_takes():
    whole = b"Subject: x\r\n\r\nhei\r\n"
    assert by_python_parts(report(original=whole, whole=True))[2] == "message/rfc822"
    eight = report(original="Subject: x\r\n\r\næ\r\n".encode(), whole=True)
    assert by_python_parts(eight)[2] == "message/rfc822"
    assert eight.count(b"Content-Transfer-Encoding: 8bit") == 2
    for body in (b"x" * 999, b"a\nb"):
        octets = report(original=b"Subject: x\r\n\r\n" + body, whole=True)
        assert by_python_parts(octets)[2] == "text/rfc822-headers"
        assert body not in octets


@given(WORDS, WORDS, HEADER)
def test_an_out_of_office_reply(words, subject, block):
    action = sieve.Vacation(words, subject, "", (), 7, "", False)
    octets = vacation_reply.compose(
        action, fields=Header(block), sender="kari@x.example", own="ola@alumni.example", domain="alumni.example", now=1
    )
    assert faults(octets) == []
    for read in READERS:
        seen = read(octets)
        assert seen.author[1] == "ola@alumni.example"
        assert [spec for _, spec in seen.to] == ["kari@x.example"]
        assert all(one.startswith("<") and one.endswith(">") for one in (*seen.references, seen.in_reply_to or "<>"))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Åse Ås <ola@alumni.example>", "Åse Ås"),
        ('"Ås, Åse" <ola@alumni.example>', "Ås, Åse"),
        ("=?utf-8?q?=C3=85se?= <ola@alumni.example>", "Åse"),
        ("ola@alumni.example", ""),
    ],
)
def test_the_name_of_vacations_from_is_encoded(written, name):
    """`cases/vacation-from-name-raw-8bit`."""
    action = sieve.Vacation("Borte", "", written, (), 7, "", False)
    octets = vacation_reply.compose(
        action,
        fields=Header(f"Message-ID: {LONG}\r\n".encode()),
        sender="k@x.example",
        own="o@alumni.example",
        domain="d",
        now=1,
    )
    assert faults(octets) == []
    for read in READERS:
        seen = read(octets)
        assert seen.author == (name, "ola@alumni.example")
        assert (seen.in_reply_to, seen.references) == (LONG, (LONG,))


def test_a_vacation_that_is_a_mime_entity_names_no_further_recipients():
    action = sieve.Vacation(
        "Content-Type: text/plain; charset=utf-8\r\nBcc: b@x.example\r\nTo: c@x.example\r\n\r\nBorte, æ",
        "s",
        "",
        (),
        7,
        "",
        True,
    )
    octets = vacation_reply.compose(
        action, fields=Header(b""), sender="k@x.example", own="o@alumni.example", domain="d", now=1
    )
    assert faults(octets) == []
    assert b"Bcc" not in octets
    for read in READERS:
        assert (read(octets).to, read(octets).text) == ((("", "k@x.example"),), "Borte, æ")


@given(WORDS, HEADER)
def test_a_notification(words, block):
    method = "mailto:%22%C3%85s,%20%C3%85se%22%20%3Cme@home.example%3E?in-reply-to=%3Ca@b%3E&x-y=%C3%A6"
    action = sieve.Notify(method, words, "", "2", (), None)
    recipients, octets = script_notify.compose(
        action, fields=Header(block), own="ola@alumni.example", domain="alumni.example", now=1
    )
    assert recipients == ("me@home.example",)
    assert faults(octets) == []
    for read in READERS:
        assert read(octets).to == (("Ås, Åse", "me@home.example"),)
        assert read(octets).in_reply_to == "<a@b>"


@given(WORDS, WORDS)
def test_a_report_for_programs(words, name):
    octets = attached.compose(
        sender="noreply@alumni.example",
        recipients=["a@x.example", "b@x.example"],
        subject=words,
        domain="alumni.example",
        now=AT,
        kind="application/gzip",
        name=name,
        octets=words.encode("utf-8", "replace"),
        fields={"TLS-Report-Domain": words},
    )
    assert faults(octets) == []
    assert len(by_python(octets).to) == 2


@given(HEADER)
def test_a_forwarded_message_with_our_author(block):
    octets = forward_policy.with_own_author(Message(block + b"hei\r\n"), "ola@alumni.example")
    written = header.pieces(header.split(octets)[0])
    ours = [raw for name, raw, _ in written[:3] if name in ("From", "Reply-To", "X-Original-From")]
    assert len(ours) >= 2
    assert faults(b"".join(ours) + b"\r\n", eight_bit=not block.isascii()) == []  # an address may be 8-bit (RFC 6532)
    assert [spec for name, _, value in written if name == "From" for spec in address.addr_specs(value)] == [
        "ola@alumni.example"
    ]


# With a core


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    made = cores.build(Config(data=str(tmp_path_factory.mktemp("core"))))
    yield made
    cores.close(made)


@pytest.fixture(scope="module")
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola")


def built(core, ola, draft: Draft, files=()) -> bytes:
    return bytes(compose.build(core, draft, files, name="Nordmann, Kåre", own="ola@alumni.example").prepared.octets[:])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, WORDS, st.lists(st.tuples(WORDS, st.binary(max_size=300)), max_size=3))
def test_a_message_of_the_webmail(core, ola, subject, text, files):
    given = [Attachment(name, "text/plain", [octets]) for name, octets in files]
    draft = Draft("kari@x.example", subject=subject, body=text, in_reply_to=LONG, references=f"{LONG} <x@y>")
    octets = built(core, ola, draft, given)
    assert faults(octets) == []
    for read in READERS:
        seen = read(octets)
        assert seen.author == ("Nordmann, Kåre", "ola@alumni.example")
        assert (seen.in_reply_to, seen.references) == (LONG, ("<x@y>", LONG))


@pytest.mark.parametrize(
    ("octets", "kind", "outer"),
    [
        (b"Subject: x\r\n\r\nhei\r\n", b"message/rfc822", b""),
        ("Subject: x\r\n\r\næ\r\n".encode(), b"message/rfc822", b"8bit"),
        (b"Subject: x\n\nhei\n", b"application/octet-stream", b""),
        (b"x" * 1200, b"application/octet-stream", b""),
    ],
)
def test_a_message_goes_along_as_it_is_or_as_a_file(core, ola, octets, kind, outer):
    whole = built(core, ola, Draft("kari@x.example"), [Attachment("message.eml", "message/rfc822", [octets])])
    assert faults(whole, eight_bit=bool(outer)) == []
    head = whole.partition(b"\r\n\r\n")[0]
    assert (b"Content-Transfer-Encoding: 8bit" in head) == bool(outer)
    assert b"Content-Type: " + kind in whole


def test_a_file_in_uneven_pieces_is_one_run_of_base64(core, ola):
    """Files of a message that was passed on were cut by megabytes: other programs read the first of them alone."""
    pieces = [b"a" * 100, b"b" * 100]
    octets = built(core, ola, Draft("kari@x.example"), [Attachment("a.bin", "application/octet-stream", pieces)])
    [file] = email.message_from_bytes(octets, policy=email.policy.default).iter_attachments()
    assert file.get_content() == b"a" * 100 + b"b" * 100


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS)
def test_a_notice(core, words):
    octets = notices.compose(
        core, "forwarding_digest", "nb", "kari@x.example", count="1", listing=words, junk="0", address=words
    )
    assert faults(octets) == []
    for read in READERS:
        assert read(octets).author == ("Alumnimail", "noreply@alumni.example")


@pytest.mark.parametrize(
    "text",
    [
        "Langt avsnitt uten linjeskift. " * 100,
        "æ" * 3000,
        "a\x0b\x85\u2028b",
        "x\0",
        "x" * 5000,
    ],
)
def test_an_answer_of_the_desk(core, text):
    """`cases/desk-answer-line-over-998`."""
    ticket = core.db.write(
        lambda tx: tickets.open_ticket(
            core, tx, kind="other", subject=text, text=text, reply_to="kari@x.example", language="nb"
        )
    )
    first_notice.send_notice(core, ticket.id)
    before = {item.id for item in core.db.read(list_items)}
    tickets.send_reply(core, ticket.id, text, agent=None)
    [item] = [item for item in core.db.read(list_items) if item.id not in before]
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert faults(octets) == []
    opened = core.db.read(lambda tx: ticket_store.list_message_ids(tx, ticket.id))[0]
    for read in READERS:
        assert read(octets).in_reply_to == opened
        assert "".join(lines_of(to_scalars(ticket_text.tidy_text(text)))) in read(octets).text.replace("\n", "")
