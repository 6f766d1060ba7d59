"""Messages within a message are opened in place: attached ones, winmail.dat, what S/MIME wrapped."""

import base64
import re
import subprocess
from pathlib import Path

import pytest

from mailcore.mail.reading import cms
from mailcore.mail.showing.preview import preview
from mailcore.services.accounts import accounts
from tests.mail.signed import signed
from tests.mail.winmail import attribute, prop, properties, stream, text8, utf16, winmail_file
from tests.portal.mailing import flags, letter, put, queued, sent_octets
from tests.portal.test_invitations import ME, WHEN, invitation
from tests.portal.test_webmail_reading import html_letter
from tests.processor import costs_under
from tests.unit.test_invitation import calendar

RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Bl\'e5b\'e6rsyltet\'f8y p\'e5 tilbud\par}"


def around(kind: str, content: bytes, *, more: str = "", subject: str = "utenpå") -> bytes:
    return (
        f"From: k@x.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"--b\r\n\r\nUtenpå\r\n--b\r\nContent-Type: {kind}\r\n{more}\r\n"
    ).encode() + content + b"\r\n--b--\r\n"  # fmt: skip


def packed(kind: str, content: bytes) -> bytes:
    return around(kind, base64.encodebytes(content), more="Content-Transfer-Encoding: base64\r\n")


INNER = (
    around("text/plain; name=liste.txt", b"en, to", subject="innerst")
    .replace(b"boundary=b", b"boundary=c")
    .replace(b"--b", b"--c")
)


def link(page: str, name: str) -> str:
    return re.search(rf'<a href="([^"]+)"[^>]*>{re.escape(name)}</a>', page)[1].replace("&amp;", "&")


def test_an_attached_message_has_a_page_with_its_fields_text_and_files(inside, core, ola):
    uid = put(core, ola, around("message/rfc822", INNER))
    page = inside.get(link(inside.get(f"/mail/INBOX/{uid}").text, "message.eml")).text
    assert "<h1>innerst</h1>" in page
    assert "k@x.example" in page
    assert "Ingen har kontrollert" in page
    assert inside.get(link(page, "liste.txt")).data == b"en, to"
    assert link(page, "Meldingen rundt") == f"/mail/INBOX/{uid}"


def test_one_within_another_is_opened_the_same_way(inside, core, ola):
    middle = (
        around("message/rfc822", INNER, subject="i midten")
        .replace(b"boundary=b", b"boundary=d")
        .replace(b"--b", b"--d")
    )
    uid = put(core, ola, around("message/rfc822", middle))
    first = inside.get(link(inside.get(f"/mail/INBOX/{uid}").text, "message.eml")).text
    assert "<h1>i midten</h1>" in first
    second = inside.get(link(first, "message.eml")).text
    assert "<h1>innerst</h1>" in second
    assert link(second, "Meldingen rundt").endswith(link(inside.get(f"/mail/INBOX/{uid}").text, "message.eml"))


@pytest.mark.parametrize(
    "octets",
    [
        packed("message/rfc822", letter(subject="innerst")),
        packed('application/octet-stream; name="brev.eml"', letter(subject="innerst")),
        around("text/plain; name=brev.eml", letter(subject="innerst")),
    ],
)
def test_messages_that_programs_send_as_other_files_are_opened_too(inside, core, ola, octets):
    page = inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text
    assert "<h1>innerst</h1>" in inside.get(re.search(r'href="([^"]+/inside/[0-9]+)"', page)[1]).text


def test_a_designed_version_within_stands_in_the_same_frame(inside, core, ola):
    uid = put(
        core, ola, around("message/rfc822", html_letter("<p onclick=x()>Hei <b>du</b><img src=https://e.example/x>"))
    )
    page = inside.get(f"/mail/INBOX/{uid}/inside/1").text
    frame = inside.get(re.search(r'src="([^"]+/html)"', page)[1])
    assert "<b>du</b>" in frame.text
    assert "onclick" not in frame.text
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "Bilder fra nettet vises ikke" in page


@pytest.mark.parametrize("path", ["0", "7", "1.0", "1.", "x", "1" * 50, "1.1.1.1.1.1.1.1.1.1.1.1"])
def test_what_is_not_there_is_not_found(inside, core, ola, path):
    uid = put(core, ola, around("message/rfc822", letter()))
    for more in ("", "/html", "/file/0"):
        assert inside.get(f"/mail/INBOX/{uid}/inside/{path}{more}").status_code == 404


def test_nobody_opens_what_is_within_the_mail_of_others(inside, core, ola):
    kari = accounts.add_account(core, "kari", display_name="Kari", password="hest korrekt batteri")  # noqa: S106
    uid = put(core, kari, around("message/rfc822", INNER))
    assert inside.get(f"/mail/INBOX/{uid}/inside/1").status_code == 404


def test_the_files_of_winmail_dat_are_listed_and_saved(inside, core, ola):
    dat = stream(
        attribute(1, 0x9003, properties(prop(0x001F, 0x0037, utf16("Pakket")))),
        winmail_file("RAPPOR~1.PDF", b"%PDF-1", long_name="rapport på norsk.pdf", kind="application/pdf"),
        winmail_file("x.exe", b"MZ"),
    )
    uid = put(core, ola, packed("application/ms-tnef; name=winmail.dat", dat))
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert "Den blir åpnet her" in page
    answer = inside.get(link(page, "rapport på norsk.pdf"))
    assert answer.data == b"%PDF-1"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert page.count("kan starte et program") == 1
    assert inside.get(link(page, "Lagre som fil")).data == dat
    assert "<h1>Pakket</h1>" in inside.get(link(page, "winmail.dat")).text


def test_a_message_that_outlook_packed_within_is_opened(inside, core, ola):
    inner = stream(
        attribute(
            1, 0x9003, properties(prop(0x001F, 0x0037, utf16("Innerst")), prop(0x001F, 0x1000, utf16("Møt meg.")))
        ),
        winmail_file("a.txt", b"en"),
    )
    uid = put(core, ola, packed("application/ms-tnef", stream(winmail_file("", b"", embedded=inner))))
    page = inside.get(f"/mail/INBOX/{uid}").text
    within = inside.get(re.search(r'href="([^"]+/inside/[0-9]+\.[0-9]+)"', page)[1]).text
    assert "<h1>Innerst</h1>" in within
    assert "Møt meg." in within
    assert inside.get(link(within, "a.txt")).data == b"en"


def test_a_winmail_dat_that_is_none_is_said_to_be_one_and_saved(inside, core, ola):
    page = inside.get(f"/mail/INBOX/{put(core, ola, packed('application/ms-tnef; name=winmail.dat', b'nothing'))}").text
    assert "ikke kan åpnes her" in page
    assert inside.get(link(page, "winmail.dat")).data == b"nothing"


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """A folder with a key and a certificate of OpenSSL."""
    place: Path = tmp_path_factory.mktemp("smime")
    run = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=k",
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
    ]
    subprocess.run(run, cwd=place, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def wrapped(keys) -> bytes:
    """A message that OpenSSL signed and wrapped."""
    return sign(keys, INNER[INNER.index(b"MIME-Version") :])


def sign(place: Path, entity: bytes) -> bytes:
    command = [
        "openssl",
        "cms",
        "-sign",
        "-nodetach",
        "-binary",
        "-signer",
        "c.pem",
        "-inkey",
        "k.pem",
        "-outform",
        "DER",
    ]
    return subprocess.run([*command, "-stream"], cwd=place, check=True, capture_output=True, input=entity).stdout


def test_an_invitation_that_smime_wrapped_whole_is_answered(inside, core, ola, keys):
    whole = invitation(calendar(*WHEN, ME))
    octets = (
        b"From: k@x.example\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\n"
        + base64.encodebytes(sign(keys, whole[whole.index(b"MIME-Version") :]))
    )
    uid = put(core, ola, octets)
    assert "Kommer du?" in inside.get(f"/mail/INBOX/{uid}").text
    inside.send(f"/mail/INBOX/{uid}", f"/mail/INBOX/{uid}/answer", answer="ACCEPTED")
    assert [item.recipient for item in queued(core)] == ["kari@x.example"]


def test_what_smime_wrapped_whole_is_read_in_place(inside, core, ola, wrapped):
    octets = (
        b"From: k@x.example\r\nSubject: signert\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\n"
        + base64.encodebytes(wrapped)
    )
    page = inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text
    assert "<h1>signert</h1>" in page
    assert "Utenpå" in page
    assert "signert med S/MIME. Signaturen kontrolleres ikke her." in page
    assert inside.get(link(page, "liste.txt")).data == b"en, to"


def test_what_smime_wrapped_whole_is_found_and_answered_as_it_is_read(inside, core, ola):
    entity = "Content-Type: text/plain; charset=utf-8\r\n\r\nVi møtes ved fontenen.\r\n".encode()
    octets = (
        b"From: k@x.example\r\nSubject: signert\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\n"
        + base64.encodebytes(signed(entity))
    )
    uid = put(core, ola, octets)
    assert "fontenen" in inside.get(f"/mail/INBOX/{uid}").text
    for form in (f"reply=INBOX/{uid}", f"forward=INBOX/{uid}"):
        assert "Vi møtes ved fontenen." in inside.get(f"/mail/compose?{form}").text
    assert f"/mail/INBOX/{uid}" in inside.get("/mail/search?q=fontenen").text
    assert preview(octets) == "Vi møtes ved fontenen."


SIGNED = 'multipart/signed; protocol="application/pgp-signature"; boundary=c'
ATTACHED = around(
    "message/rfc822", around("application/pgp-signature", b"x").replace(b"mixed", b"signed; protocol=pgp")
)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (ATTACHED, None),
        (packed(SIGNED, b""), "En del av denne meldingen er signert med OpenPGP"),
        (
            letter(text="-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nHei"),
            "Denne meldingen er signert med OpenPGP",
        ),
        (letter(text="Se her\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc"), "En del av denne meldingen er kryptert"),
        (around("application/pgp-signature; name=signature.asc", b"x"), None),
    ],
)
def test_signatures_are_named_for_what_they_cover(inside, core, ola, octets, said):
    page = inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text
    if said:
        assert said in page
    else:
        assert "er signert med" not in page


def test_a_signature_says_what_kind_of_file_it_is(inside, core, ola):
    page = inside.get(f"/mail/INBOX/{put(core, ola, around('application/pgp-signature', b'x'))}").text
    assert "OpenPGP-signatur" in page
    page = inside.get(f"/mail/INBOX/{put(core, ola, packed('application/pkcs7-signature', b'x'))}").text
    assert "S/MIME-signatur" in page


def nested_winmail(depth: int) -> bytes:
    octets = stream(winmail_file("a", b"x" * 1000))
    for _ in range(depth):
        octets = stream(winmail_file("", b"", embedded=octets))
    return octets


def test_a_thousand_within_one_another_cost_little(inside, core, ola):
    uid = put(core, ola, packed("application/ms-tnef", nested_winmail(1000)))
    with costs_under(3):
        page = inside.get(f"/mail/INBOX/{uid}").text
        assert "winmail" in page
        assert inside.get(f"/mail/INBOX/{uid}/inside/1.0.0.0.0.0.0.0.0.0").status_code == 200
        assert inside.get(f"/mail/INBOX/{uid}/inside/1.0.0.0.0.0.0.0.0.0.0").status_code == 404


def test_pieces_that_reach_beyond_their_whole_are_not_read_twice():
    """Nine such pairs would make 512 times the octets of them."""
    piece = b"\x04\x04abcd"
    octets = piece
    for _ in range(6):
        octets = b"\x24\x02\x24\x80" + octets + b"\0\0"
    with pytest.raises(cms._Broken):
        cms._pieces(octets + b"\0\0", 0)


def test_an_attached_invitation_has_its_card_and_is_answered_where_it_is_opened(inside, core, ola):
    uid = put(core, ola, around("message/rfc822", invitation(calendar(*WHEN, ME, "SUMMARY:Årsmøte"))))
    there = link(inside.get(f"/mail/INBOX/{uid}").text, "message.eml")
    page = inside.get(there).text
    assert "Kommer du?" in page
    assert "Årsmøte" in page
    answer = inside.send(there, f"{there}/answer", answer="ACCEPTED")
    assert answer.location == there
    assert "Svaret er sendt" in inside.get(there).text
    [item] = queued(core)
    assert (item.sender, item.recipient) == ("ola@alumni.example", "kari@x.example")
    assert b"In-Reply-To: <i1@x.example>" in sent_octets(core)
    assert flags(core, ola, uid) == {"\\Seen"}  # of the message around it nobody asked anything


def test_an_attached_message_without_an_invitation_takes_no_answer(inside, core, ola):
    uid = put(core, ola, around("message/rfc822", INNER))
    there = link(inside.get(f"/mail/INBOX/{uid}").text, "message.eml")
    assert inside.send("/mail/settings", f"{there}/answer", answer="ACCEPTED").status_code == 404


def test_rtf_in_a_winmail_dat_is_shown_as_text_and_offered_as_a_file(inside, core, ola):
    size = len(RTF) + 12
    whole = size.to_bytes(4, "little") + len(RTF).to_bytes(4, "little") + b"MELA" + b"\0\0\0\0" + RTF
    tnef = stream(attribute(1, 0x9003, properties(prop(0x0102, 0x1009, text8(whole)))))
    uid = put(core, ola, packed("application/ms-tnef; name=winmail.dat", tnef))
    page = inside.get(link(inside.get(f"/mail/INBOX/{uid}").text, "winmail.dat")).text
    assert "Blåbærsyltetøy på tilbud" in page
    assert inside.get(link(page, "message.rtf")).data == RTF
