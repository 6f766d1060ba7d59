"""Signed, encrypted and packed messages are named as what they are (S30)."""

import pytest

from tests.portal.mailing import put


def message(kind: str, inside: str = "--b\r\n\r\nHei\r\n--b--\r\n") -> bytes:
    return f"From: k@x.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n{inside}".encode()


PACKED = "--b\r\n\r\nHei\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (message('multipart/signed; protocol="application/pgp-signature"; boundary=b'), "signert med OpenPGP"),
        (message('multipart/signed; protocol="application/pkcs7-signature"; boundary=b'), "signert med S/MIME"),
        (message("application/pkcs7-mime; smime-type=signed-data", "x"), "signert med S/MIME"),
        (message("application/pkcs7-mime; smime-type=enveloped-data", "x"), "kryptert"),
        (message('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'), "kryptert"),
        (message("multipart/mixed; boundary=b", PACKED), "winmail.dat, som ikke kan"),
    ],
)
def test_it_is_said_what_a_message_is(inside, core, ola, octets, words):
    assert words in inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text


def test_other_messages_say_nothing(inside, core, ola):
    page = inside.get(f"/mail/INBOX/{put(core, ola)}").text
    assert "signert" not in page
    assert "kryptert" not in page
