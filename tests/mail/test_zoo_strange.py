"""Animals that nobody wrote: a structure is made, then damaged; whatever comes out is read, kept and shown without an error."""

# ruff: noqa: E501 - tables of pieces

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.mail.asking.derived import derive
from mailcore.mail.moving import mbox, vcard
from mailcore.mail.reading import address, header, structure
from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import body, files, preview, searchable
from tests.mail.zoo.animals import all_animals
from tests.processor import costs_under

pytestmark = pytest.mark.slow
BOUNDARIES = st.sampled_from([b"b", b"bb", b"b b", b"=_b", b"--"])
TYPES = st.sampled_from([
    b"text/plain", b"text/html; charset=utf-8", b"text/plain; charset=utf-7", b"TEXT/Plain; CHARSET=gb2312; format=flowed; delsp=yes", b"text",
    b"application/pdf; name*0*=utf-8''%C3%85; name*1=s.pdf", b"image/png; name==?utf-8?Q?=C3=85?=", b"message/rfc822", b"message/delivery-status",
    b"text/calendar; method=REQUEST", b"application/octet-stream; name=\"a;b\\\"c\"",
])  # fmt: skip
ENCODINGS = st.sampled_from(
    [b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"BASE64 (x)", b"x-nobody", b""]
)
WORDS = st.sampled_from([
    b"words", b"Bl\xc3\xa5", b"Bl\xe5", b"+2AA-", b"=C3=A5=\r\n", b"YWJj", b"begin 644 x\r\n#:&5I\r\n`\r\nend", b"<p style='color:#fff'>x</p>", b"> quoted",
    b"-- ", b"From x", b".", b"\0", b"\xff\xfe", b"https://x.example/(a)", b"&#xD800;",
])  # fmt: skip
FIELDS = st.sampled_from([
    b"From: Ann <ann@outside.example>", b"From: =?utf-7?Q?+2AA-?= <a@b>", b"From: a@b via C <d@e>, (", b"Subject: =?utf-8?B?w4U?= x", b"Subject: \xe5",
    b"To: undisclosed:;, \"", b"Date: Tue, 31 Dec 9999 23:59:59 -1200", b"Date: x", b"Message-ID: <\xff@\xfe>", b"References: <a@b> <c", b"List-Unsubscribe: <",
    b"Received: ;", b"Content-Disposition: attachment; filename*=utf-7''+2AA-", b"Auto-Submitted: (", b"no field",
])  # fmt: skip


@st.composite
def _leaves(draw) -> bytes:
    lines = draw(st.lists(WORDS, max_size=5))
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n" % (
        draw(TYPES),
        draw(ENCODINGS),
        b"\r\n".join(lines),
    )


@st.composite
def _containers(draw, children) -> bytes:
    boundary = draw(BOUNDARIES)
    kind = draw(st.sampled_from([b"mixed", b"alternative", b"related", b"digest", b"report", b"signed", b"odd"]))
    parts = draw(st.lists(children, max_size=3))
    inside = b"".join(b"--%b\r\n%b" % (boundary, part) for part in parts)
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n%b--%b--\r\n' % (kind, boundary, inside, boundary)


ENTITIES = st.recursive(_leaves(), _containers, max_leaves=6)


@st.composite
def strange_messages(draw) -> bytes:
    """A message that could be, or one of the zoo, and then some damage."""
    fields = b"".join(field + b"\r\n" for field in draw(st.lists(FIELDS, max_size=5)))
    whole = draw(
        st.one_of(
            ENTITIES.map(lambda entity: fields + entity), st.sampled_from(all_animals()).map(lambda one: one.octets)
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(whole)))
        match draw(st.sampled_from(["cut", "out", "twice", "octet", "insert", "swap"])):
            case "cut":
                whole = whole[:at]
            case "out":
                whole = whole[:at] + whole[at + draw(st.integers(1, 60)) :]
            case "twice":
                whole = whole[:at] + whole[max(0, at - 60) :]
            case "octet":
                whole = whole[:at] + draw(st.binary(min_size=1, max_size=1)) + whole[at + 1 :]
            case "insert":
                whole = (
                    whole[:at]
                    + draw(
                        st.sampled_from(
                            [b"\r\n", b"\n", b"\r", b'"', b"(", b"=?", b"?=", b"--b", b"\0", b"\xff", b";", b"'"]
                        )
                    )
                    + whole[at:]
                )
            case _:
                whole = whole[at:] + whole[:at]
    return whole


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strange_messages())
def test_any_message_is_read_as_text_that_can_be_written(octets: bytes) -> None:
    with costs_under(0.2):
        message = Message(octets)
        derived, root = derive(message), message.root
        assert message.size == len(octets)
        for written in (derived.envelope, derived.body, derived.structure):
            assert (written[:1], written[-1:]) == (b"(", b")")
        block = octets[: root.body_start]
        texts = [body.readable(octets, root), preview.preview(octets), *header.values(block, "subject")]
        texts += [files.name_of(part) for part in structure.leaves(root)]
        texts += [
            one.shown
            for name in ("from", "to", "reply-to")
            for value in header.raw_values(block, name)
            for one in address.parse(value)
        ]
        for text in texts:
            assert text == to_scalars(text)
            text.encode()
        searchable.read(octets, root)
        list(vcard.read(octets))


@settings(max_examples=200, deadline=None)
@given(st.lists(strange_messages(), max_size=3))
def test_any_messages_go_into_one_file_and_out_again(messages: list[bytes]) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    file = b"".join(b"".join(mbox.write(lambda one=one: [one], (), at)) for one in messages)
    lines = [line + b"\n" for line in file.split(b"\n")[:-1]]
    assert [found.octets for found in mbox.read(lines, 10**6)] == messages
