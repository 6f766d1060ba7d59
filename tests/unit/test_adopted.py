"""A MIME entity that a script gives us (`vacation :mime`) goes out as every host takes it, and says nothing but its content."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.writing.adopted import adopt
from tests.readers import faults

MIXED = """Content-Type: multipart/mixed; boundary=x
Bcc: secret@x.example

--x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

æøå
--x
Content-Type: text/plain; name="a.txt"; charset=utf-8
Content-Transfer-Encoding: quoted-printable

h=C3=A5
--x
Content-Type: application/octet-stream

æ
--x--
"""


def read(octets: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(b"MIME-Version: 1.0\r\n" + octets, policy=email.policy.default)


def lines(part: email.message.MIMEPart) -> str:
    return part.get_content().replace("\r\n", "\n").rstrip("\n")


def test_only_its_content_fields_count():
    octets = adopt(
        "Content-Type: text/html; charset=utf-8\nBcc: secret@x.example\nTo: all@x.example\nSubject: x\nMIME-Version: 1.0\n"
        "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\n<p>Away</p>"
    )
    assert octets == b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>Away</p>\r\n"


def test_what_every_host_takes_stays_octet_for_octet():
    body = "--x\nContent-Type: text/plain\n\nh=C3\n--x\nContent-Type: application/pgp-signature\n\nab\n--x--\n"
    octets = adopt(f'Content-Type: multipart/signed;\n\tboundary="x"; micalg=pgp-sha256\n\n{body}')
    assert octets.endswith(b"\r\n\r\n" + body.replace("\n", "\r\n").encode())
    assert octets.startswith(b'Content-Type: multipart/signed;\r\n\tboundary="x"; micalg=pgp-sha256\r\n')


def test_parts_that_are_8_bit_are_written_anew():
    octets = adopt(MIXED)
    assert faults(octets) == []
    assert b"secret" not in octets
    first, second, third = read(octets).iter_parts()
    assert (lines(first), lines(second)) == ("æøå", "hå")
    assert third.get_content() == "æ".encode()


@pytest.mark.parametrize(("written", "text"), [
    ("Content-Type: text/plain; charset=utf-8\n\nBorte til mandag, æøå", "Borte til mandag, æøå"), ("Borte", "Borte"),
    ("Content-Type: text/plain\n\næ", "æ"),
    ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\næ", "æ"),
    ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw6Y=", "æ"),
    ("Content-Type: text/plain; charset=utf-8\n\n" + "x" * 2000, "x" * 2000), ("", ""), ("\n\næ", "\n\næ"),
])  # fmt: skip
def test_a_text_comes_back(written, text):
    octets = adopt(written)
    assert faults(octets) == []
    assert lines(read(octets)) == text.rstrip("\n")


@given(
    st.lists(
        st.sampled_from(
            [
                "Content-Type: multipart/mixed; boundary=x\n",
                "Content-Type: message/rfc822\n",
                "Content-Type: text/plain\n",
                "\n",
                "Content-Transfer-Encoding: base64\n",
                'Content-Disposition: attachment; filename="æ"\n',
                "--x\n",
                "--x--\n",
                "æ",
                "x" * 1200,
                "Content-Description: æ\n",
                "Content-Type: a\n",
                "\r",
                "\0",
                "\ud800",
                "Bcc: b@x.example\n",
                "Content-ID: <æ>\n",
            ]
        )
        | st.text(max_size=30),
        max_size=30,
    )
)
def test_whatever_it_is_every_host_takes_it(pieces):
    octets = adopt("".join(pieces))
    assert faults(octets) == []
    assert b"bcc" not in octets.partition(b"\r\n\r\n")[0].lower()
