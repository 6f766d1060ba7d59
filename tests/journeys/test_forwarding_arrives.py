"""Forwarding that arrives, measured.

Every kind of sender domain goes through the real server to a target that verifies with a program of its own (rspamd), all
with the same DNS; of the signatures opendkim gives a second opinion.

100 % of the legitimate messages pass DMARC there, 100 % of the DKIM signatures that were valid on arrival are valid
there, and 0 spoofed messages are passed on, nor any of what our filter calls spam, however well it is authenticated.
"""

import base64
import itertools
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mailcore.services.filtering.judging import GTUBE
from tests.journeys.conftest import PASSWORD, House
from tests.machine import until
from tests.outside import Zone, dns_server, txt
from tests.verifier import Report, signed_by_opendkim, verifier

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
HONEST, CROOK, OURS = "127.0.0.10", "127.0.0.66", "127.0.0.2"
TARGET = "ola@home.example"
KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
ED = ed25519.Ed25519PrivateKey.generate()
ED_PUBLIC = base64.b64encode(ED.public_key().public_bytes_raw()).decode()


@dataclass(frozen=True)
class Case:
    """One message: who writes, who sends it, who signs it, and from where it comes."""

    author: str
    envelope: str = ""  # a domain; empty = the null sender
    signer: str = ""
    ip: str = HONEST
    shape: int = 0
    how: bytes = b"relaxed/relaxed"
    ed: bool = False
    damaged: bool = False
    top: bytes = b""  # fields before the others
    above: tuple[str, ...] = ()  # who signed it after the author
    late: bool = False  # the author's signature is out of date
    length: bool = False  # and says of how much of the body it is
    body: bytes = b""  # instead of a shape
    name: bytes = b'"=?utf-8?q?K=C3=A5re?= , dept"'
    helo: str = "mail.esp.example"


def publish(zone: Zone, name: str, *, policy: str = "", spf: bool = True, keys: bool = True) -> None:
    if spf:
        zone[name, "TXT"] = [txt(f"v=spf1 ip4:{HONEST} -all")]
    if keys:
        zone[f"k._domainkey.{name}", "TXT"] = [txt(f"v=DKIM1; k=rsa; p={PUBLIC}")]
        zone[f"e._domainkey.{name}", "TXT"] = [txt(f"v=DKIM1; k=ed25519; p={ED_PUBLIC}")]
    if policy:
        zone[f"_dmarc.{name}", "TXT"] = [txt(f"v=DMARC1; {policy}")]


POLICIES = {
    "none": "p=none",
    "quarantine": "p=quarantine",
    "reject": "p=reject",
    "sub": "p=none; sp=reject",
    "lax": "p=reject; sp=none",
}
HOW = (b"relaxed/relaxed", b"relaxed/simple", b"simple/relaxed", b"simple/simple")


def world() -> tuple[Zone, list[Case], list[Case]]:
    """DNS of the senders, their legitimate messages, and what others send in their names."""
    zone: Zone = {}
    legit: list[Case] = []
    spoofs: list[Case] = []
    for (policy, tags), mode, way in itertools.product(POLICIES.items(), "rs", ("spf", "dkim", "both")):
        org = f"{policy}-{mode}-{way}.example"
        sub = f"news.{org}"
        publish(zone, org, policy=f"{tags}; aspf={mode}; adkim={mode}", spf=way != "dkim", keys=way != "spf")
        publish(zone, sub, spf=way != "dkim", keys=way != "spf")
        signed = way != "spf"
        for author in (org, sub):
            legit.append(Case(author, author, author if signed else ""))
            legit.append(Case(author, author, author if signed else "", shape=1, how=HOW[len(legit) % 4]))
            if mode == "r":  # the other one of the two vouches
                other = sub if author is org else org
                legit.append(Case(author, other, other if signed else "", shape=2))
            if signed:  # sent by somebody else in their name, and from an address that SPF does not know
                legit.append(Case(author, "esp.example", author, shape=3, how=HOW[len(legit) % 4]))
                legit.append(Case(author, "", author, shape=4, ed=len(legit) % 2 == 0))
            if signed and way == "both":
                legit.append(Case(author, author, author, ip=CROOK, shape=5))  # forwarded to us by another house
            if way == "spf":  # a relay signs in its own name, which vouches for nobody else
                legit.append(Case(author, author, "esp.example", shape=1))
            spoofs.append(Case(author, author, ip=CROOK))
            spoofs.append(Case(author, "crook.example", "crook.example", ip=CROOK))
            spoofs.append(Case(author, "", ip=CROOK, helo="crook.example"))
            if signed:
                spoofs.append(Case(author, "crook.example", author, ip=CROOK, damaged=True))
            if mode == "s":  # a relative may not speak for a strict one
                other = sub if author is org else org
                sender = other if way != "dkim" else "crook.example"
                spoofs.append(Case(author, sender, other if signed else ""))
    publish(zone, "esp.example")
    publish(zone, "plain.example", keys=False)
    publish(zone, "signed.example", spf=False)
    zone["crook.example", "TXT"] = [txt(f"v=spf1 ip4:{CROOK} -all")]
    zone["k._domainkey.crook.example", "TXT"] = [txt(f"v=DKIM1; k=rsa; p={PUBLIC}")]
    for shape in range(6):
        legit.append(Case("plain.example", "plain.example", shape=shape))
        legit.append(Case("signed.example", "signed.example", "signed.example", shape=shape))
        legit.append(Case("bare.example", "bare.example", shape=shape))
    odd(zone, legit, spoofs)
    forged = b"Authentication-Results: mx.alumni.example; dmarc=pass header.from=reject-r-both.example\r\n"
    spoofs.append(Case("reject-r-both.example", "crook.example", ip=CROOK, top=forged))
    for ours in ("alumni.example", "srs.alumni.example", "staff.alumni.example"):
        spoofs += [Case(ours, envelope, ip=CROOK, helo="crook.example") for envelope in (ours, "crook.example", "")]
    twice = b"From: boss@reject-r-both.example\r\n"
    spoofs.append(Case("crook.example", "crook.example", "crook.example", ip=CROOK, top=twice))
    spoofs.append(Case("reject-r-both.example>, <x@crook.example", "crook.example", ip=CROOK))
    return zone, legit, spoofs


def odd(zone: Zone, legit: list[Case], spoofs: list[Case]) -> None:
    """Return the rarer messages, which a careless host breaks on the way."""
    strict = "reject-s-both.example"
    for shape in range(6, len(SHAPES)):
        for how in HOW:
            legit.append(Case(strict, "esp.example", strict, shape=shape, how=how))
        legit.append(Case("reject-r-spf.example", "reject-r-spf.example", shape=shape))
    # many hands on the way; a signature of a part that is the whole; one that is over
    legit.append(Case(strict, "esp.example", strict, above=("esp.example",) * 2 + ("plain.example",), ip=CROOK))
    legit.append(Case(strict, "esp.example", strict, above=("esp.example",) * 4))
    legit.append(Case(strict, "esp.example", strict, above=(strict,), ed=True))
    legit.append(Case(strict, "", strict, length=True, shape=2))
    legit.append(Case(strict, strict, strict, late=True))
    spoofs.append(Case(strict, "esp.example", strict, late=True))
    spoofs.append(Case(strict, "esp.example", strict, length=True, damaged=True))
    # what is no field by the letter
    legit.append(Case(strict, "esp.example", strict, top=b"X-Space : here\r\n"))
    legit.append(Case("reject-r-spf.example", "reject-r-spf.example", top=b"no field at all\r\n"))
    # an organisation below a public suffix of two labels, and its neighbour
    for org in ("uni.ac.uk", "crook.ac.uk"):
        publish(zone, org, policy="p=reject")
    publish(zone, "news.uni.ac.uk")
    legit += [Case("news.uni.ac.uk", "uni.ac.uk", signer) for signer in ("", "uni.ac.uk", "news.uni.ac.uk")]
    legit.append(Case("uni.ac.uk", "news.uni.ac.uk", "news.uni.ac.uk"))
    spoofs += [
        Case(author, "crook.ac.uk", "crook.ac.uk") for author in ("uni.ac.uk", "news.uni.ac.uk", "absent.uni.ac.uk")
    ]
    # letters that are not ASCII (the verifier does not know them in From)
    publish(zone, "xn--blbr-roah.example", policy="p=reject")
    legit += [Case("xn--blbr-roah.example", "blåbær.example", signer) for signer in ("", "xn--blbr-roah.example")]
    # whose own name servers fail is nobody's way around a policy
    spoofs.append(Case(strict, "down.example", ip=CROOK))
    spoofs.append(Case(strict, "crook.example", "down.example", ip=CROOK))


SHAPES = (
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n",
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Bl\xe5b\xe6r \t \r\n.\r\n..dots\r\nFrom the start\r\n\r\n\r\n",
    b'Content-Type: multipart/alternative;\r\n\tboundary="x y"\r\nMIME-Version: 1.0\r\n\r\npreamble\r\n--x y\r\n\r\n'
    b"text\r\n--x y\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--x y--\r\nepilogue\r\n",
    b"X-Odd:    many   spaces   \r\nx-lower: \xc3\xa6\r\nReferences: <a@b>\r\n\t<c@d>\r\n   <e@f>\r\n\r\n"
    + b"long " * 180
    + b"!\r\n",
    b'MIME-Version: 1.0\r\nContent-Type: application/pdf; name="=?utf-8?q?=C3=A6.pdf?="\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(bytes(range(256)) * 20).replace(b"\n", b"\r\n"),
    b"List-Id: <list.example>\r\nReply-To: list@list.example\r\n\r\n",
    # S/MIME, whose inner octets are signed as they stand
    b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n'
    b'\tboundary="----s"\r\n\r\nThis is an S/MIME signed message\r\n\r\n------s\r\nContent-Type: text/plain \r\n\r\n'
    b"signed \t \r\n\r\n------s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nMIIabc=\r\n\r\n------s--\r\n\r\n",
    # long lines, odd folds, fields twice, spaces at line ends
    b"X-Long: "
    + b"x" * 980
    + b"\r\nX-Fold:\r\n \r\n\t"
    + b"y" * 900
    + b"\r\n z \r\nX-Empty:\r\nX-Twice: a\r\nX-Twice: a\r\n"
    b"Comments:  two  spaces  \r\n\r\n" + b"z" * 997 + b"\r\n \r\n\t\r\nend \r\n \r\n",
    # sent again by hand; received elsewhere; a field of a former service of ours
    b"Resent-From: a@home.example\r\nResent-To: ola@alumni.example\r\nResent-Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Received: from a.example by b.example; Tue, 24 Nov 2026 09:00:00 +0000\r\nReturn-Path: <kare@outside.example>\r\n"
    b"Delivered-To: someone@outside.example\r\n\r\nFrom here\r\n>From there\r\n",
    # no body at all, or none but empty lines
    b"Content-Type: text/plain\r\n\r\n\r\n\r\n",
    # raw letters where they are not announced, and a reply to a list that signs for itself
    b"X-Name: Bl\xc3\xa5b\xc3\xa6r\r\nList-Unsubscribe: <https://list.example/u>,\r\n\t<mailto:u@list.example>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPrecedence: list\r\n\r\n\xe2\x80\x94 \r\n_____\r\nfooter\r\n",
)


_OFFER = (
    b"Earn $5,000 weekly from home, guaranteed! Click here to receive your free mortgage quote, no obligation. To be removed\r\n"
    b"from our mailing list, reply with remove in the subject line. Lowest rates, order now, limited time offer, 100% free.\r\n"
    b"You are receiving this because you opted in. Credit cards accepted: million dollars, investment, viagra.\r\n"
)
_CODED = b"Content-Transfer-Encoding: base64\r\n\r\n"


def _coded(octets: bytes) -> bytes:
    return _CODED + base64.encodebytes(octets).replace(b"\n", b"\r\n")


SPAM = {
    "words": b"Content-Type: text/plain\r\n\r\n" + _OFFER,
    "words in base64": _coded(_OFFER),
    "HTML with a hidden story": b"Content-Type: text/html\r\n\r\n<p style='display:none'>"
    + b"the meeting of the board begins at seven " * 30
    + b"</p><p>"
    + _OFFER
    + b"</p>\r\n",
    "the standard test text": b"\r\n" + GTUBE + b"\r\n",
    "a program": b'Content-Type: image/png; name="a.png"\r\n' + _coded(b"MZ" + bytes(60) + b"PE\0\0" + bytes(500)),
    "Norwegian": "Content-Type: text/plain; charset=utf-8\r\n\r\nGratulerer, kjære kunde! Du er trukket ut som vinner av et"
    " gavekort på 5000 kroner. Klikk her for å hente premien din nå: http://offer77.example/7 Tilbudet gjelder bare i dag."
    " Bekreft opplysningene dine, ellers blir kontoen stengt.\r\n".encode(),
}


def spam_cases() -> list[Case]:
    """Spam that is authenticated in every way: what spammers of today send."""
    return [
        Case(author, author, author if author.endswith("both.example") else "", body=body)
        for author in ("reject-s-both.example", "none-r-both.example", "plain.example")
        for body in SPAM.values()
    ] + [
        Case(
            "reject-s-both.example",
            "reject-s-both.example",
            "reject-s-both.example",
            name=b'"ola@alumni.example"',
            body=SPAM["words"],
        )
    ]


class Late(dkim.DKIM):
    """Signs with the end of an hour that is over (`x=`), which the library cannot."""

    def gen_header(self, fields, *more, **named):
        return super().gen_header([*fields[:-1], (b"x", b"1700000000"), fields[-1]], *more, **named)


def octets_of(case: Case, number: int) -> bytes:
    octets = (
        b"From: " + case.name + b" <kare@" + case.author.encode() + b">\r\nTo: ola@alumni.example\r\n"
        b"Subject: =?iso-8859-1?q?bl=E5?=\r\n  and folded \r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <case-%d@outside.example>\r\n" % number + (case.body or SHAPES[case.shape])
    )
    if case.signer:
        key, selector, algorithm = (PEM, b"k", b"rsa-sha256")
        if case.ed:
            key, selector, algorithm = base64.b64encode(ED.private_bytes_raw()), b"e", b"ed25519-sha256"
        maker = Late if case.late else dkim.DKIM
        octets = (
            maker(octets, signature_algorithm=algorithm).sign(
                selector, case.signer.encode(), key, canonicalize=tuple(case.how.split(b"/")), length=case.length
            )
            + octets
        )
    for domain in case.above:
        octets = dkim.sign(octets, b"k", domain.encode(), PEM) + octets
    if case.damaged:
        octets += b"One more line.\r\n"
    return case.top + octets


def send(house: House, case: Case, octets: bytes) -> int:
    """The code of the answer."""
    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], case.helo, 60, source_address=(case.ip, 0)) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        sender = f"kare@{case.envelope}" if case.envelope else ""
        client.mail(sender, [] if sender.isascii() else ["SMTPUTF8"])
        client.rcpt("ola@alumni.example")
        return client.data(octets)[0]


def number_of(octets: bytes) -> int:
    found = re.search(rb"(?m)^Message-ID: <case-(\d+)@", octets)
    return int(found[1]) if found else -1


@pytest.fixture
def built(tmp_path: Path, sink, build) -> Iterator[tuple[House, Zone, str, list[Case], list[Case]]]:
    zone, legit, spoofs = world()
    with dns_server(zone, broken=("down.example",)) as dns:
        house = build(
            workers=2,
            direct=f'mode = "direct"\nbind = "{OURS}"',
            more=f'[dns]\nservers = ["{dns}"]',
        )
        for line in house.run("dns", "--zone").splitlines():
            name, _ttl, _in, kind, value = line.split("\t")
            zone.setdefault((name.rstrip("."), kind), []).append(value)
        zone["home.example", "MX"] = ["10 mx.home.example."]
        zone["mx.home.example", "A"] = ["127.0.0.1"]
        yield house, zone, dns, legit, spoofs


def test_n4_s24_forwarded_mail_passes_at_the_target_and_spoofs_stay_here(built, sink, tmp_path):
    house, zone, dns, legit, spoofs = built
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    house.run("forward", "set", "ola", TARGET, "--confirmed")
    spam = spam_cases()
    cases = [*legit, *spoofs, *spam]
    assert len(legit) >= 150
    assert len(cases) >= 250
    sent = {number: octets_of(case, number) for number, case in enumerate(cases)}
    codes = {number: send(house, case, sent[number]) for number, case in enumerate(cases)}
    refused = [cases[number] for number in range(len(legit)) if codes[number] != 250]
    assert not refused
    assert [codes[number] for number in range(len(cases) - len(spam), len(cases))] == [250] * len(spam)
    until(lambda: len({number_of(octets) for _, to, octets in sink.mail if to == TARGET}) >= len(legit), 180)
    until(lambda: '"id"' not in house.run("queue", "list", "--json"))

    came: dict[int, Report] = {}
    before: dict[int, Report] = {}
    with verifier(tmp_path / "rspamd", dns) as judge:
        for (sender, to, octets), (ip, helo) in zip(sink.mail, sink.peers, strict=True):
            if to == TARGET:
                assert number_of(octets) not in came
                came[number_of(octets)] = judge.judge(octets, ip=ip, helo=helo, sender=sender)
        for number, case in enumerate(legit):
            sender = f"kare@{case.envelope.encode('idna').decode()}" if case.envelope else ""
            before[number] = judge.judge(sent[number], ip=case.ip, helo=case.helo, sender=sender)

    passed_on = [cases[number] for number in came if number >= len(legit)]
    assert not passed_on
    missing = [legit[number] for number in range(len(legit)) if number not in came]
    assert not missing
    bare = {number for number, case in enumerate(legit) if case.author == "bare.example"}
    unfit = [legit[number] for number in before if number not in bare and not before[number].arrives]
    assert not unfit  # the verifier finds them legitimate on arrival, too
    lost = [(legit[number], came[number]) for number in before if not came[number].arrives]
    assert not lost
    rewritten = {number_of(octets) for _, to, octets in sink.mail if to == TARGET and b"\r\nX-Original-From:" in octets}
    broken = [
        legit[number]
        for number in before
        if number not in rewritten and not before[number].signatures <= came[number].signatures
    ]
    assert not broken
    assert sum(bool(report.signatures) for report in before.values()) >= 100
    assert all("ARC_ALLOW" in report.symbols for report in came.values())
    signers = {legit[number].signer for number in rewritten if not legit[number].late}
    assert signers == {"", "esp.example"}  # only what could not pass as it was
    assert not any("R_DKIM_REJECT" in report.symbols for report in came.values())

    # a second opinion, of the messages as they came and as they went on
    at_target = {number_of(octets): octets for _, to, octets in sink.mail if to == TARGET}
    valid = signed_by_opendkim(tmp_path / "before", zone, {number: sent[number] for number in before})
    assert len(valid) >= 100
    assert valid - rewritten <= signed_by_opendkim(tmp_path / "after", zone, at_target)
    assert rewritten <= signed_by_opendkim(tmp_path / "ours", zone, {number: at_target[number] for number in rewritten})
