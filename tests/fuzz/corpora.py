"""Where each target begins: texts of the tests, so that a case that is added there is a seed here."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import dns.message
import dns.rrset

from tests.attacks.server import imap_cases, mail_cases, sieve_cases, smtp_cases
from tests.attacks.server.hostile_hosts import HOSTS, USUAL

ROOT = Path(__file__).parents[1]
MOST = 20_000  # octets of a seed: a small one is tried a thousand times where a large one is tried once

CARD = (
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ola Nordmann\r\nN:Nordmann;Ola;;;\r\nEMAIL;TYPE=INTERNET:ola@outside.example\r\n"
    b"item1.EMAIL;type=pref:o@x.example\r\nNOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=C3=A5=\r\n=0D=0A\r\nEND:VCARD\r\n"
)
EVENT = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Oslo\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"
    b"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
    b"UID:1@x\r\nSEQUENCE:2\r\nDTSTART;TZID=Oslo:20261201T100000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;UNTIL=20271231T000000Z\r\n"
    b'EXDATE:20261208T100000\r\nSUMMARY:M\xc3\xb8te\r\nORGANIZER;CN="Kari":mailto:kari@alumni.example\r\n'
    b"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ola@alumni.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
SIGNED = (
    b"v=DKIM1; k=rsa; t=s; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; "
    b"d=outside.example; s=k; t=1; x=9999999999; l=3; h=from:to; i=@outside.example;\r\n bh=AAAA; b=AAAA\r\nFrom: a@outside.example\r\n\r\nhei\r\n"
)
SEALED = (
    b"v=DMARC1; p=reject; pct=50; sp=none; adkim=s\nARC-Seal: i=1; a=rsa-sha256; cv=none; d=x.example; s=k; b=AAAA\r\n"
    b"ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=x.example; s=k; h=from; bh=A; b=A\r\n"
    b"ARC-Authentication-Results: i=1; x.example; dmarc=pass\r\nFrom: a@outside.example\r\n\r\nhei\r\n"
)
SPF = b"v=spf1 include:x.example a:%{i}.%{d2r+-}.x.example mx exists:%{l}.x ip4:192.0.2.0/24 ip6:2001:db8::/32 redirect=y.example\nFrom: a@b\r\n\r\n"
REPORT = (
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b\r\n'
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n"
    b"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    b"Message-ID: <1@x>\r\n--b--\r\n"
)


def imap_commands() -> list[bytes]:
    texts = [path.read_bytes() for path in (ROOT / "protocol/imap").glob("*.txt")]
    lines = [line[3:] for text in texts for line in text.splitlines() if line[:2] == b"C:"]
    return lines + [case.sent for case in (*imap_cases.STRANGERS, *imap_cases.LOGGED_IN)]


def grammar() -> list[bytes]:
    return [b" " + line.split(b" ", 2)[-1].strip() for line in imap_commands()]


def messages() -> list[bytes]:
    mails = [path.read_bytes() for path in [*ROOT.glob("protocol/*.eml"), *ROOT.glob("mail/reports/*.eml")]]
    return [*mails, *(bomb.octets for bomb in mail_cases.BOMBS), REPORT]


def scripts() -> list[bytes]:
    texts = [path.read_text() for path in (ROOT / "sieve").rglob("*.case")]
    found = [script.encode() for text in texts for script in re.findall(r"(?ms)^--- script\n(.*?)^(?:---|=)", text)]
    texts = [one.text for one in sieve_cases.CHECKED] + [one.text for one in sieve_cases.RUNS]
    return found + [text.encode() for text in texts]


def archives() -> list[bytes]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("mail/INBOX.mbox", b"From a@b Mon Nov 30 10:00:00 2026\nSubject: x\n\nhei\n")
        made.writestr("contacts.vcf", CARD)
    return [held.getvalue(), mail_cases.packed("../x", b"\0" * 1000)]


def answers() -> list[bytes]:
    query = dns.message.make_query("outside.example", "TXT")
    answer = dns.message.make_response(query)
    for kind, value in (("TXT", '"v=spf1 -all" "x"'), ("MX", "10 mx.outside.example."), ("TLSA", "3 1 1 " + "ab" * 32)):
        answer.answer.append(dns.rrset.from_text("outside.example.", 60, "IN", kind, value))
    return [answer.to_wire()]


def replies() -> list[bytes]:
    said = [one for host in HOSTS for one in host.answers.values() if isinstance(one, bytes)]
    return [*said, b"".join(one for one in USUAL.values() if isinstance(one, bytes))]


def smtp() -> list[bytes]:
    lines = [line for case in smtp_cases.ENVELOPE_CASES for line in case.sent.split(b"\r\n")]
    return [line.partition(b" ")[2] for line in lines]


def fields() -> list[bytes]:
    return [octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" for octets in messages()]


def labelled() -> list[bytes]:
    names = (
        "utf-8",
        "utf-7",
        "iso-2022-jp",
        "gb18030",
        "big5",
        "shift_jis",
        "euc-kr",
        "windows-1252",
        "utf-16",
        "hz",
        "x-user-defined",
    )
    return [
        name.encode() + b"\n" + "blåbær 日本 \u202e".encode(name, "replace")
        if name != "x-user-defined"
        else b"x-user-defined\n\xff"
        for name in names
    ]


CORPORA: dict[str, Callable[[], Iterable[bytes]]] = {
    "framer": imap_commands,
    "grammar": grammar,
    "message": messages,
    "deflate": lambda: [b"\x01\x05\x00\xfa\xffhello", b"\xcaH\xcd\xc9\xc9\x07\x00"],
    "smtp_lines": smtp,
    "smtp_data": lambda: [case.sent.partition(b"DATA\r\n")[2] for case in smtp_cases.SMUGGLING_CASES],
    "smtp_replies": replies,
    "addresses": lambda: [value for block in fields() for value in re.findall(rb"(?im)^(?:From|To|Cc): ?(.*)", block)],
    "headers": fields,
    "charset": labelled,
    "shown": messages,
    "html": lambda: [*(ROOT / "services/attacks.txt").read_bytes().splitlines(), *(case.html.encode() for case in mail_cases.HTML)],
    "sieve": scripts,
    "cards": lambda: [CARD, CARD.replace(b"VERSION:3.0", b"VERSION:2.1"), CARD.replace(b"VERSION:3.0", b"VERSION:4.0")],
    "calendar": lambda: [EVENT, EVENT.replace(b"REQUEST", b"CANCEL")],
    "zip": archives,
    "mbox": lambda: [b"From a@b Mon Nov 30 10:00:00 2026\nSubject: x\nStatus: RO\nX-Keywords: a\n\n>From x\n\nFrom c@d x\n\ny\n", b"1700000000.M1P1.x:2,FS\n"],
    "signatures": lambda: [SIGNED, SEALED, SPF],
    "policies": lambda: [b"version: STSv1\r\nmode: enforce\r\nmx: *.x.example\r\nmax_age: 604800\r\n"],
    "dns": answers,
    "proxy": lambda: [b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + b"\x01" * 12],
    "reports": lambda: [REPORT],
}  # fmt: skip


def seeds(target: str) -> list[bytes]:
    return sorted({octets for octets in CORPORA[target]() if len(octets) <= MOST}) or [b""]
