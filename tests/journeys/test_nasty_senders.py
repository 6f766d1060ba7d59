"""Hostile From fields, signatures and DNS records of strangers: each row says what becomes of the message (N3, N4).

`on` = forwarded octet for octet, `ours` = forwarded with us as the author, `kept` = in the INBOX only, `junk`, `refused`.
What goes on is judged by a program of its own (rspamd).
"""

import base64
import hashlib
import re
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.journeys.conftest import PASSWORD, House
from tests.journeys.test_forwarding_arrives import CROOK, ED, HONEST, OURS, PEM, TARGET, publish
from tests.journeys.test_message_travels import imap
from tests.machine import program, until
from tests.outside import Zone, dns_server, txt
from tests.verifier import verifier

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
BOSS = b"boss@reject.example"
SPF_PASSES = "reject.example"


def private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public(key: rsa.RSAPrivateKey) -> str:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


WEAK = rsa.generate_private_key(65537, 1024)


def short_key() -> bytes:
    """Return an RSA key of 512 bits, which the libraries no longer make."""
    made = subprocess.run([program("openssl"), "genrsa", "-traditional", "512"], capture_output=True, check=True)
    return made.stdout


SHORT = short_key()


def zone_of_senders() -> Zone:
    zone: Zone = {}
    publish(zone, "reject.example", policy="p=reject")
    publish(zone, "news.reject.example")
    publish(zone, "strict.example", policy="p=reject; aspf=s; adkim=s")
    publish(zone, "news.strict.example")
    publish(zone, "lax.example", policy="p=reject; sp=none")
    publish(zone, "news.lax.example")
    publish(zone, "sample.example", policy="p=reject; pct=0")
    publish(zone, "twice.example", policy="p=reject")
    zone["_dmarc.twice.example", "TXT"].append(txt("v=DMARC1; p=none"))
    publish(zone, "trouble.example")  # its policy cannot be had
    publish(zone, "sealer.example")
    publish(zone, "esp.example")
    publish(zone, "lists.example", policy="p=reject")
    publish(zone, "xn--blbr-roah.example", policy="p=reject")
    publish(zone, "example", keys=True, spf=False)  # a key at a public suffix
    publish(zone, "plain.example", keys=False)
    zone["crook.example", "TXT"] = [txt(f"v=spf1 ip4:{CROOK} -all")]
    zone["k._domainkey.crook.example", "TXT"] = zone["k._domainkey.reject.example", "TXT"]
    short = serialization.load_pem_private_key(SHORT, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(short, rsa.RSAPrivateKey)
    zone["short._domainkey.reject.example", "TXT"] = [txt(f"v=DKIM1; k=rsa; p={public(short)}")]
    zone["gone._domainkey.reject.example", "TXT"] = [txt("v=DKIM1; k=rsa; p=")]
    zone["weak._domainkey.reject.example", "TXT"] = [txt(f"v=DKIM1; k=rsa; h=sha1; p={public(WEAK)}")]
    return zone


def letter(author: bytes, number: int, *, body: bytes = b"Hello.\r\n", fields: bytes = b"") -> bytes:
    return (
        fields
        + b"From: "
        + author
        + b"\r\nTo: ola@alumni.example\r\nSubject: row\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <row-%d@outside.example>\r\n\r\n" % number + body
    )


def signed(octets: bytes, domain: str = "reject.example", *, selector: str = "k", key: bytes = PEM, **more) -> bytes:
    form = {"canonicalize": (b"relaxed", b"relaxed")} | more
    return dkim.sign(octets, selector.encode(), domain.encode(), key, **form) + octets


def sha1(octets: bytes) -> bytes:
    """Signed as it was before RFC 8301, which libraries no longer do."""
    block, _, body = octets.partition(b"\r\n\r\n")
    digest = base64.b64encode(hashlib.sha1(body).digest())  # noqa: S324 - that is the case
    field = (
        b"DKIM-Signature: v=1; a=rsa-sha1; c=simple/simple; d=reject.example; s=k; h=from:subject; bh="
        + digest
        + b"; b="
    )
    taken = [line for name in (b"From:", b"Subject:") for line in block.split(b"\r\n") if line.startswith(name)]
    key = serialization.load_pem_private_key(PEM, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    octets_signed = b"".join(line + b"\r\n" for line in taken) + field
    signature = base64.b64encode(key.sign(octets_signed, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303
    return field + signature + b"\r\n" + octets


def expired(octets: bytes, seconds: int) -> bytes:
    """With x= so many seconds from now, which dkimpy does not write: signed by hand, relaxed header, simple body."""
    block, _, body = octets.partition(b"\r\n\r\n")
    digest = base64.b64encode(hashlib.sha256(body).digest())
    now = int(time.time())
    field = (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=reject.example; s=k; t=%d; x=%d; h=from; bh=%s; b="
        % (
            now - 7200,
            now + seconds,
            digest,
        )
    )
    line = next(line for line in block.split(b"\r\n") if line.startswith(b"From:"))
    key = serialization.load_pem_private_key(PEM, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = base64.b64encode(key.sign(line + b"\r\n" + field, padding.PKCS1v15(), hashes.SHA256()))
    return field + signature + b"\r\n" + octets


def sealed(octets: bytes, damage: tuple[bytes, bytes] = (b"", b"")) -> bytes:
    seen = b"Authentication-Results: sealer.example; dmarc=pass header.from=reject.example\r\n" + octets
    return b"".join(dkim.arc_sign(seen, b"k", b"sealer.example", PEM, b"sealer.example")).replace(*damage) + seen


def broken(domain: str = "reject.example") -> bytes:
    """A signature of something else."""
    whole = signed(letter(BOSS, 0, body=b"Something else.\r\n"), domain)
    return whole[: whole.index(b"From:")]


@dataclass(frozen=True)
class Row:
    """`make` is given the row's number; `envelope` is a domain, empty = the null sender."""

    name: str
    make: Callable[[int], bytes]
    fate: str
    envelope: str = "crook.example"
    ip: str = CROOK
    helo: str = "crook.example"
    utf8: bool = False


def of(author: bytes, **more) -> Callable[[int], bytes]:
    return lambda n: letter(author, n, **more)


HONESTLY = ("reject.example", HONEST)
BY_OTHERS = ("esp.example", HONEST)
ROWS = [
    # the author's field
    Row("a group of one", of(b"team: boss@reject.example;"), "refused"),
    Row("a group of two", of(b"team: boss@reject.example, x@crook.example;"), "refused"),
    Row("a group of nobody", of(b"undisclosed:;"), "ours"),
    Row("an empty address", of(b"<>"), "ours"),
    Row("an empty address with a name", of(b'"boss@reject.example" <>'), "ours"),
    Row("an address as encoded words", of(b"=?utf-8?q?boss=40reject.example?="), "ours"),
    Row("no author at all", lambda n: letter(BOSS, n).replace(b"From:", b"X-From:"), "ours"),
    Row("no author, nobody vouches", lambda n: letter(BOSS, n).replace(b"From:", b"X-From:"), "junk", envelope="plain.example"),
    Row("a name that is an address", of(b"boss@reject.example <x@crook.example>"), "on"),  # a name is a name, quoted or not
    Row("the address as its own name", of(b"x@crook.example <X@crook.example>"), "on"),
    Row("a quoted name that is an address", of(b'"boss@reject.example" <x@crook.example>'), "on"),
    Row("a comment in the address", of(b"boss@(crook.example)reject.example"), "refused"),
    Row("spaces in the address", of(b"boss @ reject . example"), "refused"),
    Row("a quoted local part", of(b'"x@crook.example"@reject.example'), "refused"),
    Row("a source route", of(b"<@crook.example:boss@reject.example>"), "refused"),
    Row("a trailing dot", of(b"boss@reject.example."), "refused"),
    Row("capitals", of(b"BOSS@REJECT.EXAMPLE"), "refused"),
    Row("a space before the colon", lambda n: letter(BOSS, n).replace(b"From:", b"From :"), "refused"),
    Row("a fold before the address", of(b"\r\n boss@reject.example"), "refused"),
    Row("behind a line that is no field", of(BOSS, fields=b"X-A: b\r\nno field at all\r\n"), "refused"),
    Row("two fields, one with a space", of(b"x@crook.example", fields=b"From : boss@reject.example\r\n"), "refused"),
    Row("two fields, one in capitals", of(b"x@crook.example", fields=b"FROM: boss@reject.example\r\n"), "refused"),
    Row("our own domain", of(b"kari@alumni.example"), "refused"),
    Row("our own domain, null sender", of(b"kari@alumni.example"), "refused", envelope=""),
    Row("our own host", of(b"root@mx.alumni.example"), "refused"),
    Row("our own domain in a group", of(b"us: kari@alumni.example;"), "refused"),
    # alignment
    Row("a relative, strict", of(b"a@strict.example"), "refused", "news.strict.example", HONEST),
    Row("a relative's signature, strict", lambda n: signed(letter(b"a@strict.example", n), "news.strict.example"), "refused"),
    Row("the parent's signature", lambda n: signed(letter(b"a@news.reject.example", n)), "on", *BY_OTHERS),
    Row("a child's signature", lambda n: signed(letter(BOSS, n), "news.reject.example"), "on", *BY_OTHERS),
    Row("the public suffix's signature", lambda n: signed(letter(BOSS, n), "example"), "refused"),
    Row("below a lax policy", of(b"a@news.lax.example"), "on", "news.lax.example", HONEST),
    Row("a spoof below a lax policy", of(b"a@news.lax.example"), "junk"),
    Row("strict, SPF of the very domain", of(b"a@strict.example"), "ours", "strict.example", HONEST),
    Row("null sender, the host vouches", of(b"mailer-daemon@reject.example"), "ours", "", HONEST, "reject.example"),
    Row("null sender, another host", of(b"mailer-daemon@reject.example"), "refused", "", CROOK, "reject.example"),
    Row("a policy for no message", of(b"a@sample.example"), "ours", "sample.example", HONEST),
    Row("two policies are none", of(b"a@twice.example"), "on", "twice.example", HONEST),
    # signatures
    Row("text behind the signed length", lambda n: signed(letter(BOSS, n), length=True) + b"More.\r\n", "refused"),
    Row("the same, from the very domain", lambda n: signed(letter(BOSS, n), length=True) + b"More.\r\n", "ours", *HONESTLY),
    Row("all of it within the signed length", lambda n: signed(letter(BOSS, n), length=True), "on", *BY_OTHERS),
    Row("expired", lambda n: expired(letter(BOSS, n), -3600), "refused", *BY_OTHERS),
    Row("expired, from the very domain", lambda n: expired(letter(BOSS, n), -3600), "ours", *HONESTLY),
    Row("expires tomorrow", lambda n: expired(letter(BOSS, n), 86_400), "on", *BY_OTHERS),
    Row("SHA-1", lambda n: sha1(letter(BOSS, n)), "refused", *BY_OTHERS),
    Row("SHA-1, from the very domain", lambda n: sha1(letter(BOSS, n)), "ours", *HONESTLY),
    Row("a key of 512 bits", lambda n: signed(letter(BOSS, n), selector="short", key=SHORT), "refused"),
    Row("a key for SHA-1 only", lambda n: signed(letter(BOSS, n), selector="weak", key=private(WEAK)), "refused"),
    Row("a key that was withdrawn", lambda n: signed(letter(BOSS, n), selector="gone"), "refused"),
    Row("no such key", lambda n: signed(letter(BOSS, n), selector="none"), "refused"),
    Row("Ed25519 only", lambda n: signed(
        letter(BOSS, n), selector="e", key=base64.b64encode(ED.private_bytes_raw()), signature_algorithm=b"ed25519-sha256",
    ), "on", *BY_OTHERS),
    Row("of somebody else", lambda n: signed(letter(BOSS, n), "crook.example"), "refused"),
    Row("without the author's field", lambda n: signed(letter(BOSS, n)).replace(b"from : ", b""), "refused"),
    Row("one broken, one good", lambda n: broken() + signed(letter(BOSS, n)), "on", *BY_OTHERS),
    Row("one good, one broken", lambda n: signed(broken() + letter(BOSS, n)), "on", *BY_OTHERS),
    Row("an agent outside the domain", lambda n: signed(letter(BOSS, n), identity=b"@reject.example").replace(
        b"i=@reject", b"i=@crook"), "refused"),
    Row("as a list sends it", lambda n: signed(letter(b"a@lists.example", n), "lists.example") + b"-- \r\nfooter\r\n",
        "refused", *BY_OTHERS),
    Row("as a list with manners sends it", lambda n: signed(letter(
        b'"Boss via list" <list@esp.example>', n, fields=b"List-Id: <l.esp.example>\r\nReply-To: boss@reject.example\r\n"
    ), "esp.example"), "on", *BY_OTHERS),
    # forwarded to us by others
    Row("sealed and signed", lambda n: sealed(signed(letter(BOSS, n))), "on", *BY_OTHERS),
    Row("sealed, the signature broken", lambda n: sealed(broken() + letter(BOSS, n)), "refused", *BY_OTHERS),
    Row("a broken seal, a good signature", lambda n: sealed(signed(letter(BOSS, n)), (b"t=", b"t=1")), "on", *BY_OTHERS),
    Row("without a policy, passed on", lambda n: signed(letter(b"a@plain.example", n), "esp.example"), "kept", "plain.example",
        CROOK),
    # DNS and letters
    Row("no policy to be had, SPF", of(b"a@trouble.example"), "ours", "trouble.example", HONEST),
    Row("no policy to be had, signed", lambda n: signed(letter(b"a@trouble.example", n), "trouble.example"), "on", *BY_OTHERS),
    Row("no policy to be had, a spoof", of(b"a@trouble.example"), "kept"),
    Row("letters outside ASCII", lambda n: signed(letter("a@blåbær.example".encode(), n), "xn--blbr-roah.example"), "on",
        *BY_OTHERS, utf8=True),
    Row("letters outside ASCII, a spoof", of("a@blåbær.example".encode()), "refused", utf8=True),
    Row("letters outside ASCII, SPF", of("a@blåbær.example".encode()), "ours", "xn--blbr-roah.example", HONEST, utf8=True),
]  # fmt: skip


def send(house: House, row: Row, octets: bytes) -> int:
    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], row.helo, 60, source_address=(row.ip, 0)) as client:
        client.ehlo()
        client.mail(f"x@{row.envelope}" if row.envelope else "", ["SMTPUTF8", "BODY=8BITMIME"] if row.utf8 else [])
        client.rcpt("ola@alumni.example")
        return client.data(octets)[0]


def rows_of(octets: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"(?m)^Message-ID: <row-(\d+)@", octets)]


@contextmanager
def forwarding(build) -> Iterator[tuple[House, str]]:
    """A server where ola forwards to TARGET, and the name server of all."""
    zone = zone_of_senders()
    with dns_server(zone, broken=("_dmarc.trouble.example",)) as dns:
        house = build(direct=f'mode = "direct"\nbind = "{OURS}"', more=f'[dns]\nservers = ["{dns}"]')
        for line in house.run("dns", "--zone").splitlines():
            name, _ttl, _in, kind, value = line.split("\t")
            zone.setdefault((name.rstrip("."), kind), []).append(value)
        house.kill()  # it has looked for its records already, and remembers that there were none
        house.start()
        zone["home.example", "MX"] = ["10 mx.home.example."]
        zone["mx.home.example", "A"] = ["127.0.0.1"]
        house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
        house.run("forward", "set", "ola", TARGET, "--confirmed")
        yield house, dns


def test_n3_n4_what_nasty_senders_try(tmp_path: Path, sink, build):
    with forwarding(build) as (house, dns):
        sent = [row.make(number) for number, row in enumerate(ROWS)]
        codes = [send(house, row, octets) for row, octets in zip(ROWS, sent, strict=True)]
        until(lambda: '"id"' not in house.run("queue", "list", "--json"))

        came = {
            number: (sender, octets, peer)
            for (sender, to, octets), peer in zip(sink.mail, sink.peers, strict=True)
            if to == TARGET
            for number in rows_of(octets)
        }
        boxes: dict[int, str] = {}
        with imap(house, "ola") as client:
            for box in ("INBOX", "Junk"):
                client.select_folder(box, readonly=True)
                for item in client.fetch(client.search(), ["BODY.PEEK[HEADER]"]).values():
                    boxes |= dict.fromkeys(rows_of(item[b"BODY[HEADER]"]), box)

        def fate(number: int) -> str:
            if number in came:
                octets = came[number][1]
                ours = b"X-Original-From:" in octets or b"via Alumnimail" in octets
                return "ours" if ours else "on" if octets.endswith(sent[number]) else "changed"
            if codes[number] >= 500:
                return "refused"
            return {"INBOX": "kept", "Junk": "junk"}.get(boxes.get(number, ""), f"lost after {codes[number]}")

        found = {row.name: fate(number) for number, row in enumerate(ROWS)}
        strange = {row.name: (row.fate, found[row.name]) for row in ROWS if found[row.name] != row.fate}
        assert not strange, "\n".join(f"{name}: {pair}" for name, pair in strange.items())

        lost: dict[str, object] = {}
        with verifier(tmp_path / "rspamd", dns) as judge:
            for number, (sender, octets, (ip, helo)) in came.items():
                row, report = ROWS[number], judge.judge(octets, ip=ip, helo=helo, sender=sender)
                envelope = f"x@{row.envelope}" if row.envelope else ""
                before = judge.judge(sent[number], ip=row.ip, helo=row.helo, sender=envelope)
                untouched = fate(number) == "on"
                # what the verifier cannot judge (DNS, letters outside ASCII) it could not on arrival, either
                arrives = report.arrives or (untouched and not before.arrives)
                if not arrives or (untouched and not before.signatures <= report.signatures):
                    lost[row.name] = (before, report)
        assert not lost


def test_s24_what_is_written_here_passes_at_the_target_as_well(tmp_path: Path, sink, build):
    """From another account, and a report of ours, which comes from a null sender."""
    with forwarding(build) as (house, dns):
        house.run("user", "add", "kari", "--password-stdin", given=PASSWORD)
        for author, recipient in (("kari", "ola@alumni.example"), ("ola", "nobody@no-such-name.example")):
            with smtplib.SMTP("127.0.0.1", house.ports["submission"], timeout=60) as client:
                client.login(author, PASSWORD)
                sender = f"{author}@alumni.example"
                client.sendmail(sender, [recipient], f"From: {sender}\r\nSubject: by {author}\r\n\r\nHello.\r\n")
        until(lambda: len([to for _, to, _ in sink.mail if to == TARGET]) >= 2)
        with verifier(tmp_path / "rspamd", dns) as judge:
            found = {
                sender.partition("=")[0]: (judge.judge(octets, ip=ip, helo=helo, sender=sender), octets)
                for (sender, to, octets), (ip, helo) in zip(sink.mail, sink.peers, strict=True)
                if to == TARGET
            }
        assert set(found) == {"srs0", ""}
        assert b"Auto-Submitted: auto-" in found[""][1]
        assert {name: report.dmarc for name, (report, _) in found.items()} == {"srs0": "pass", "": "pass"}
