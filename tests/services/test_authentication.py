"""SPF, DKIM and DMARC of what comes in, and what of it may go on, with a real DNS server on loopback."""

import asyncio
import base64
from dataclasses import replace

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.domain import Disposition, Envelope, Outcome
from mailcore.mail.passing import authresults
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.mailauth import authentication, dkim_keys, forward_policy
from mailcore.services.mailauth import dkim as our_dkim
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.sieve_scripts import filters
from mailcore.store.queue.items import list_items, read_octets
from tests.outside import dns_server, txt

KEY = rsa.generate_private_key(65537, 1024)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
GOOD, BAD = "192.0.2.1", "198.51.100.9"


def domain(name: str, *, policy: str = "", spf: str = f"v=spf1 ip4:{GOOD} -all") -> dict[tuple[str, str], list[str]]:
    zone = {(f"k._domainkey.{name}", "TXT"): [txt(f"v=DKIM1; k=rsa; p={PUBLIC}")]}
    if spf:
        zone[name, "TXT"] = [txt(spf)]
    if policy:
        zone[f"_dmarc.{name}", "TXT"] = [txt(f"v=DMARC1; {policy}")]
    return zone


ZONE = (
    domain("reject.example", policy="p=reject")
    | domain("quarantine.example", policy="p=quarantine")
    | domain("none.example", policy="p=none")
    | domain("plain.example")
    | domain("bare.example", spf="")
    | domain("strict.example", policy="p=reject; aspf=s; adkim=s")
    | domain("sub.strict.example")
    | domain("parent.example", policy="p=none; sp=reject")
    | domain("child.parent.example")
    | {
        (f"{name}._domainkey.reject.example", "TXT"): [txt(f"v=DKIM1; k=rsa; {tags}; p={PUBLIC}")]
        for name, tags in (("exact", "t=y:s"), ("web", "s=web"), ("sha1", "h=sha1"), ("both", "h=sha1:sha256; s=email"))
    }
    | domain("loop.example", spf="v=spf1 include:loop.example -all")
    | domain("broken.example")
    | domain("shaky.example", policy="p=reject", spf="")
)


@pytest.fixture(scope="module")
def server():
    with dns_server(ZONE, broken=("trouble.example", "_dmarc.broken.example", "_domainkey.shaky.example")) as address:
        yield address


@pytest.fixture
def core(tmp_path, server):
    made = cores.build(Config(data=str(tmp_path), dns=Dns((server,))))
    dkim_keys.ensure_keys(made.config)
    yield made
    cores.close(made)


def message(author: str, *, signed_by: str = "", extra: bytes = b"") -> bytes:
    octets = (
        extra + b"From: =?utf-8?q?K=C3=A5re?= <kare@" + author.encode() + b">\r\nTo: ola@alumni.example\r\n"
        b"Subject: hei\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nHei.\r\n"
    )
    if signed_by:
        octets = dkim.sign(octets, b"k", signed_by.encode(), PEM, canonicalize=(b"relaxed", b"relaxed")) + octets
    return octets


def judge(core, octets, sender, ip=GOOD, helo="mail.x.example"):
    return asyncio.run(authentication.judge(core, Envelope(sender, ("ola@alumni.example",), ip, helo), Message(octets)))


# author, signed by, envelope, from, SPF, DMARC, disposition, at the target
CASES = [
    ("reject.example", "", "reject.example", GOOD, "pass", "pass", Disposition.ACCEPT, Passage.REWRITE),
    ("reject.example", "reject.example", "reject.example", GOOD, "pass", "pass", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("reject.example", "reject.example", "plain.example", BAD, "fail", "pass", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("reject.example", "", "reject.example", BAD, "fail", "fail", Disposition.REFUSE, Passage.JUNK),
    ("reject.example", "plain.example", "plain.example", GOOD, "pass", "fail", Disposition.REFUSE, Passage.JUNK),
    ("quarantine.example", "", "quarantine.example", BAD, "fail", "fail", Disposition.JUNK, Passage.JUNK),
    ("quarantine.example", "", "quarantine.example", GOOD, "pass", "pass", Disposition.ACCEPT, Passage.REWRITE),
    ("none.example", "", "none.example", GOOD, "pass", "pass", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("none.example", "", "none.example", BAD, "fail", "fail", Disposition.ACCEPT, Passage.JUNK),
    ("plain.example", "", "plain.example", GOOD, "pass", "none", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("plain.example", "", "plain.example", BAD, "fail", "none", Disposition.ACCEPT, Passage.JUNK),
    ("plain.example", "plain.example", "plain.example", BAD, "fail", "none", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("bare.example", "", "bare.example", GOOD, "none", "none", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("strict.example", "", "sub.strict.example", GOOD, "pass", "fail", Disposition.REFUSE, Passage.JUNK),
    ("strict.example", "sub.strict.example", "strict.example", BAD, "fail", "fail", Disposition.REFUSE, Passage.JUNK),
    ("child.parent.example", "", "child.parent.example", BAD, "fail", "fail", Disposition.REFUSE, Passage.JUNK),
    ("child.parent.example", "parent.example", "", GOOD, "none", "pass", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("trouble.example", "", "trouble.example", GOOD, "temperror", "temperror", Disposition.ACCEPT, Passage.KEEP),
    ("broken.example", "", "broken.example", GOOD, "pass", "temperror", Disposition.ACCEPT, Passage.REWRITE),
    (
        "broken.example",
        "broken.example",
        "plain.example",
        GOOD,
        "pass",
        "temperror",
        Disposition.ACCEPT,
        Passage.UNTOUCHED,
    ),
    ("broken.example", "", "plain.example", GOOD, "pass", "temperror", Disposition.ACCEPT, Passage.KEEP),
    (
        "sub.broken.example",
        "broken.example",
        "plain.example",
        GOOD,
        "pass",
        "temperror",
        Disposition.ACCEPT,
        Passage.KEEP,
    ),
    # whose DNS fails when they please is no way around somebody else's policy
    ("reject.example", "", "trouble.example", BAD, "temperror", "fail", Disposition.REFUSE, Passage.JUNK),
    ("reject.example", "trouble.example", "plain.example", BAD, "fail", "fail", Disposition.REFUSE, Passage.JUNK),
    ("reject.example", "shaky.example", "trouble.example", BAD, "temperror", "fail", Disposition.REFUSE, Passage.JUNK),
    ("shaky.example", "shaky.example", "plain.example", GOOD, "pass", "temperror", Disposition.ACCEPT, Passage.KEEP),
    (
        "sub.shaky.example",
        "shaky.example",
        "plain.example",
        GOOD,
        "pass",
        "temperror",
        Disposition.ACCEPT,
        Passage.KEEP,
    ),
    ("plain.example", "reject.example", "plain.example", BAD, "fail", "none", Disposition.ACCEPT, Passage.KEEP),
    ("", "plain.example", "plain.example", GOOD, "pass", "none", Disposition.ACCEPT, Passage.REWRITE),
    ("mx.alumni.example", "", "plain.example", GOOD, "pass", "none", Disposition.ACCEPT, Passage.JUNK),
    ("loop.example", "", "loop.example", GOOD, "permerror", "none", Disposition.ACCEPT, Passage.UNTOUCHED),
    ("alumni.example", "", "plain.example", GOOD, "pass", "none", Disposition.ACCEPT, Passage.JUNK),
    ("alumni.example", "", "", GOOD, "none", "none", Disposition.ACCEPT, Passage.JUNK),
]


@pytest.mark.parametrize(("author", "signed", "sender", "ip", "spf", "dmarc", "disposition", "onward"), CASES)
def test_n3_verdicts_and_what_may_go_on(core, author, signed, sender, ip, spf, dmarc, disposition, onward):
    verdict = judge(core, message(author, signed_by=signed), f"kare@{sender}" if sender else "", ip)
    assert (verdict.spf, verdict.dmarc, verdict.disposition) == (spf, dmarc, disposition)
    assert forward_policy.forecast(core.config, verdict) is onward


def test_our_field_tells_what_was_found(core):
    field = judge(core, message("reject.example", signed_by="reject.example"), "kare@reject.example").field
    assert field == (
        b"Authentication-Results: mx.alumni.example;\r\n\tspf=pass smtp.mailfrom=reject.example;\r\n"
        b"\tdkim=pass header.d=reject.example header.s=k;\r\n\tdmarc=pass header.from=reject.example policy.dmarc=reject\r\n"
    )


def test_a_changed_message_does_not_pass(core):
    octets = message("reject.example", signed_by="reject.example").replace(b"Hei.", b"Hallo.")
    assert judge(core, octets, "kare@reject.example", BAD).disposition is Disposition.REFUSE


@pytest.mark.parametrize(
    "octets",
    [
        b"From: a@reject.example\r\nFrom: b@plain.example\r\n\r\n",
        b"From: a@reject.example, b@plain.example\r\n\r\n",
    ],
)
def test_several_authors_are_told(core, octets):
    assert judge(core, octets, "b@plain.example").several_authors


def test_an_address_that_is_its_own_name_is_one_author(core):
    """Sloppy programs write it so, without quotes."""
    octets = b"From: kare@reject.example <Kare@reject.example>\r\n\r\n"
    verdict = judge(core, octets, "kare@reject.example")
    assert (verdict.several_authors, verdict.dmarc) == (False, "pass")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"From: \xff\r\n\r\n",
        b"From: a@" + b"x" * 300 + b"\r\n\r\n",
        b"From: a@..example\r\n\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=\xff; s=; b=x; bh=; h=from\r\nFrom: a@reject.example\r\n\r\n",
        b"DKIM-Signature: \r\n" * 50 + b"no header\r\n\r\n",
    ],
)
def test_odd_messages_are_judged(core, octets):
    judge(core, octets, "b@plain.example")


@pytest.mark.parametrize(("value", "forged"), [
    ("mx.alumni.example; dmarc=pass", True), (" MX.Alumni.Example 1; dmarc=pass", True),
    ("\r\n mx.alumni.example;\r\n dmarc=pass", True), ("mx.alumni.\r\n example; dmarc=pass", True),
    ("(x;) mx.alumni.example; dmarc=pass", True), ("(a(b=;)c\\)) mx.alumni.example; dmarc=pass", True),
    ("mx.alumni(c).example; dmarc=pass", True), ("(unclosed mx.alumni.example; dmarc=pass", True),
    ('"mx.alumni.example"; dmarc=pass', True), ('"mx\\.alumni.example"; dmarc=pass', True),
    ("; mx.alumni.example; dmarc=pass", True),
    ("=?utf-8?q?mx=2Ealumni=2Eexample?=; dmarc=pass", True), ("mx.alumni.example", True),
    ("mx.other.example; dmarc=pass", False), ("mx.other.example; spf=pass smtp.helo=mx.alumni.example", False),
    ("mx.other.example; none (mx.alumni.example said so)", True),  # odd, and not worth the risk
    ("", False), ("(" * 5000, False), (";" * 5000, False),
])  # fmt: skip
def test_nobody_speaks_in_our_name(value, forged):
    """RFC 8601 section 5, however the name is dressed up (CFWS, quoted strings, folds)."""
    block = b"Authentication-Results:" + value.encode() + b"\r\nSubject: x\r\n\r\n"
    rest = b"Subject: x\r\n\r\n" if forged else block
    assert authresults.without_forged(block, "mx.alumni.example") == rest
    for name in (b"Authentication-Results \t", b"AUTHENTICATION-results"):
        assert (
            authresults.without_forged(name + b":" + block.partition(b":")[2], "mx.alumni.example") == rest
        ) is forged


@pytest.mark.parametrize(("value", "forged"), [
    ("alumni.example; dmarc=pass", True), ("ALUMNI.example 1; dmarc=pass", True), ("srs.alumni.example; spf=pass", True),
    ("any.host.alumni.example; dmarc=pass", True), ("alumni.example.; dmarc=pass", True), ("alumni . example 1; spf=pass", True),
    ("alumni.\r\n example\r\n 1; dmarc=pass", True), ("mx.university.example; dmarc=pass", True),
    ('"alumni.example" 1; dkim=pass', True), ("=?utf-8?q?alumni=2Eexample?=; dmarc=pass", True),
    ("alumni(c).example; spf=pass", True), ("a b alumni.example; spf=pass", True), ("alumni.example/1; spf=pass", True),
    ("notalumni.example; dmarc=pass", False), ("my-alumni.example; dmarc=pass", False), ("alumni.example.net; dmarc=pass", False),
    ("alumni.examples; dmarc=pass", False), ("university.example; dmarc=pass", False),
    ("mx.other.example; dmarc=pass header.from=alumni.example", False),
])  # fmt: skip
def test_nobody_speaks_in_the_name_of_a_domain_of_ours(value, forged):
    block = b"Authentication-Results: " + value.encode() + b"\r\nSubject: x\r\n\r\n"
    rest = b"Subject: x\r\n\r\n" if forged else block
    assert authresults.without_forged(block, "alumni.example", "srs.alumni.example", "mx.university.example") == rest


def test_only_the_forged_field_is_cut_out():
    block = (
        b"Authentication-Results: MX.alumni.example;\r\n\tspf=pass\r\nSubject:  odd   spaces\r\n"
        b"Authentication-Results: other.example; none\r\n\r\n"
    )
    rest = block.partition(b"spf=pass\r\n")[2]
    assert authresults.without_forged(block, "mx.alumni.example") == rest


def deliver(core, octets, sender, ip=GOOD):
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    verdict = judge(core, octets, sender, ip)
    envelope = Envelope(sender, ("ola@alumni.example",), ip, "x")
    [done] = asyncio.run(delivery.accept(core, envelope, [found], octets, verdict.field, verdict))
    items = [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == "forward"]
    return done, [core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)) for item in items]


@pytest.fixture
def ola(core):
    account = accounts.add_account(core, "ola", password="correct horse battery")
    forwarding.set_forwarding(core, account.id, "ola@home.example", copy=True, confirmed=True)
    return account


def test_n4_a_signed_message_goes_on_octet_for_octet(core, ola):
    octets = message("reject.example", signed_by="reject.example")
    done, [sent] = deliver(core, octets, "kare@reject.example")
    assert done.mailboxes == ("INBOX",)
    assert sent.endswith(octets)
    assert sent.startswith(b"Delivered-To: ola@alumni.example\r\nAuthentication-Results: mx.alumni.example;")


def test_n3_a_message_that_would_fail_goes_on_from_us_and_is_signed(core, ola):
    _, [sent] = deliver(core, message("reject.example"), "kare@reject.example")
    assert b"From: =?utf-8?q?K=C3=A5re_via_Alumnimail?= <ola@alumni.example>\r\n" in sent
    assert b"Reply-To: kare@reject.example\r\n" in sent
    assert b"X-Original-From: =?utf-8?q?K=C3=A5re?= <kare@reject.example>\r\n" in sent
    assert sent.count(b"\r\nFrom:") == 1
    records = {name: text.encode() for name, text in dkim_keys.dns_records(core.config).items()}
    start = sent.index(b"DKIM-Signature:")
    assert dkim.verify(sent[start:], dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip(".")))


def test_n3_a_line_that_is_no_field_goes_not_on_where_we_write_the_header_anyway(core, ola):
    """It would go unsigned with it."""
    _, [sent] = deliver(core, b"no field\r\n\tat all\r\n" + message("reject.example"), "kare@reject.example")
    assert b"no field" not in sent
    assert verifies(core, sent)


def test_n3_a_message_without_an_author_goes_on_from_us(core, ola):
    _, [sent] = deliver(core, message("").replace(b"From:", b"X-From:"), "kare@plain.example")
    assert b"From: via Alumnimail <ola@alumni.example>\r\n" in sent
    assert verifies(core, sent)


def test_n3_a_spoof_stays_here_as_junk(core, ola):
    done, sent = deliver(core, message("plain.example"), "kare@plain.example", BAD)
    assert (done.outcome, done.mailboxes, sent) == (Outcome.FILED, ("Junk",), [])


def test_without_an_answer_of_dns_the_message_is_kept(core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@home.example", copy=False, confirmed=True)
    done, sent = deliver(core, message("trouble.example"), "kare@trouble.example")
    assert (done.mailboxes, sent) == (("INBOX",), [])


def test_the_site_may_keep_what_needs_another_author(core, ola):
    verdict = judge(core, message("reject.example"), "kare@reject.example")
    config = replace(core.config, forwarding=replace(core.config.forwarding, unsafe="keep"))
    assert forward_policy.forecast(config, verdict) is Passage.KEEP


def test_a_forwarded_message_is_sealed(core, ola):
    _, [sent] = deliver(core, message("reject.example", signed_by="reject.example"), "kare@reject.example")
    sealed = our_dkim.seal(core.config, sent) + sent
    assert sealed.startswith(b"ARC-Seal: i=1;")
    keys = {name: text.encode() for name, text in dkim_keys.dns_records(core.config).items()}
    assert dkim.arc_verify(sealed, dnsfunc=lambda name, timeout=5: keys.get(name.decode().rstrip(".")))[0] == b"pass"


def own(core, octets, trace=b""):
    """Delivered to ola as a message of ours; what goes on."""
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    asyncio.run(delivery.accept(core, Envelope("", ("ola@alumni.example",)), [found], octets, trace))
    [item] = [item for item in core.db.read(list_items) if item.origin == "forward"]
    return core.db.read(lambda tx: read_octets(tx, core.blobs, item))


def verifies(core, octets) -> bool:
    """Is one of the signatures ours and valid?"""
    keys = {name: text.encode() for name, text in dkim_keys.dns_records(core.config).items()}
    found = dkim.DKIM(octets)

    def is_valid(index: int) -> bool:
        try:
            return found.verify(index, dnsfunc=lambda name, timeout=5: keys.get(name.decode().rstrip(".")))
        except dkim.DKIMException:
            return False

    return any(map(is_valid, range(octets.count(b"DKIM-Signature:"))))


def test_s24_what_we_wrote_ourselves_goes_on_signed(core, ola):
    """An automatic reply of kari's to ola: from a null sender, whose SPF does not speak for the domain."""
    assert verifies(core, own(core, message("alumni.example")))


def test_s24_what_is_signed_is_not_signed_again(core, ola):
    octets = message("alumni.example")
    signature = our_dkim.sign(core.config, octets)
    assert own(core, octets, signature).count(b"DKIM-Signature:") == signature.count(b"DKIM-Signature:")


EDITED = 'require ["editheader", "copy"]; addheader "X-Seen" "ola"; deleteheader "Subject"; redirect :copy "ola@far.example";'


def with_script(core, account) -> None:
    forwarding.stop_forwarding(core, account.id)
    filters.put_script(core, account.id, "mine", EDITED)
    filters.set_active_script(core, account.id, "mine")


def test_n3_what_a_script_changed_goes_on_from_us_if_its_signature_was_what_counted(core, ola):
    with_script(core, ola)
    _, [sent] = deliver(core, message("reject.example", signed_by="reject.example"), "kare@plain.example")
    assert b"From: =?utf-8?q?K=C3=A5re_via_Alumnimail?= <ola@alumni.example>\r\n" in sent
    assert b"X-Seen: ola\r\n" in sent
    assert verifies(core, sent)


def test_what_a_script_changed_of_our_own_is_signed_anew(core, ola):
    with_script(core, ola)
    octets = message("alumni.example")
    assert verifies(core, own(core, octets, our_dkim.sign(core.config, octets)))


# ARC of others (RFC 8617)


def relayed(author: str, seen: str, sealer: str = "plain.example") -> bytes:
    """Passed on by a list that seals what it saw and then changes the message."""
    octets = f"Authentication-Results: {sealer}; dmarc={seen} header.from={author}\r\n".encode() + message(author)
    octets = octets.replace(b"Subject: hei", b"Subject: [list] hei")
    return b"".join(dkim.arc_sign(octets, b"k", sealer.encode(), PEM, sealer.encode())) + octets


@pytest.mark.parametrize(("seen", "sealers", "damage", "arc", "disposition"), [
    ("pass", (), (b"", b""), "pass", Disposition.REFUSE),
    ("pass", ("plain.example",), (b"", b""), "pass", Disposition.ACCEPT),
    ("pass", ("plain.example", "other.example"), (b"", b""), "pass", Disposition.ACCEPT),
    ("pass", ("other.example",), (b"", b""), "pass", Disposition.REFUSE),
    ("fail", ("plain.example",), (b"", b""), "pass", Disposition.REFUSE),
    ("pass", ("plain.example",), (b"Hei.", b"Ha."), "fail", Disposition.REFUSE),
    ("fail", ("plain.example",), (b"dmarc=fail", b"dmarc=pass"), "fail", Disposition.REFUSE),
    ("pass", ("plain.example",), (b"d=plain.example", b"d=bare.example"), "fail", Disposition.REFUSE),
    ("pass", ("trouble.example",), (b"d=plain.example", b"d=trouble.example"), "temperror", Disposition.REFUSE),
])  # fmt: skip
def test_chains_of_others_are_verified_and_believed_by_setting(core, seen, sealers, damage, arc, disposition):
    here = replace(core, config=replace(core.config, incoming=replace(core.config.incoming, sealers=sealers)))
    verdict = judge(here, relayed("reject.example", seen).replace(*damage), "list@plain.example")
    assert f"arc={arc}".encode() in verdict.field
    assert verdict.disposition is disposition
    # what is believed for its seal alone could not pass elsewhere
    onward = Passage.REWRITE if disposition is Disposition.ACCEPT else Passage.JUNK
    assert forward_policy.forecast(here.config, verdict) is onward


def test_a_chain_of_many_sets_is_not_read(core):
    octets = b"".join(b"ARC-Seal: i=%d; d=plain.example\r\n" % n for n in range(1, 12)) + message("plain.example")
    assert b"arc=fail" in judge(core, octets, "kare@plain.example").field


def test_spf_of_one_message_ends_in_time(core, monkeypatch):
    """RFC 7208 section 4.6.4; records of a stranger may ask for a hundred names, each of which answers late."""
    monkeypatch.setattr(authentication, "SPF_SECONDS", -1)
    assert judge(core, message("plain.example"), "kare@plain.example").spf == "temperror"


@pytest.mark.parametrize(
    "odd",
    [
        b"X-Space : here\r\n",
        b"no field\r\n\tand more\r\n",
        b"From someone Tue Nov 24\r\n",
        b" begins with a fold\r\n\t\r\n",
        b": x\r\n",
        b"\xc3\xa6: x\r\n",
    ],
)
def test_a_line_that_is_no_field_takes_no_signature_away(core, odd):
    octets = odd + message("reject.example", signed_by="reject.example")
    assert judge(core, octets, "list@plain.example").dmarc == "pass"
    inside = message("reject.example", signed_by="reject.example").replace(
        b"\r\nFrom:", b"\r\n" + odd.lstrip() + b"From:"
    )
    assert judge(core, inside, "list@plain.example").dmarc == "pass"


def test_the_authors_signature_counts_however_many_stand_above_it(core):
    """Lists and relays sign on top of what was signed."""
    octets = message("reject.example", signed_by="reject.example")
    for _ in range(7):
        octets = dkim.sign(octets, b"k", b"plain.example", PEM) + octets
    verdict = judge(core, octets, "list@plain.example")
    assert (verdict.dmarc, verdict.dkim_aligned, verdict.field.count(b"dkim=pass")) == ("pass", True, 5)


def test_a_signature_of_a_part_of_the_body_vouches_for_nothing(core):
    """RFC 6376 section 8.2: what `l=` leaves out, anybody may have written."""
    octets = message("reject.example")
    whole = dkim.sign(octets, b"k", b"reject.example", PEM, canonicalize=(b"relaxed", b"relaxed"), length=True) + octets
    assert judge(core, whole, "kare@plain.example").dmarc == "pass"
    assert judge(core, whole + b"Send money.\r\n", "kare@plain.example").dmarc == "fail"


@pytest.mark.parametrize(
    ("selector", "agent", "dmarc"),
    [
        ("k", b"@sub.reject.example", "pass"),
        ("exact", b"@sub.reject.example", "fail"),
        ("exact", b"@reject.example", "pass"),
        ("web", b"@reject.example", "fail"),
        ("sha1", b"@reject.example", "fail"),
        ("both", b"@reject.example", "pass"),
    ],
)
def test_a_key_says_for_what_it_is(core, selector, agent, dmarc):
    """RFC 6376 section 3.6.1."""
    octets = message("reject.example")
    octets = dkim.sign(octets, selector.encode(), b"reject.example", PEM, identity=agent) + octets
    assert judge(core, octets, "kare@plain.example").dmarc == dmarc
